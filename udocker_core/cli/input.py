"""Archives that commands read: a file, or standard input."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from udocker_core.errors import UsageError


@contextmanager
def open_input(path: str) -> Iterator[tuple[BinaryIO, str]]:
    """Open an archive.

    Args:
        path: a file, or ``-`` for standard input.

    Yields:
        the open file, and what to call it.

    Raises:
        UsageError: it cannot be opened, or standard input is a terminal.
    """
    if path == "-":
        if os.isatty(0):
            raise UsageError("standard input is a terminal", "name a file, or pipe the archive in")
        yield sys.stdin.buffer, "standard input"
        return
    try:
        file = open(path, "rb")
    except OSError as error:
        raise UsageError(f"cannot open {path}: {error.strerror}", "check the name") from error
    with file:
        yield file, path
