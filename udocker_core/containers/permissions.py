"""Giving the owner of a container access to all that is in it."""

from __future__ import annotations

import os
import stat

from udocker_core.errors import StoreError
from udocker_core.model import Container


def repair(container: Container) -> None:
    """Make every directory rwx and every file rw for the owner.

    Raises:
        StoreError: something belongs to another user, such as a subordinate one.
    """
    foreign = ""
    mine = os.getuid()
    todo = [container.root]
    while todo:
        directory = todo.pop()
        os.chmod(directory, stat.S_IMODE(os.lstat(directory).st_mode) | 0o700)
        with os.scandir(directory) as entries:
            for entry in entries:
                status = entry.stat(follow_symlinks=False)
                if status.st_uid != mine:
                    foreign = entry.path
                elif entry.is_dir(follow_symlinks=False):
                    todo.append(entry.path)
                elif entry.is_file(follow_symlinks=False):
                    os.chmod(entry.path, stat.S_IMODE(status.st_mode) | 0o600)
    if foreign:
        raise StoreError(
            f"it belongs to another user: {foreign}", "remove it from inside the container"
        )
