"""Locks between processes that also work on network file systems.

``fcntl`` record locks work on NFS; where the file system has none (some Lustre and FUSE mounts)
a directory is made instead, which is atomic everywhere. A lock file may be deleted by its holder:
who gets the lock checks that the path still names the file it locked.
"""

from __future__ import annotations

import errno
import os
import time
from types import TracebackType

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
        self._directory = False

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
        if self._fd < 0 and not self._directory:
            return
        if self.remove:
            _unlink(self.path)
        if self._directory:
            _unlink(os.path.join(self.path + ".d", "owner"))
            os.rmdir(self.path + ".d")
            self._directory = False
        else:
            os.close(self._fd)
            self._fd = -1
        _held.discard(self.path)

    def __enter__(self) -> FileLock:
        if not self.acquire():
            raise StoreError(
                f"another udocker has held {self.path} for {self.timeout:.0f} seconds",
                "wait for it to end, then try again",
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
                return self._try_directory()
            raise StoreError(f"cannot lock {self.path}: {error.strerror}") from error
        if not _names(self.path, fd):
            os.close(fd)
            return False
        self._fd = fd
        _held.add(self.path)
        return True

    def _try_directory(self) -> bool:
        directory = self.path + ".d"
        try:
            os.mkdir(directory, 0o700)
        except FileExistsError:
            if _owner_is_dead(directory):
                _unlink(os.path.join(directory, "owner"))
                try:
                    os.rmdir(directory)
                except OSError:
                    return False  # another process was quicker
            return False
        owner = f"{os.uname().nodename}:{os.getpid()}:{_boot_id()}"
        os.symlink(owner, os.path.join(directory, "owner"))
        self._directory = True
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


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


def _owner_is_dead(directory: str) -> bool:
    """Whether the lock directory was left by a process of this host that is gone."""
    try:
        host, pid, boot = os.readlink(os.path.join(directory, "owner")).split(":")
    except (OSError, ValueError):
        return False
    if host != os.uname().nodename:
        return False
    return boot != _boot_id() or not os.path.isdir(f"/proc/{int(pid)}")
