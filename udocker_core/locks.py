"""Locks between processes that also work on network file systems.

``fcntl`` record locks work on NFS; where the file system has none (some Lustre and FUSE mounts)
a symbolic link is made instead, which is atomic everywhere and tells its owner. A lock file may
be deleted by its holder: who gets the lock checks that the path still names the file it locked.
"""

from __future__ import annotations

import errno
import os
import time
from types import TracebackType

from udocker_core import files
from udocker_core.errors import StoreError

#: Seconds to wait for another process before giving up.
TIMEOUT = 10.0
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)
_POLL = 0.02
#: The locks of this process: the kernel would grant them a second time, and drop them when the
#: second descriptor is closed (fcntl(2), "Advisory record locking").
_held: set[str] = set()


class FileLock:
    """An exclusive lock named by a path; a context manager.

    Args:
        path: the lock file, created when missing.
        timeout: seconds to wait for it; 0 to try once.
        remove: delete the file on release.

    A process excludes itself too. It must not open the path otherwise: closing any descriptor of
    it drops the lock.
    """

    def __init__(self, path: str, timeout: float = TIMEOUT, remove: bool = False) -> None:
        self.path = path
        self.timeout = timeout
        self.remove = remove
        self._fd = -1
        self._link = path + ".owner"  #: the lock itself where there are no others
        self._linked = False

    def acquire(self) -> bool:
        """Take the lock. False when another process held it for all of the timeout.

        Raises:
            StoreError: the lock file cannot be made.
        """
        deadline = time.monotonic() + self.timeout
        while not self._try():
            if time.monotonic() >= deadline:
                return False
            time.sleep(_POLL)
        return True

    def release(self) -> None:
        """Give the lock back."""
        if self._fd < 0 and not self._linked:
            return
        if self.remove:
            files.unlink(self.path)
        if self._linked:
            files.unlink(self._link)
            self._linked = False
        else:
            os.close(self._fd)
            self._fd = -1
        _held.discard(self.path)

    def __enter__(self) -> FileLock:
        if not self.acquire():
            owner = _owner(self._link)
            hint = f"; if the process {owner} is gone, delete {self._link}" if owner else ""
            raise StoreError(
                f"another udocker has held {self.path} for {self.timeout:.0f} seconds",
                f"wait for it to end, then try again{hint}",
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def _try(self) -> bool:
        import fcntl

        if self.path in _held:
            return False
        try:
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise StoreError(
                f"cannot make the lock file {self.path}: {error.strerror}",
                "check the permissions and the free space of the store",
            ) from error
        try:
            fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(fd)
            if error.errno in (errno.EACCES, errno.EAGAIN):
                return False
            if error.errno in _NO_LOCKS:
                return self._try_link()
            raise StoreError(f"cannot lock {self.path}: {error.strerror}") from error
        if not _names(self.path, fd):
            os.close(fd)
            return False
        self._fd = fd
        _held.add(self.path)
        return True

    def _try_link(self) -> bool:
        try:
            os.symlink(f"{os.uname().nodename}:{os.getpid()}:{_boot_id()}", self._link)
        except FileExistsError:
            _remove_dead(self._link)
            return False
        self._linked = True
        _held.add(self.path)
        return True


def _names(path: str, fd: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(fd))
    except FileNotFoundError:
        return False


def _boot_id() -> str:
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def _remove_dead(link: str) -> None:
    """Remove a lock whose owner, a process of this host, is gone.

    One process at a time does this, so that what it has looked at is what it removes.
    """
    if not _is_dead(_owner(link)):
        return
    guard = link + "-removal"
    try:
        os.symlink(str(os.getpid()), guard)
    except FileExistsError:
        return
    if _is_dead(_owner(link)):  # still: another process may have been quicker
        files.unlink(link)
    os.unlink(guard)


def _owner(link: str) -> str:
    """``host:pid:boot id``, empty when there is no such lock."""
    try:
        return os.readlink(link)
    except OSError:
        return ""


def _is_dead(owner: str) -> bool:
    host, _, rest = owner.partition(":")
    pid, _, boot = rest.partition(":")
    if host != os.uname().nodename or not pid.isdigit():
        return False
    return boot != _boot_id() or not os.path.isdir(f"/proc/{pid}")
