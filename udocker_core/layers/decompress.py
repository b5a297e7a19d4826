"""Decompression of layers: gzip, zstd, xz, bzip2 and plain, told apart by their first bytes.

Every format is read to the end of its input, so that checksums are verified and bytes that do
not belong there are seen: gzip in members (RFC 1952 section 2.2), zstd in frames, skippable ones
too (RFC 8878 section 3.1). Zero bytes after the last member are padding, as gzip has it.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, Callable, Protocol

from udocker_core.errors import IntegrityError

READ_SIZE = 128 * 1024  #: bytes asked for at a time from a compressed input
BLOCK_SIZE = 512 * 1024  #: the largest block that is handed on, in bytes

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_ZSTD_SKIPPABLE = b"\x2a\x4d\x18"  # preceded by a byte from 0x50 to 0x5f
_XZ = b"\xfd7zXZ\x00"
_BZIP2 = b"BZh"


class Readable(Protocol):
    """What a layer's bytes are read from; an open binary file is one."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes; none only at the end."""

    def close(self) -> None:
        """Free what the input holds."""


def blocks(raw: Readable, name: str) -> Iterator[bytes]:
    """Yield the decompressed bytes of `raw` in blocks of at most :data:`BLOCK_SIZE` bytes.

    Args:
        raw: where the compressed bytes are read from.
        name: what to call it in messages.

    Raises:
        IntegrityError: the data are damaged, end early, or are followed by other bytes.
    """
    head = raw.read(READ_SIZE)
    while 0 < len(head) < len(_XZ) and (more := raw.read(READ_SIZE)):
        head += more
    if head.startswith(_GZIP):
        return _gzip(raw, name, head)
    if head.startswith(_ZSTD) or (head[1:4] == _ZSTD_SKIPPABLE and 0x50 <= head[0] <= 0x5F):
        return _frames(raw, name, head, "zstd", *_zstd(name))
    if head.startswith(_XZ):
        import lzma

        return _frames(raw, name, head, "xz", lzma.LZMADecompressor, lzma.LZMAError)
    if head.startswith(_BZIP2):
        import bz2

        return _frames(raw, name, head, "bzip2", bz2.BZ2Decompressor, OSError)
    return _plain(raw, head)


def _plain(raw: Readable, block: bytes) -> Iterator[bytes]:
    while block:
        yield block
        block = raw.read(BLOCK_SIZE)


def _gzip(raw: Readable, name: str, head: bytes) -> Iterator[bytes]:
    # One call inflates a whole block into its final place without the interpreter's lock. Every
    # return to the lock costs the applier dear, which lets go of it thousands of times a second.
    reader, failure = _gzip_reader()
    file = reader(fileobj=_Input(raw, head), mode="rb")
    while True:
        try:
            block = file.read(BLOCK_SIZE)
        except EOFError as error:
            raise IntegrityError(f"{name} is truncated: its gzip data end early") from error
        except failure as error:
            raise IntegrityError(f"{name} is no valid gzip data ({error})") from error
        if not block:
            return
        yield block


def _gzip_reader() -> tuple[Any, Any]:
    import gzip
    import zlib

    try:
        from isal import igzip, isal_zlib
    except ImportError:
        return gzip.GzipFile, (gzip.BadGzipFile, zlib.error)
    return igzip.IGzipFile, (gzip.BadGzipFile, isal_zlib.error)


class _Input(io.RawIOBase):
    """An input with its first bytes put back."""

    def __init__(self, raw: Readable, head: bytes) -> None:
        self._raw = raw
        self._head = head

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        data = self._head[: len(buffer)]
        self._head = self._head[len(data) :]
        data = data or self._raw.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _zstd(name: str) -> tuple[Callable[[], Any], type[Exception]]:
    try:
        from compression import zstd  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        try:
            from backports import zstd
        except ImportError as error:
            raise IntegrityError(
                f"{name} is compressed with zstd, which needs the module backports.zstd",
                hint="pip install backports.zstd",
            ) from error
    return zstd.ZstdDecompressor, zstd.ZstdError


def _frames(
    raw: Readable,
    name: str,
    data: bytes,
    codec: str,
    new: Callable[[], Any],
    failure: type[Exception],
) -> Iterator[bytes]:
    while data:
        frame = new()
        while not frame.eof:
            if frame.needs_input and not data:
                data = raw.read(READ_SIZE)
                if not data:
                    raise IntegrityError(f"{name} is truncated: its {codec} data end early")
            try:
                block = frame.decompress(data, BLOCK_SIZE)
            except (failure, EOFError) as error:
                raise IntegrityError(f"{name} is no valid {codec} data ({error})") from error
            data = b""
            if block:
                yield block
        data = _after(raw, name, frame.unused_data)


def _after(raw: Readable, name: str, data: bytes) -> bytes:
    """Return the start of the next frame, or nothing at the end, be it padded with zeros."""
    data = data or raw.read(READ_SIZE)
    if not data.startswith(b"\0"):
        return data
    while data:
        if data.strip(b"\0"):
            raise IntegrityError(f"{name} has other bytes after its compressed data")
        data = raw.read(READ_SIZE)
    return b""
