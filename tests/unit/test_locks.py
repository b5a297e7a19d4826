import errno
import fcntl
import os
import subprocess
import sys
import time

import pytest

from udocker_core.errors import StoreError
from udocker_core.locks import FileLock

HOLDER = """
import sys
from udocker_core import locks
if sys.argv[2] == "directory":
    import errno, fcntl
    def lockf(*arguments):
        raise OSError(errno.ENOLCK, "no locks available")
    fcntl.lockf = lockf
with locks.FileLock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(params=["record", "directory"])
def kind(request, monkeypatch):
    """Both kinds of locks: the second is for file systems that have none."""
    if request.param == "directory":

        def lockf(*arguments):
            raise OSError(errno.ENOLCK, "no locks available")

        monkeypatch.setattr(fcntl, "lockf", lockf)
    return request.param


@pytest.fixture
def hold(kind):
    """Let another process hold a lock."""
    started = []

    def start(path):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, path, kind],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        started.append(process)
        assert process.stdout.readline() == b"held\n"
        return process

    yield start
    for process in started:
        with process:
            process.kill()


def test_a_lock_is_free_again_after_its_release(tmp_path, kind):
    path = str(tmp_path / "lock")
    for _ in range(2):
        with FileLock(path, timeout=0):
            pass


def test_another_process_is_waited_for(tmp_path, hold):
    path = str(tmp_path / "lock")
    other = hold(path)
    assert not FileLock(path, timeout=0).acquire()
    other.stdin.close()
    with FileLock(path, timeout=5):
        other.wait()


def test_waiting_ends(tmp_path, hold):
    path = str(tmp_path / "lock")
    hold(path)
    start = time.monotonic()
    with pytest.raises(StoreError, match=f"another udocker has held {path} for 0 seconds"):
        FileLock(path, timeout=0.1).__enter__()
    assert time.monotonic() - start < 2


def test_the_lock_of_a_process_that_was_killed_is_free(tmp_path, hold):
    path = str(tmp_path / "lock")
    other = hold(path)
    other.kill()
    other.wait()
    with FileLock(path, timeout=1):
        pass


def test_a_process_excludes_itself_too(tmp_path, kind):
    path = str(tmp_path / "lock")
    with FileLock(path):
        assert not FileLock(path, timeout=0).acquire()
        assert not FileLock(path, timeout=0, remove=True).acquire()
        assert os.path.exists(path)
    assert FileLock(path, timeout=0).acquire()


def test_a_lock_that_is_removed_leaves_nothing(tmp_path, kind):
    with FileLock(str(tmp_path / "lock"), remove=True):
        pass
    assert os.listdir(tmp_path) == []


def test_a_lock_that_cannot_be_made_is_named(tmp_path):
    with pytest.raises(StoreError, match=r"cannot make the lock file .*: No such file"):
        FileLock(str(tmp_path / "none" / "lock")).acquire()


def test_a_link_is_not_followed(tmp_path):
    os.symlink(tmp_path / "victim", tmp_path / "lock")
    with pytest.raises(StoreError):
        FileLock(str(tmp_path / "lock")).acquire()
    assert not (tmp_path / "victim").exists()
