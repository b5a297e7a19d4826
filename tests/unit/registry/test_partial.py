import os
import threading

import pytest

from udocker_core.digest import Digest
from udocker_core.errors import IntegrityError, RegistryError, StoreError
from udocker_core.manifest import Descriptor
from udocker_core.registry.partial import PartialFile

DATA = b"0123456789" * 1000


@pytest.fixture
def partial(tmp_path):
    found = PartialFile(Descriptor("", Digest.of(DATA), len(DATA)), str(tmp_path / "blob"))
    yield found
    found.close()


def test_a_blob_arrives_and_is_verified(partial):
    partial.open()
    partial.append(DATA[:700])
    partial.append(DATA[700:])
    assert not partial.complete
    assert partial.verify()
    partial.wait()
    with open(partial.path, "rb") as file:
        assert file.read() == DATA
    assert os.stat(partial.path).st_mode & 0o777 == 0o600


def test_an_earlier_download_is_continued(partial):
    with open(partial.path, "wb") as file:
        file.write(DATA[:5000])
    partial.open()
    assert (partial.count, partial.resumed) == (5000, 5000)
    partial.append(DATA[5000:])
    assert partial.verify()


def test_a_file_that_is_too_large_is_begun_again(partial):
    with open(partial.path, "wb") as file:
        file.write(DATA + b"x")
    partial.open()
    assert partial.count == 0
    partial.append(DATA)
    assert partial.verify()


def test_restart_forgets_wrong_bytes(partial):
    with open(partial.path, "wb") as file:
        file.write(b"wrong")
    partial.open()
    partial.append(DATA[5:])
    assert not partial.verify()
    partial.restart()
    partial.append(DATA)
    assert partial.verify()
    assert os.stat(partial.path).st_size == len(DATA)


def test_too_many_bytes_are_refused_before_they_are_written(partial):
    partial.open()
    with pytest.raises(IntegrityError, match="larger than the manifest's 10000 bytes"):
        partial.append(DATA + b"x")
    assert os.stat(partial.path).st_size == 0


def test_nothing_is_written_through_links_or_into_devices(partial, tmp_path):
    (tmp_path / "victim").write_bytes(b"precious")
    os.symlink(tmp_path / "victim", partial.path)
    with pytest.raises(OSError, match="symbolic links"):
        partial.open()
    os.unlink(partial.path)
    os.mkfifo(partial.path)
    with pytest.raises(StoreError, match="not a regular file"):
        partial.open()
    assert (tmp_path / "victim").read_bytes() == b"precious"


def test_a_follower_reads_what_is_there_and_waits_for_the_rest(partial):
    follower = partial.follow()
    found = []
    reader = threading.Thread(target=lambda: found.append(follower.read()))
    reader.start()
    partial.open()
    for start in range(0, len(DATA), 999):
        partial.append(DATA[start : start + 999])
    reader.join(0.05)
    assert reader.is_alive()  # all is here, but nobody has verified it
    assert partial.verify()
    reader.join(5)
    assert found == [DATA]
    assert follower.read(1) == b""


def test_a_follower_gets_the_error(partial):
    follower = partial.follow()
    partial.open()
    partial.append(DATA[:10])
    assert follower.read(100) == DATA[:10]
    partial.fail(RegistryError("cut"))
    partial.fail(RegistryError("later"))
    with pytest.raises(RegistryError, match="cut"):
        follower.read(1)
    with pytest.raises(RegistryError, match="cut"):
        partial.wait()


def test_an_error_after_the_end_changes_nothing(partial):
    partial.open()
    partial.append(DATA)
    assert partial.verify()
    partial.fail(RegistryError("cancelled"))
    partial.wait()
