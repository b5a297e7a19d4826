"""Directories that exist while one command works, and go with it, however it ends.

Each has a lock beside it that its maker holds: what nobody holds was left by a command that was
killed, and the next one deletes it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from udocker_core.errors import StoreError
from udocker_core.layers.remove import remove_tree
from udocker_core.locks import FileLock

_PREFIX = ".tmp-"
_LOCK = ".lock"


@contextmanager
def workspace(parent: str) -> Iterator[str]:
    """Make a private directory in `parent`, and delete what is left of it at the end.

    Yields:
        its path; what shall stay is renamed away from it.

    Raises:
        StoreError: it cannot be made or deleted.
        OSError: as mkdir(2).
    """
    collect(parent)
    path = os.path.join(parent, _PREFIX + os.urandom(8).hex())
    with FileLock(path + _LOCK, remove=True):
        try:
            os.mkdir(path, 0o700)
            yield path
        finally:
            if os.path.lexists(path):
                remove_tree(path)


def collect(parent: str) -> None:
    """Delete the directories that killed commands have left in `parent`."""
    for entry in os.listdir(parent):
        if not entry.startswith(_PREFIX):
            continue
        # A lock may be all that is left, and a lock directory stands for its lock.
        path = os.path.join(parent, entry.partition(_LOCK)[0])
        lock = FileLock(path + _LOCK, timeout=0, remove=True)
        if lock.acquire():
            try:
                if os.path.lexists(path):
                    remove_tree(path)
            except StoreError:
                continue  # files of subordinate users, say: they must not stop other commands
            finally:
                lock.release()
