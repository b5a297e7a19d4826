import gzip
import hashlib
import io
import os
import threading
import time

import pytest

from udocker_core.errors import IntegrityError, NotFound, RegistryError, StoreError, UnsafeLayer
from udocker_core.layers import Layer, apply_layers, pump


def _digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def test_layers_are_verified_after_their_last_member(sandbox, member, archive):
    plain = archive(member("a", data=b"x")) + b"after the end"
    other = archive(member("b"))
    sandbox.unpack(gzip.compress(plain), other, diff_ids=[_digest(plain), _digest(other)])
    assert sorted(sandbox.tree) == ["a", "b"]
    with pytest.raises(IntegrityError, match="layer number 1 does not match its diff_id"):
        sandbox.unpack(plain, other + b"\0", diff_ids=[_digest(plain), _digest(other)])


@pytest.mark.parametrize("diff_id", ["md6:00", "../../x", "", "sha256:../../x", "SHA256:00"])
def test_impossible_diff_ids(sandbox, member, archive, diff_id):
    with pytest.raises(IntegrityError):
        sandbox.unpack(archive(member("a")), diff_ids=[diff_id or " "])


def test_a_checksum_after_the_last_member_is_verified(sandbox, member, archive):
    packed = bytearray(gzip.compress(archive(member("a")) + bytes(3_000_000)))
    packed[-8] ^= 1
    with pytest.raises(IntegrityError, match="layer number 0 is no valid gzip data"):
        sandbox.unpack(bytes(packed))
    with pytest.raises(IntegrityError, match="layer number 0 is truncated"):
        sandbox.unpack(bytes(packed[:-4]))


class _Source:
    """An input whose reads wait, fail or go on for ever."""

    def __init__(self, data=b"", error=None, wait=None):
        self.data, self.error, self.wait = io.BytesIO(data), error, wait
        self.closed = False

    def read(self, size):
        if self.wait:
            self.wait.wait(10)
        data = self.data.read(min(size, 700))
        if not data and self.error:
            raise self.error
        return data

    def close(self):
        self.closed = True


@pytest.mark.parametrize(
    ("error", "seen"),
    [(RegistryError("gone"), RegistryError), (OSError(5, "Input/output error"), StoreError)],
)
def test_failures_of_the_input_reach_the_caller(sandbox, member, archive, error, seen):
    source = _Source(archive(member("a"))[:512], error)
    with pytest.raises(seen):
        sandbox.apply((lambda: source, None))
    assert source.closed


def test_a_layer_that_cannot_be_opened(sandbox):
    def missing():
        raise NotFound("no such blob")

    with pytest.raises(NotFound):
        sandbox.apply((missing, None))


def test_a_layer_that_still_arrives_is_waited_for(sandbox, member, archive):
    arrived = threading.Event()
    threading.Timer(0.1, arrived.set).start()
    source = _Source(archive(member("a", data=b"x" * 5000)), wait=arrived)
    sandbox.apply((lambda: source, None))
    assert sandbox.tree == {"a": b"x" * 5000}


def test_the_thread_ends_soon_after_a_failure(sandbox, member, archive):
    source = _Source(archive(member("../out")) + bytes(50_000_000))
    start = time.monotonic()
    with pytest.raises(IntegrityError):
        sandbox.apply((lambda: source, None))
    assert time.monotonic() - start < 5
    assert source.closed
    assert source.data.tell() < 40_000_000


def test_a_reader_that_blocks_does_not_keep_failures_back(tmp_path, member, archive, monkeypatch):
    monkeypatch.setattr(pump, "_PATIENCE", 0.1)
    resumed = threading.Event()
    slow = _Source(archive(member("b")), wait=resumed)
    layers = [
        Layer(lambda: io.BytesIO(archive(member("../out"))), None, "1"),
        Layer(lambda: slow, None, "2"),
    ]
    start = time.monotonic()
    with pytest.raises(UnsafeLayer):
        apply_layers(layers, str(tmp_path))
    assert time.monotonic() - start < 3
    assert not slow.closed
    resumed.set()
    for thread in threading.enumerate():
        if thread.name == "udocker-layers":
            thread.join(5)
    assert slow.closed
    assert os.listdir(tmp_path) == []
