"""The tar header reader: ustar, pax, GNU and old (v7) archives.

POSIX.1-2017, "pax", sections "ustar Interchange Format" and "pax Extended Header"; GNU tar's
manual, "Basic Tar Format" and "Storing Sparse Files". Where the two leave room, members are read
as Go's archive/tar reads them, since that is what every image is made and unpacked with.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Optional
from zlib import adler32

from udocker_core.layers import pax, sparse
from udocker_core.layers.fields import BLOCK, DamageError, number, shown
from udocker_core.layers.stream import Stream

MAX_NAME = 4096  #: bytes of a member's name or link target (Linux's PATH_MAX)
MAX_EXTENDED = 1024 * 1024  #: bytes of a pax header or a GNU long name

FILE = b"0"
LINK = b"1"
SYMLINK = b"2"
CHARACTER_DEVICE = b"3"
BLOCK_DEVICE = b"4"
DIRECTORY = b"5"
FIFO = b"6"

#: kind, name, link target, bytes of data, permission bits, mtime in ns since 1970, holes. It is a
#: plain tuple because there may be millions, and making a named one costs five times as much.
Member = tuple[bytes, bytes, bytes, int, int, int, Optional[sparse.Map]]

# name, mode, size, mtime, checksum, type, link target, magic, prefix
_unpack = struct.Struct("100s8s16x12s12s8sc100s6s82x155s12x").unpack
_ZEROS = bytes(BLOCK)
_NANO = 1_000_000_000
_MAX_TIME = 1 << 62  # ns either side of 1970; what fits in 64 bits


def members(stream: Stream) -> Iterator[Member]:
    """Yield the members of an archive in their order.

    The data of a member, if any, are next in `stream` when it is yielded; what the caller leaves
    is passed over. After the last member the rest of the stream is not read.

    Raises:
        DamageError: the archive is damaged, truncated or of no known kind.
    """
    defaults: pax.Records = {}
    records: pax.Records = {}
    long_name = long_link = b""
    while True:
        block = stream.take(BLOCK)
        if len(block) < BLOCK:
            if block or records or long_name or long_link:
                raise DamageError("is truncated")
            return
        name, mode, length, time, checksum, kind, link, magic, prefix = _unpack(block)
        # adler32's low half is one more than the sum of the bytes modulo 65521, at once in C;
        # in the sum the checksum field itself counts as eight blanks.
        if ((adler32(block) & 0xFFFF) + 255 - sum(checksum) - number(checksum)) % 65521:
            if block == _ZEROS:
                if stream.take(BLOCK).strip(b"\0"):
                    raise DamageError("has a damaged header after a block of zeros")
                return
            _verify_signed(block, checksum)
        name = name.partition(b"\0")[0]
        link = link.partition(b"\0")[0]
        size = number(length)
        if size < 0:
            raise DamageError(f"has a member of negative size: {shown(name)}")

        if kind == b"x" or kind == b"g":
            parsed = pax.parse(_extended(stream, size))
            if kind == b"x":
                records = parsed
            else:
                defaults = pax.merge_global(defaults, parsed)
            continue
        if kind == b"L" or kind == b"K":
            value = _extended(stream, size).partition(b"\0")[0]
            if kind == b"L":
                long_name = value
            else:
                long_link = value
            continue

        if prefix[0] and magic == b"ustar\0":
            name = prefix.partition(b"\0")[0] + b"/" + name
        when = number(time) * _NANO
        holes = None
        padding = -size % BLOCK
        if records or defaults or long_name or long_link or kind == b"S":
            if defaults:
                records = {**defaults, **records}
            name = long_name or records.get(b"path", name)
            link = long_link or records.get(b"linkpath", link)
            if b"mtime" in records:
                when = pax.nanoseconds(records[b"mtime"])
            if b"size" in records and kind not in b"123456":
                size = pax.decimal(records[b"size"])
                padding = -size % BLOCK
            if len(name) > MAX_NAME or len(link) > MAX_NAME:
                raise DamageError(f"has a name that is too long: {shown(name)}")
            stream.unread = size
            if kind == b"S":
                holes = sparse.old(stream, block, size)
                kind = FILE
            elif kind in b"07\0" and not sparse.KEYWORDS.isdisjoint(records):
                holes = sparse.from_pax(stream, records, size)
                name = records.get(b"GNU.sparse.name", name)
            size = stream.unread
            records = {}
            long_name = long_link = b""
        if kind != FILE:
            if kind == b"\0":
                kind = DIRECTORY if name.endswith(b"/") else FILE
            elif kind == b"7":
                kind = FILE
            elif kind not in b"123456":
                raise DamageError(f"has a member of unknown type {kind!r}: {shown(name)}")
            if kind != FILE:  # these have no data, whatever their size says
                size = padding = 0
        if not -_MAX_TIME < when < _MAX_TIME:
            raise DamageError(f"has a member with an impossible time: {shown(name)}")

        stream.unread = size
        yield kind, name, link, size, number(mode) & 0o7777, when, holes
        if size:
            rest = stream.unread + padding
            if rest:
                stream.skip(rest)


def _verify_signed(block: bytes, checksum: bytes) -> None:
    """Accept the checksum that some old programs made of the bytes taken as signed."""
    signed = sum(block) - sum(checksum) + 256 - 256 * sum(byte > 127 for byte in block)
    if number(checksum) != signed:
        raise DamageError("is no tar archive, or has a damaged header")


def _extended(stream: Stream, size: int) -> bytes:
    if size > MAX_EXTENDED:
        raise DamageError(f"has an extended header of {size} bytes")
    stream.unread = size
    data = stream.take_data(size)
    stream.skip(-size % BLOCK)
    return data
