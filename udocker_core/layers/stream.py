"""The decompressed bytes of one layer, as the header reader and the applier consume them."""

from __future__ import annotations

import os
from collections.abc import Iterator

from udocker_core.layers.fields import DamageError


class Stream:
    """A cursor over blocks of bytes that copies as little as it can.

    Args:
        blocks: the bytes, in blocks of any size but zero.
    """

    __slots__ = ("_block", "_blocks", "_position", "_view", "unread")

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._block = b""
        self._view = memoryview(self._block)
        self._position = 0
        self.unread = 0  #: bytes of the current member's data that nobody has taken yet

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes, fewer only at the end."""
        start = self._position
        end = start + size
        if end <= len(self._block):
            self._position = end
            return self._block[start:end]
        pieces = [self._block[start:]]
        missing = end - len(self._block)
        while missing and self._next():
            piece = self._block[:missing]
            self._position = len(piece)
            missing -= len(piece)
            pieces.append(piece)
        return b"".join(pieces)

    def take_data(self, size: int) -> bytes:
        """Return `size` bytes of the current member's data.

        Raises:
            DamageError: there are not as many.
        """
        data = self.take(size)
        if len(data) < size:
            raise DamageError("is truncated")
        self.unread -= size
        return data

    def write_to(self, fd: int, size: int) -> None:
        """Write the next `size` bytes of the current member's data to `fd`.

        Raises:
            DamageError: the layer ends before.
            OSError: they cannot be written.
        """
        self.unread -= size
        start = self._position
        while True:
            end = start + size
            piece = self._view[start:end]
            wanted = len(piece)
            written = os.write(fd, piece) if wanted else 0
            while written < wanted:
                written += os.write(fd, piece[written:])
            self._position = start + wanted
            size -= wanted
            if not size:
                return
            if not self._next():
                raise DamageError("is truncated")
            start = 0

    def skip(self, size: int) -> None:
        """Pass over `size` bytes.

        Raises:
            DamageError: the layer ends before.
        """
        self._position += size
        while self._position > len(self._block):
            beyond = self._position - len(self._block)
            if not self._next():
                raise DamageError("is truncated")
            self._position = beyond

    def drain(self) -> None:
        """Read to the end, so that checksums over the whole layer are verified."""
        while self._next():
            pass

    def _next(self) -> bool:
        self._block = next(self._blocks, b"")
        self._view = memoryview(self._block)
        self._position = 0
        return bool(self._block)
