"""The directories of the root that layers are applied to, and the way to them.

Nothing here follows a path: each directory is opened by its name in its parent with O_NOFOLLOW,
and links on the way are resolved by hand inside the root. What was opened once is remembered, so
that a file's parent costs one lookup.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import Callable

from udocker_core.errors import UnsafeLayer
from udocker_core.layers.fields import shown
from udocker_core.layers.remove import remove_tree

_OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_MAX_LINKS = 40  #: symbolic links on the way to one directory, as in the kernel
_MAX_DEPTH = 2048  #: directories in each other: what a path of 4096 bytes can name
_MAX_OPEN = 128  #: directories kept open
_KEPT_BELOW = 32  #: of the directories opened on the way to one, those next to it are kept open
_MAX_CACHED = 10_000  #: paths whose directory is remembered

# Shared, and never changed: an image may have a million directories, most with neither.
_NO_CHILDREN: dict[bytes, Directory] = {}
_NO_NAMES: set[bytes] = set()


class Directory:
    """A directory in the root, with what it shall be like when all layers are applied."""

    __slots__ = ("children", "depth", "fd", "layer", "made", "mode", "mtime", "name", "parent")

    def __init__(self, name: bytes, parent: Directory | None) -> None:
        self.name = name
        self.parent: Directory = parent or self  #: the root is its own
        self.depth: int = parent.depth + 1 if parent else 0
        self.children: dict[bytes, Directory] = _NO_CHILDREN  #: its own once it has one
        self.fd = -1  #: its descriptor, or -1 when it is not open
        self.layer = 0  #: the last layer that put something in here
        self.made: set[bytes] = _NO_NAMES  #: what this layer put in here, if that matters
        self.mode: int | None = None  #: its final permission bits
        self.mtime: int | None = None  #: its final time in ns


class Tree:
    """The root directory, and all below it that layers have touched.

    Args:
        root: path of the root directory, which exists.
    """

    def __init__(self, root: str) -> None:
        self.root = Directory(b"", None)
        self.root.fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self.layer = 0  #: the number of the layer that is being applied
        #: whether there is something for whiteouts to remove, so that names must be kept
        self.has_lower = bool(os.listdir(self.root.fd))
        self._open: list[Directory] = []
        #: directories by their path as the archive has it; a miss is for :meth:`parent`
        self.found: dict[bytes, Directory] = {}

    def begin_layer(self) -> None:
        """Begin the next layer: all that is there now is lower."""
        if self.layer:
            self.has_lower = True
        self.layer += 1
        self.found.clear()

    def close(self) -> None:
        """Close all descriptors."""
        self._close(self._open)
        self._open = []
        os.close(self.root.fd)

    # -- ways in

    def descriptor(self, directory: Directory) -> int:
        """Return a descriptor of `directory`; it stays open until :meth:`trim`."""
        if directory.fd >= 0:
            return directory.fd
        way = [directory]
        while way[-1].parent.fd < 0:
            way.append(way[-1].parent)
        fd = way[-1].parent.fd
        passing = -1
        while way:
            step = way.pop()
            inner = os.open(step.name, _OPEN_DIRECTORY, dir_fd=fd)
            if passing >= 0:
                os.close(passing)
            fd, passing = inner, inner
            if len(way) < _KEPT_BELOW:
                step.fd, passing = inner, -1
                self._open.append(step)
        return fd

    def trim(self, keep: Directory | None = None) -> None:
        """Close directories when too many are open, but not `keep`."""
        if len(self._open) > _MAX_OPEN:
            self._close(directory for directory in self._open if directory is not keep)
            self._open = [keep] if keep and keep.fd >= 0 and keep is not self.root else []

    def parent(self, path: bytes) -> Directory:
        """Return the directory at `path`, which the current layer puts something in.

        What is missing is made, and what is no directory is replaced, as a layer that has names
        below it wants.

        Raises:
            UnsafeLayer: the path climbs out of the root, or its links do not end.
        """
        found = self.found.get(path)
        if found is None:
            found = self._walk(clean(path), make=True)
            self._touch(found)
            if len(self.found) >= _MAX_CACHED:
                self.found.clear()
            self.found[path] = found
        return found

    def find(self, path: bytes) -> Directory | None:
        """Return the directory at `path`, or None if there is none.

        Raises:
            UnsafeLayer: as :meth:`parent`.
        """
        try:
            return self._walk(clean(path), make=False)
        except NotADirectoryError:
            return None

    def _walk(self, parts: list[bytes], *, make: bool) -> Directory:
        place = self.root
        todo = parts[::-1]
        links = 0
        while todo:
            name = todo.pop()
            if name == b"..":  # only links have it; above the root is the root
                place = place.parent
                continue
            inner = place.children.get(name)
            if inner is None:
                self.trim(keep=place)
                fd = self.descriptor(place)
                found = status(name, fd)
                if found and stat.S_ISLNK(found.st_mode):
                    links += 1
                    if links > _MAX_LINKS:
                        raise UnsafeLayer("has a name with too many symbolic links on its way")
                    target = os.readlink(name, dir_fd=fd)
                    if target.startswith(b"/"):
                        place = self.root
                    todo.extend(part for part in target.split(b"/")[::-1] if part not in b".")
                    continue
                if not make and not (found and stat.S_ISDIR(found.st_mode)):
                    raise NotADirectoryError
                inner = self.directory(place, name)
            place = inner
        return place

    # -- changes

    def directory(self, parent: Directory, name: bytes) -> Directory:
        """Make the plain `name` in `parent` a directory; one that is there stays with all in it.

        Its final mode and time are those that it has, or for a new one 0755 and the present.
        """
        made = Directory(name, parent)
        if made.depth > _MAX_DEPTH:
            raise UnsafeLayer(f"has more than {_MAX_DEPTH} directories in each other")
        fd = self.descriptor(parent)
        found = status(name, fd)
        if found and stat.S_ISDIR(found.st_mode):
            made.mode = stat.S_IMODE(found.st_mode)
            made.mtime = found.st_mtime_ns
            if made.mode & 0o700 != 0o700:
                os.chmod(name, made.mode | 0o700, dir_fd=fd)
        else:
            made.mode = 0o755
            self.make(parent, name, _make_directory)
        if parent.children is _NO_CHILDREN:
            parent.children = {}
        parent.children[name] = made
        return made

    def make(self, parent: Directory, name: bytes, create: Callable[..., None]) -> None:
        """Call ``create(name, dir_fd=...)``, after removing what is there if need be."""
        fd = self.descriptor(parent)
        try:
            create(name, dir_fd=fd)
        except FileExistsError:
            self.remove(parent, name)
            create(name, dir_fd=fd)

    def remove(self, parent: Directory, name: bytes) -> None:
        """Remove whatever `name` in `parent` is, if anything."""
        fd = self.descriptor(parent)
        found = status(name, fd)
        if found is None:
            return
        if stat.S_ISDIR(found.st_mode):
            gone = parent.children.pop(name, None)
            if gone:
                self._forget(gone)
            remove_tree(os.fsdecode(name), dir_fd=fd)
        else:
            os.unlink(name, dir_fd=fd)
        if stat.S_ISDIR(found.st_mode) or stat.S_ISLNK(found.st_mode):
            self.found.clear()  # paths may have led through it

    def remove_lower(self, parent: Directory, name: bytes) -> None:
        """Apply the whiteout of `name` in `parent`: it hides what lower layers have there."""
        if not self.has_lower:
            return
        if parent.layer != self.layer or name not in parent.made:
            self.remove(parent, name)
        elif name in parent.children:
            self.clear_lower(parent.children[name])

    def clear_lower(self, directory: Directory) -> None:
        """Apply the opaque whiteout of `directory`, wherever in its layer it is."""
        todo = [directory] if self.has_lower else []
        while todo:
            place = todo.pop()
            self.trim(keep=place)
            made = place.made if place.layer == self.layer else ()
            for entry in os.listdir(self.descriptor(place)):
                name = os.fsencode(entry)
                if name not in made:
                    self.remove(place, name)
                elif name in place.children:
                    todo.append(place.children[name])

    def finish(self) -> None:
        """Give all directories their final modes and times, the innermost first."""
        for directory in _innermost_first(self.root):
            if directory.mode is not None:
                self.trim()
                fd = self.descriptor(directory)
                os.fchmod(fd, directory.mode)
                if directory.mtime is not None:
                    os.utime(fd, ns=(directory.mtime, directory.mtime))

    def _touch(self, directory: Directory) -> None:
        """Note that the current layer puts something in `directory`, so in all above it too."""
        new = directory.layer != self.layer
        if new:
            directory.layer, directory.made = self.layer, self._names()
        while new and directory is not self.root:
            parent = directory.parent
            new = parent.layer != self.layer
            if new:
                parent.layer, parent.made = self.layer, self._names()
            if self.has_lower:
                parent.made.add(directory.name)
            directory = parent

    def _names(self) -> set[bytes]:
        return set() if self.has_lower else _NO_NAMES

    def _forget(self, gone: Directory) -> None:
        inside = set(_innermost_first(gone))
        self._close(directory for directory in self._open if directory in inside)
        self._open = [directory for directory in self._open if directory.fd >= 0]

    @staticmethod
    def _close(directories: Iterator[Directory] | list[Directory]) -> None:
        for directory in directories:
            os.close(directory.fd)
            directory.fd = -1


def clean(path: bytes) -> list[bytes]:
    """Return the parts of a path in an archive, without empty ones, ``.`` and ``..``.

    Raises:
        UnsafeLayer: it climbs out of the root.
    """
    parts: list[bytes] = []
    for part in path.split(b"/"):
        if part == b"..":
            if not parts:
                raise UnsafeLayer(f"has a name that leads out of the root: {shown(path)}")
            parts.pop()
        elif part and part != b".":
            parts.append(part)
    return parts


def status(name: bytes, fd: int) -> os.stat_result | None:
    """Return what `name` in the directory `fd` is, a link unfollowed, or None for nothing."""
    try:
        return os.stat(name, dir_fd=fd, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _make_directory(name: bytes, dir_fd: int) -> None:
    os.mkdir(name, 0o700, dir_fd=dir_fd)


def _innermost_first(top: Directory) -> Iterator[Directory]:
    todo = [(top, iter(top.children.values()))]
    while todo:
        directory, children = todo[-1]
        child = next(children, None)
        if child is None:
            todo.pop()
            yield directory
        else:
            todo.append((child, iter(child.children.values())))
