"""Giving the owner of a container access to all that is in it.

The container may be running, and put links in place of what is being looked at: nothing is
reached by its path.
"""

from __future__ import annotations

import os
import stat

from udocker_core import files
from udocker_core.errors import StoreError
from udocker_core.model import Container

_READ = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


def repair(container: Container) -> None:
    """Make every directory rwx and every file rw for the owner.

    Raises:
        StoreError: something belongs to another user, such as a subordinate one.
        OSError: as the system calls do; also when the container exchanges a directory meanwhile.
    """
    foreign = ""
    os.chmod(container.root, stat.S_IMODE(os.lstat(container.root).st_mode) | 0o700)
    todo = [""]
    while todo:
        directory = todo.pop()
        place = files.open_below(container.root, directory)
        try:
            fd = os.open(".", _READ, dir_fd=place)
        finally:
            os.close(place)
        try:
            inner, others = _repair_entries(fd)
        finally:
            os.close(fd)
        todo += [f"{directory}/{name}" for name in inner]
        if others:
            foreign = f"{container.root}{directory}/{others[0]}"
    if foreign:
        raise StoreError(
            f"it belongs to another user: {foreign}", "remove it from inside the container"
        )


def _repair_entries(fd: int) -> tuple[list[str], list[str]]:
    """Repair what is in a directory; the names of its directories, and of what is not ours."""
    directories: list[str] = []
    others: list[str] = []
    mine = os.getuid()
    for name in os.listdir(fd):
        status = os.stat(name, dir_fd=fd, follow_symlinks=False)
        if status.st_uid != mine:
            others.append(name)
        elif stat.S_ISDIR(status.st_mode):
            files.grant(name, 0o700, fd)
            directories.append(name)
        elif stat.S_ISREG(status.st_mode):
            files.grant(name, 0o600, fd)
    return directories, others
