"""Sparse members: GNU tar's old format and its pax formats 0.0, 0.1 and 1.0.

GNU tar's manual, "Storing Sparse Files". All say where the pieces of data belong in the file;
between them are holes.
"""

from __future__ import annotations

from typing import NamedTuple

from udocker_core.layers import pax
from udocker_core.layers.fields import BLOCK, DamageError, number
from udocker_core.layers.stream import Stream

#: pax records, one of which each sparse member has: the size of its file
KEYWORDS = frozenset((b"GNU.sparse.realsize", b"GNU.sparse.size"))

_MAX_PIECES = 100_000


class Map(NamedTuple):
    """Where the data of a sparse file belong."""

    size: int  #: of the file, in bytes
    pieces: tuple[tuple[int, int], ...]  #: offset in the file and length, in bytes, ascending


def old(stream: Stream, block: bytes, data_size: int) -> Map:
    """Read the map in the header `block` of a member of type S and in the blocks after it."""
    numbers: list[int] = []
    size = number(block[483:495])
    table, more = block[386:482], block[482]
    while True:
        for start in range(0, len(table), 24):
            if table[start : start + 12].strip(b"\0 "):
                numbers.append(number(table[start : start + 12]))
                numbers.append(number(table[start + 12 : start + 24]))
        if not more or len(numbers) > 2 * _MAX_PIECES:
            break
        stream.unread += BLOCK  # these blocks are not counted in the member's size
        block = stream.take_data(BLOCK)
        table, more = block[:504], block[504]
    return _checked(size, numbers, data_size)


def from_pax(stream: Stream, records: pax.Records, data_size: int) -> Map:
    """Return the map that pax `records` give, or, in format 1.0, read it from the data."""
    size = pax.decimal(records.get(b"GNU.sparse.realsize") or records[b"GNU.sparse.size"])
    if records.get(b"GNU.sparse.major") == b"1":
        numbers, taken = _leading_map(stream)
        return _checked(size, numbers, data_size - taken)
    if b"GNU.sparse.map" in records:
        values = records[b"GNU.sparse.map"].split(b",")
    else:
        offsets = records.get(b"GNU.sparse.offset", b"").split(b",")
        lengths = records.get(b"GNU.sparse.numbytes", b"").split(b",")
        if len(offsets) != len(lengths):
            raise DamageError("has a damaged sparse member")
        values = [value for pair in zip(offsets, lengths) for value in pair]
    return _checked(size, [pax.decimal(value) for value in values if value], data_size)


def _leading_map(stream: Stream) -> tuple[list[int], int]:
    """Read lines of decimal numbers, the first of them their count, padded to whole blocks."""
    blocks = []
    lines, wanted = 0, 1
    while lines < wanted:
        blocks.append(stream.take_data(BLOCK))
        lines += blocks[-1].count(b"\n")
        if wanted == 1 and lines:
            count = pax.decimal(b"".join(blocks).partition(b"\n")[0])
            if count > _MAX_PIECES:
                raise DamageError("has a sparse member of too many pieces")
            wanted += 2 * count
    numbers = [pax.decimal(line) for line in b"".join(blocks).split(b"\n")[1:wanted]]
    return numbers, len(blocks) * BLOCK


def _checked(size: int, numbers: list[int], data_size: int) -> Map:
    pieces = tuple(zip(numbers[::2], numbers[1::2]))
    end = 0
    for offset, length in pieces:
        if offset < end or length < 0:
            raise DamageError("has a damaged sparse member")
        end = offset + length
    if len(numbers) % 2 or end > size or sum(numbers[1::2]) != data_size:
        raise DamageError("has a damaged sparse member")
    return Map(size, pieces)
