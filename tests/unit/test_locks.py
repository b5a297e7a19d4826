import errno
import fcntl
import os
import subprocess
import sys
import time

import pytest

from udocker_core import locks
from udocker_core.errors import StoreError
from udocker_core.locks import FileLock

HOLDER = """
import sys
from udocker_core import locks
if sys.argv[2] == "link":
    import errno, fcntl
    def lockf(*arguments):
        raise OSError(errno.ENOLCK, "no locks available")
    fcntl.lockf = lockf
with locks.FileLock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def take_away_record_locks(monkeypatch):
    def lockf(*arguments):
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr(fcntl, "lockf", lockf)


@pytest.fixture(params=["record", "link"])
def kind(request, monkeypatch):
    """Both kinds of locks: the second is for file systems that have none."""
    if request.param == "link":
        take_away_record_locks(monkeypatch)
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


@pytest.fixture
def owned(tmp_path, monkeypatch):
    """A lock on a file system without record locks, and a way to say who has it."""
    take_away_record_locks(monkeypatch)

    def make(host=None, pid=None, boot=None):
        owner = f"{host or os.uname().nodename}:{pid or os.getpid()}:{boot or locks._boot_id()}"
        os.symlink(owner, tmp_path / "lock.owner")
        return owner

    return FileLock(str(tmp_path / "lock"), timeout=0.1, remove=True), make


@pytest.fixture(scope="module")
def ended():
    """The number of a process that has ended."""
    with subprocess.Popen(["true"]) as process:
        pass
    return process.pid


def test_without_record_locks_the_owner_is_named(owned, tmp_path):
    lock, own = owned
    owner = own()
    with pytest.raises(StoreError, match=f"another udocker has held {lock.path}") as caught:
        lock.__enter__()
    assert f"if the process {owner} is gone, delete {tmp_path}/lock.owner" in caught.value.hint
    assert os.readlink(tmp_path / "lock.owner") == owner


@pytest.mark.parametrize("gone", ["process", "boot"])
def test_without_record_locks_the_dead_are_robbed(owned, ended, tmp_path, gone):
    lock, own = owned
    own(pid=ended) if gone == "process" else own(boot="another")
    with lock:
        assert os.readlink(tmp_path / "lock.owner").split(":")[1] == str(os.getpid())
    assert os.listdir(tmp_path) == []


def test_without_record_locks_other_hosts_are_not_robbed(owned, ended, tmp_path):
    lock, own = owned
    owner = own(host="elsewhere", pid=ended, boot="another")
    assert not lock.acquire()
    assert os.readlink(tmp_path / "lock.owner") == owner


def test_of_two_who_rob_the_dead_one_gets_the_lock(owned, ended, tmp_path, monkeypatch):
    """The other was quicker, between our look at the owner and our deed."""
    lock, own = owned
    own(pid=ended)
    is_dead = locks._is_dead
    quicker = []

    def late(owner):
        dead = is_dead(owner)
        if not quicker:
            os.unlink(tmp_path / "lock.owner")
            quicker.append(own())
        return dead

    monkeypatch.setattr(locks, "_is_dead", late)
    assert not lock.acquire()
    assert [os.readlink(tmp_path / "lock.owner")] == quicker
    assert sorted(os.listdir(tmp_path)) == ["lock", "lock.owner"]


def test_while_one_robs_the_dead_others_wait(owned, ended, tmp_path):
    lock, own = owned
    owner = own(pid=ended)
    os.symlink("1", tmp_path / "lock.owner-removal")
    assert not lock.acquire()
    assert os.readlink(tmp_path / "lock.owner") == owner
