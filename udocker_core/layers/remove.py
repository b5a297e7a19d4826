"""Removing trees: iterative, through directory descriptors, without ever following a link."""

from __future__ import annotations

import errno
import os
import stat

from udocker_core import files
from udocker_core.errors import StoreError

_OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def remove_tree(path: str, *, dir_fd: int | None = None) -> None:
    """Remove `path`, whatever it is, with all that is in it; do nothing if it does not exist.

    Directories are made readable and writable first. Of a tree of any depth one directory is
    open at a time. What cannot be removed is left, the rest is removed all the same.

    Args:
        path: absolute, or relative to the directory `dir_fd`; its parents may be links.
        dir_fd: descriptor of a directory, or None for the current directory.

    Raises:
        StoreError: something is left; the message names the first such path. This is also so
            for what is mounted in the tree, and for a file that NFS keeps because it is open.
    """
    top, name = os.path.split(path.rstrip("/"))
    try:
        parent = os.open(top or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=dir_fd)
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreError(f"cannot remove {path}: {error.strerror}") from error
    try:
        removal = _Removal(parent, path)
        if removal.unlink(name):
            removal.remove_directory(name)
    finally:
        os.close(parent)
    if removal.failures:
        left, reason = removal.failures[0]
        raise StoreError(
            f"cannot remove {left}: {reason}",
            hint="end the programs that use it, then remove it again",
        )


class _Level:
    """A directory on the way from the top to the one that is being emptied."""

    __slots__ = ("inode", "name", "pending")

    def __init__(self, name: str, inode: tuple[int, int]) -> None:
        self.name = name
        self.inode = inode  # st_dev and st_ino
        self.pending: list[str] = []  # the directories in it that are still to be removed


class _Removal:
    def __init__(self, parent: int, path: str) -> None:
        self.failures: list[tuple[str, str]] = []  # path and reason
        self._path = path
        self._parent = parent
        self._fd = parent  # the directory that is being emptied
        self._levels: list[_Level] = []

    def unlink(self, name: str) -> bool:
        """Remove `name` if it is no directory; return whether it is one."""
        try:
            if stat.S_ISDIR(os.stat(name, dir_fd=self._fd, follow_symlinks=False).st_mode):
                return True
            os.unlink(name, dir_fd=self._fd)
        except OSError as error:
            self._failed(name, error)
        return False

    def remove_directory(self, name: str) -> None:
        """Remove the directory `name` in the parent."""
        device = os.fstat(self._parent).st_dev
        try:
            self._enter(name, device)
            while self._levels:
                level = self._levels[-1]
                if level.pending:
                    self._enter(level.pending.pop(), device)
                else:
                    self._leave()
        finally:
            self._move_to(self._parent)

    def _enter(self, name: str, device: int) -> None:
        """Go into `name`, make it ours to change, and remove all but the directories in it."""
        try:
            try:
                fd = os.open(name, _OPEN_DIRECTORY, dir_fd=self._fd)
            except PermissionError:
                files.grant(name, 0o700, self._fd)
                fd = os.open(name, _OPEN_DIRECTORY, dir_fd=self._fd)
        except OSError as error:
            self._failed(name, error)
            return
        status = os.fstat(fd)
        if status.st_dev != device:
            os.close(fd)
            self._failed(name, OSError(errno.EBUSY, "something is mounted there"))
            return
        self._move_to(fd)
        level = _Level(name, (status.st_dev, status.st_ino))
        self._levels.append(level)
        try:
            if status.st_mode & 0o700 != 0o700:
                os.fchmod(fd, 0o700)
            with os.scandir(fd) as entries:
                found = list(entries)
        except OSError as error:
            self._failed("", error)
            return
        for entry in found:
            if entry.is_dir(follow_symlinks=False):
                level.pending.append(entry.name)
                continue
            try:
                os.unlink(entry.name, dir_fd=fd)
            except OSError as error:
                self._failed(entry.name, error)

    def _leave(self) -> None:
        """Go up and remove the directory that was emptied."""
        name = self._levels.pop().name
        if self._levels:
            self._move_to(os.open("..", _OPEN_DIRECTORY, dir_fd=self._fd))
            status = os.fstat(self._fd)
            if (status.st_dev, status.st_ino) != self._levels[-1].inode:
                raise StoreError(f"{self._where(name)} was moved while it was being removed")
        else:
            self._move_to(self._parent)
        try:
            os.rmdir(name, dir_fd=self._fd)
        except OSError as error:
            self._failed(name, error)

    def _move_to(self, fd: int) -> None:
        if self._fd not in (fd, self._parent):
            os.close(self._fd)
        self._fd = fd

    def _failed(self, name: str, error: OSError) -> None:
        if error.errno != errno.ENOENT:  # what is gone need not be removed
            self.failures.append((self._where(name), error.strerror or str(error)))

    def _where(self, name: str) -> str:
        if not self._levels:
            return self._path
        return os.path.join(self._path, *(level.name for level in self._levels[1:]), name)
