"""Applying layers to a root (OCI image-spec, layer.md), confined to it whatever they hold.

Every act goes through the descriptor of a directory in the root and a plain name in it; files
are only ever made anew. Nothing outside the root is read, written, linked or removed.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from udocker_core.errors import IntegrityError, StoreError, UnsafeLayer
from udocker_core.layers import header, sparse
from udocker_core.layers.fields import DamageError, shown
from udocker_core.layers.stream import Stream
from udocker_core.layers.tree import Directory, Tree, clean, status

if TYPE_CHECKING:
    from udocker_core.layers import Layer, Limits

_WHITEOUT = b".wh."
_OPAQUE = b".wh..wh..opq"
_AUFS = b".wh..wh."  # what AUFS kept for itself; not part of the image

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_PROBE = ".udocker-probe"

#: failures that come from what is in the layer, not from the disk
_LAYERS_FAULT = {errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ, errno.ENOENT}
_HINTS = {
    errno.ENOSPC: "free some space, or choose another place for the store",
    errno.EDQUOT: "your quota is used up: free some space, or choose another place for the store",
}


class Applier:
    """Applies layers to one root, and counts; a context manager that frees what it holds.

    Args:
        root: path of the root directory, which exists.
        limits: what all layers together may hold.
    """

    def __init__(self, root: str, limits: Limits) -> None:
        self._tree = Tree(root)
        self._limits = limits
        self._lost_bits = _bits_lost_on_creation(self._tree.root.fd)
        self.entries = 0
        self.bytes = 0
        self.skipped = 0

    def __enter__(self) -> Applier:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close all descriptors."""
        self._tree.close()

    def apply(self, layer: Layer, blocks: Iterator[bytes]) -> None:
        """Apply `layer`, whose tar archive is `blocks`, and read it to its end.

        Raises:
            IntegrityError: it is damaged, or wants what cannot be.
            UnsafeLayer: it tries to reach outside the root, or exceeds a limit.
            StoreError: the root cannot be written.
        """
        stream = Stream(blocks)
        self._tree.begin_layer()
        self._name = b""
        try:
            self._apply(stream)
            stream.drain()
        except OSError as error:
            name = shown(self._name)
            if error.errno in _LAYERS_FAULT:
                raise IntegrityError(
                    f"layer {layer.name} has an impossible member: {name}: {error.strerror}"
                ) from error
            raise StoreError(
                f"cannot unpack {name} of layer {layer.name}: {error.strerror}",
                hint=_HINTS.get(error.errno or 0),
            ) from error
        except DamageError as error:
            raise IntegrityError(f"layer {layer.name} {error.message}") from error
        except UnsafeLayer as error:
            raise UnsafeLayer(f"layer {layer.name} {error.message}") from error

    def finish(self) -> None:
        """Give the directories their final modes and times."""
        try:
            self._tree.finish()
        except OSError as error:
            raise StoreError(f"cannot finish the root: {error.strerror}") from error

    def _apply(self, stream: Stream) -> None:
        """The hot loop: what it does for each member is counted in microseconds."""
        tree = self._tree
        found = tree.found
        keep_names = tree.has_lower
        needs_chmod = self._lost_bits | 0o7000  # writing clears setuid and setgid
        max_entries, max_bytes = self._limits
        open_, close, utime = os.open, os.close, os.utime

        for kind, name, link, size, mode, mtime, holes in header.members(stream):
            self._name = name
            self.entries += 1
            if self.entries > max_entries:
                raise UnsafeLayer(f"exceeds the limit of {max_entries} entries")
            if name.endswith(b"/"):
                name = name.rstrip(b"/")
            head, _, base = name.rpartition(b"/")
            if base[:1] in b".":  # "", ".", ".." and ".wh.name", but also ".profile"
                head, base = self._unusual(head, base, kind, mode, mtime)
                if not base:
                    continue
            place = found.get(head) or tree.parent(head)
            fd = place.fd
            if fd < 0:
                tree.trim()
                fd = tree.descriptor(place)
            if keep_names:
                place.made.add(base)

            if kind == b"0":
                try:
                    out = open_(base, _CREATE, mode & 0o777, dir_fd=fd)
                except FileExistsError:
                    tree.remove(place, base)
                    out = open_(base, _CREATE, mode & 0o777, dir_fd=fd)
                try:
                    if size or holes:
                        self.bytes += holes.size if holes else size
                        if self.bytes > max_bytes:
                            raise UnsafeLayer(f"exceeds the limit of {max_bytes} bytes")
                        if holes:
                            _write_sparse(stream, out, holes)
                        else:
                            stream.write_to(out, size)
                    if mode & needs_chmod:
                        os.fchmod(out, mode)
                    utime(out, ns=(mtime, mtime))
                finally:
                    close(out)
            elif kind == header.SYMLINK:
                tree.make(place, base, partial(os.symlink, link))
                utime(base, ns=(mtime, mtime), dir_fd=fd, follow_symlinks=False)
            elif kind == header.DIRECTORY:
                inner = place.children.get(base) or tree.directory(place, base)
                inner.mode, inner.mtime = mode, mtime
            elif kind == header.LINK:
                self._link(place, base, link)
            elif kind == header.FIFO:
                tree.make(place, base, os.mkfifo)
                os.chmod(base, mode, dir_fd=fd)
                utime(base, ns=(mtime, mtime), dir_fd=fd, follow_symlinks=False)
            else:  # devices need root
                tree.remove(place, base)
                self.skipped += 1

    def _unusual(
        self, head: bytes, base: bytes, kind: bytes, mode: int, mtime: int
    ) -> tuple[bytes, bytes]:
        """Treat a name whose last part begins with a dot or is empty.

        Returns:
            The parent's path and the plain name, both empty when nothing is left to do.
        """
        if base in (b"", b".", b".."):
            parts = clean(head + b"/" + base)
            if not parts:
                if kind != header.DIRECTORY:
                    raise UnsafeLayer("replaces the root by something else")
                self._tree.root.mode, self._tree.root.mtime = mode, mtime
                return b"", b""
            head, base = b"/".join(parts[:-1]), parts[-1]
        if not base.startswith(_WHITEOUT):
            return head, base
        if base == _OPAQUE:
            directory = self._tree.find(head)
            if directory:
                self._tree.clear_lower(directory)
        elif not base.startswith(_AUFS):
            hidden = base[len(_WHITEOUT) :]
            if hidden in (b"", b".", b".."):
                raise UnsafeLayer(f"has a whiteout of nothing that can be removed: {shown(base)}")
            parent = self._tree.find(head)
            if parent:
                self._tree.remove_lower(parent, hidden)
        return b"", b""

    def _link(self, place: Directory, base: bytes, target: bytes) -> None:
        """Make a hard link to what the archive's path `target` is in the root."""
        *head, name = clean(target) or [b""]
        for last in (False, True):
            source = self._tree.find(b"/".join(head))
            if source is None:
                break
            source_fd, fd = self._tree.descriptor(source), self._tree.descriptor(place)
            wanted = status(name, source_fd)
            if wanted is None or stat.S_ISDIR(wanted.st_mode):
                break
            try:
                os.link(name, base, src_dir_fd=source_fd, dst_dir_fd=fd, follow_symlinks=False)
                return
            except FileExistsError:
                there = status(base, fd)
                if there and os.path.samestat(there, wanted):
                    return
                if last:
                    raise
                self._tree.remove(place, base)  # and with it perhaps the source
        raise DamageError(f"has a hard link to what is no file in it: {shown(target)}")


def _write_sparse(stream: Stream, fd: int, holes: sparse.Map) -> None:
    for offset, length in holes.pieces:
        os.lseek(fd, offset, os.SEEK_SET)
        stream.write_to(fd, length)
    os.ftruncate(fd, holes.size)


def _bits_lost_on_creation(root: int) -> int:
    """Return the permission bits that a new file in `root` is not given when asked for.

    This sees the umask, which cannot be read without setting it for all threads, as well as
    default ACLs and file systems with fixed modes.
    """
    try:
        fd = os.open(_PROBE, _CREATE, 0o777, dir_fd=root)
    except FileExistsError:
        return 0o777
    try:
        return 0o777 & ~os.fstat(fd).st_mode
    finally:
        os.close(fd)
        os.unlink(_PROBE, dir_fd=root)
