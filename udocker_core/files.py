"""Small files that are published whole or not at all."""

from __future__ import annotations

import os
import stat

from udocker_core.errors import StoreError

#: Set by the command line from ``UDOCKER_FSYNC``: without it a power failure may lose the blobs
#: and records of the last seconds, and what is listed may be damaged. The files of a container's
#: root are not waited for either way: they can be made again from the blobs (docs/adr/0006).
_settings = {"fsync": True}

_PLACE = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC


def set_fsync(wanted: bool) -> None:
    """Choose whether files reach the disk before they are published."""
    _settings["fsync"] = wanted


def sync(fd: int) -> None:
    """fsync(2), unless the user has chosen to do without."""
    if _settings["fsync"]:
        os.fsync(fd)


def sync_directory(path: str) -> None:
    """Make the names in a directory durable."""
    if not _settings["fsync"]:
        return
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_atomic(path: str, content: bytes, mode: int = 0o600) -> None:
    """Write a file under a temporary name in its directory, fsync, rename.

    Raises:
        OSError: as the system calls do; nothing is left behind.
    """
    temporary = f"{os.path.dirname(path)}/.tmp-{os.getpid()}-{os.urandom(4).hex()}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(temporary, flags, mode)
    try:
        with open(fd, "wb") as file:
            file.write(content)
            file.flush()
            sync(file.fileno())
        os.rename(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def unlink(path: str) -> None:
    """Remove a file, if it is there.

    Raises:
        OSError: as the system call does.
    """
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


def set_marker(path: str, wanted: bool) -> None:
    """Make an empty file, or remove it.

    Raises:
        OSError: as the system calls do.
    """
    if wanted:
        write_atomic(path, b"")
    else:
        unlink(path)


def read_regular(path: str, limit: int, dir_fd: int | None = None) -> bytes | None:
    """The content of a regular file of at most `limit` bytes, or None if it is anything else.

    Never blocks on a FIFO and never follows a link in the last component.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        fd = os.open(path, flags, dir_fd=dir_fd)
    except OSError:
        return None
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode) or status.st_size > limit:
            return None
        with open(fd, "rb", closefd=False) as file:
            return file.read(limit)
    finally:
        os.close(fd)


def open_below(root: str, path: str = "") -> int:
    """Open a directory of a tree that somebody else may be changing.

    Args:
        root: the top of the tree.
        path: the directory's path below it; a link in it is an error, never followed.

    Returns:
        a descriptor to be used as ``dir_fd`` only, which needs no permission to read.

    Raises:
        OSError: there is no such directory.
    """
    fd = os.open(root, _PLACE)
    for name in filter(None, path.split("/")):
        try:
            inner = os.open(name, _PLACE | os.O_NOFOLLOW, dir_fd=fd)
        finally:
            os.close(fd)
        fd = inner
    return fd


def grant(name: str, bits: int, dir_fd: int) -> None:
    """Add permission bits to a file or directory, never to what a link leads to.

    Raises:
        OSError: as the system calls do.
    """
    fd = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=dir_fd)
    try:
        mode = os.fstat(fd).st_mode
        if mode & bits != bits and (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            # fchmod(2) refuses such a descriptor, and any other needs permission to read.
            os.chmod(f"/proc/self/fd/{fd}", stat.S_IMODE(mode) | bits)
    finally:
        os.close(fd)


def make_private_directory(path: str) -> None:
    """Make a directory of the store and those above it, 0700 whatever the umask.

    Raises:
        StoreError: it cannot be made, or belongs to another user.
    """
    missing = []
    try:
        while not os.path.isdir(path):
            missing.append(path)
            path = os.path.dirname(path)
        while missing:
            path = missing.pop()
            try:
                os.mkdir(path, 0o700)
            except FileExistsError:
                continue  # another udocker was quicker
            os.chmod(path, 0o700)
        owner = os.stat(os.path.join(path, ".")).st_uid
    except OSError as error:
        raise StoreError(
            f"cannot make {path}: {error.strerror}",
            "choose another store with UDOCKER_DIR or --repo",
        ) from error
    if owner != os.getuid():
        raise StoreError(
            f"{path} belongs to another user", "choose another store with UDOCKER_DIR or --repo"
        )
