import bz2
import gzip
import io
import lzma
import random
import sys
import zlib

import pytest

from udocker_core.errors import IntegrityError
from udocker_core.layers.decompress import BLOCK_SIZE, blocks

try:
    from compression import zstd
except ImportError:
    from backports import zstd

NOISE = random.Random(1).randbytes(100_000)
DATA = NOISE + bytes(1_200_000) + NOISE
SKIPPABLE = b"\x53\x2a\x4d\x18" + (700).to_bytes(4, "little") + b"s" * 700

COMPRESS = {
    "plain": bytes,
    "gzip": gzip.compress,
    "zstd": lambda data: zstd.compress(data, options={zstd.CompressionParameter.checksum_flag: 1}),
    "xz": lzma.compress,
    "bzip2": bz2.compress,
}


class Dribble(io.BytesIO):
    """An input that gives a few bytes at a time, as a slow download does."""

    def read(self, size=-1):
        return super().read(min(size, 1 + self.tell() % 4000))


def decompress(data, source=io.BytesIO):
    return b"".join(blocks(source(data), "it"))


@pytest.fixture(params=["isal", "zlib"])
def inflater(request, monkeypatch):
    if request.param == "isal":
        pytest.importorskip("isal")
    else:
        monkeypatch.setitem(sys.modules, "isal", None)


@pytest.mark.parametrize("source", [io.BytesIO, Dribble])
@pytest.mark.parametrize("codec", COMPRESS)
def test_every_format_is_told_by_its_first_bytes(codec, source):
    packed = COMPRESS[codec](DATA)
    assert decompress(packed, source) == DATA
    assert all(0 < len(block) <= BLOCK_SIZE for block in blocks(source(packed), "it"))


@pytest.mark.parametrize("codec", ["gzip", "zstd", "xz", "bzip2"])
def test_members_follow_each_other_and_zeros_may_follow_all(codec):
    packed = COMPRESS[codec](DATA) + COMPRESS[codec](b"more")
    assert decompress(packed) == DATA + b"more"
    assert decompress(packed + bytes(5000), Dribble) == DATA + b"more"


@pytest.mark.parametrize("codec", ["gzip", "zstd", "xz", "bzip2"])
@pytest.mark.parametrize("end", [-1, -9, 7, 0.5])
def test_truncated_data_are_refused(codec, end):
    packed = COMPRESS[codec](DATA)
    end = int(len(packed) * end) if isinstance(end, float) else end
    with pytest.raises(IntegrityError, match="it is truncated"):
        decompress(packed[:end])


@pytest.mark.parametrize("garbage", [b"<", b"garbage" * 9, bytes(600) + b"garbage" * 9])
@pytest.mark.parametrize("codec", ["gzip", "zstd", "xz", "bzip2"])
def test_other_bytes_after_the_data_are_refused(codec, garbage):
    with pytest.raises(IntegrityError):
        decompress(COMPRESS[codec](DATA) + garbage)


@pytest.mark.parametrize("codec", ["gzip", "zstd", "xz", "bzip2"])
def test_a_flipped_bit_is_seen(codec):
    packed = bytearray(COMPRESS[codec](DATA))
    packed[len(packed) // 5] ^= 4
    with pytest.raises(IntegrityError):
        decompress(packed)


@pytest.mark.usefixtures("inflater")
@pytest.mark.parametrize("at", [-8, -4])
def test_gzip_checksum_and_length_are_verified(at):
    packed = bytearray(gzip.compress(DATA))
    packed[at] ^= 1
    with pytest.raises(IntegrityError, match="no valid gzip data"):
        decompress(packed)


@pytest.mark.usefixtures("inflater")
def test_gzip_without_isal_is_the_same():
    packed = gzip.compress(DATA) + gzip.compress(b"more") + bytes(10)
    assert decompress(packed, Dribble) == DATA + b"more"
    with pytest.raises(IntegrityError, match="truncated"):
        decompress(gzip.compress(DATA)[:-300])
    with pytest.raises(IntegrityError):
        decompress(gzip.compress(DATA) + b"garbage")


def test_a_gzip_header_with_all_its_fields():
    body = zlib.compressobj(wbits=-15)
    packed = b"\x1f\x8b\x08\x1c" + bytes(6) + b"\x03\x00abc" + b"a name\0" + b"a comment\0"
    packed += body.compress(b"data") + body.flush()
    packed += zlib.crc32(b"data").to_bytes(4, "little") + (4).to_bytes(4, "little")
    assert decompress(packed) == b"data"


def test_skippable_zstd_frames_are_passed_over():
    packed = SKIPPABLE + zstd.compress(DATA) + SKIPPABLE + zstd.compress(b"more") + SKIPPABLE
    assert decompress(packed, Dribble) == DATA + b"more"


def test_empty_input_is_empty():
    assert decompress(b"") == b""
    assert decompress(gzip.compress(b"")) == b""
