"""Mount points: the files and directories that must exist in a root to mount something on them.

What had to be made is recorded as udocker 1.3 does: ``.mountpoints/`` has a link for each, named
after its path with ``#`` for ``/``, that names the deepest directory that was there before.
"""

from __future__ import annotations

import errno
import os
import stat

from udocker_core import files
from udocker_core.containers import rootfs
from udocker_core.errors import StoreError, UsageError
from udocker_core.model import Container

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_RECORD = ".mountpoints"
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def make(container: Container, wanted: Mapping[str, bool]) -> None:
    """Make the mount points that are missing.

    Args:
        container: the container.
        wanted: container path -> True for a directory, False for a file.

    Raises:
        UsageError: there is a file where a directory is wanted, or the reverse.
        StoreError: one cannot be made.
    """
    for path, directory in wanted.items():
        place = rootfs.locate(container.root, (), path)
        if place is None:
            _make(container, path, directory)
        elif stat.S_ISDIR(place.status.st_mode) != directory:
            kinds = ("a directory", "a file") if directory else ("a file", "a directory")
            raise UsageError(
                f"cannot mount {kinds[0]} on {kinds[1]}: {path}", "choose another container path"
            )


def purge(container: Container) -> None:
    """Remove the mount points that were made and are still empty, and forget the others.

    Raises:
        StoreError: one cannot be removed.
    """
    record = os.path.join(container.directory, _RECORD)
    names = os.listdir(record) if os.path.isdir(record) else []
    for name in sorted(names, key=len, reverse=True):
        link = os.path.join(record, name)
        first = os.readlink(link).replace("#", "/").rstrip("/")
        path = name.replace("#", "/")
        while len(path) > max(len(first), 1) and _remove_empty(container, path):
            path = os.path.dirname(path)
        os.unlink(link)


def _remove_empty(container: Container, path: str) -> bool:
    """Remove an empty file or directory; False if it is not empty or not there."""
    place = rootfs.locate(container.root, (), path)
    if place is None:
        return False
    directory, _, name = place.path.rpartition("/")
    try:
        fd = files.open_below(container.root, directory)
        try:
            status = os.stat(name, dir_fd=fd, follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode):
                os.rmdir(name, dir_fd=fd)
            elif status.st_size:
                return False
            else:
                os.unlink(name, dir_fd=fd)
        finally:
            os.close(fd)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            return False
        raise StoreError(f"cannot remove the mount point {path}: {error.strerror}") from error
    return True


def _make(container: Container, path: str, directory: bool) -> None:
    parts = [part for part in path.split("/") if part]
    count = len(parts) - 1
    while (parent := rootfs.locate(container.root, (), "/" + "/".join(parts[:count]))) is None:
        count -= 1
    try:
        fd = files.open_below(container.root, parent.path)
        try:
            for name in parts[count:-1]:
                fd = _enter(fd, name)
            if directory:
                os.close(_enter_new(fd, parts[-1]))
            else:
                made = os.open(parts[-1], _FILE, 0o644, dir_fd=fd)
                os.fchmod(made, 0o644)  # whatever the umask
                os.close(made)
        finally:
            os.close(fd)
        _record(container, path, parent.path)
    except FileExistsError:
        # Another run of the container made it meanwhile, or a link to nothing is in the way,
        # which the engine resolves inside the root when it mounts.
        return
    except OSError as error:
        raise StoreError(
            f"cannot make the mount point {path} in the container: {error.strerror}",
            "choose a path that exists in the image",
        ) from error


def _enter(fd: int, name: str) -> int:
    inner = _enter_new(fd, name)
    os.close(fd)
    return inner


def _enter_new(fd: int, name: str) -> int:
    os.mkdir(name, 0o755, dir_fd=fd)
    inner = os.open(name, _DIRECTORY, dir_fd=fd)
    os.fchmod(inner, 0o755)  # whatever the umask
    return inner


def _record(container: Container, path: str, parent: str) -> None:
    record = os.path.join(container.directory, _RECORD)
    os.makedirs(record, mode=0o700, exist_ok=True)
    link = os.path.join(record, path.replace("/", "#"))
    if not os.path.lexists(link):
        os.symlink(parent.replace("/", "#"), link)
