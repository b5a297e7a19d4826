import os
import subprocess
import sys

import pytest

from udocker_core.workspace import collect, workspace

KILLED = """
import os, signal, sys
from udocker_core.workspace import workspace
with workspace(sys.argv[1]) as path:
    os.makedirs(path + "/a/b")
    os.chmod(path + "/a", 0)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def parent(tmp_path):
    (tmp_path / "parent").mkdir()
    return str(tmp_path / "parent")


def test_what_was_not_moved_away_is_deleted(parent):
    with workspace(parent) as path:
        assert os.stat(path).st_mode & 0o777 == 0o700
        for name in ("kept", "lost"):
            os.mkdir(os.path.join(path, name))
        os.rename(os.path.join(path, "kept"), os.path.join(parent, "kept"))
    assert os.listdir(parent) == ["kept"]


def test_the_directory_itself_can_be_moved_away(parent):
    with workspace(parent) as path:
        os.rename(path, os.path.join(parent, "kept"))
    assert os.listdir(parent) == ["kept"]


def test_an_error_deletes_it_too(parent):
    with pytest.raises(KeyError), workspace(parent):
        raise KeyError
    assert os.listdir(parent) == []


def test_workspaces_do_not_take_each_other_for_leftovers(parent):
    with workspace(parent) as outer, workspace(parent) as inner:
        assert os.path.isdir(outer)
        assert os.path.isdir(inner)


def test_what_a_killed_process_left_is_collected(parent):
    subprocess.run([sys.executable, "-c", KILLED, parent], check=False)
    assert len(os.listdir(parent)) == 2
    with workspace(parent) as path:
        assert set(os.listdir(parent)) == {os.path.basename(path), os.path.basename(path) + ".lock"}
    assert os.listdir(parent) == []


def test_a_lock_without_a_directory_is_collected(parent):
    with open(os.path.join(parent, ".tmp-0123456789abcdef.lock"), "w"):
        pass
    collect(parent)
    assert os.listdir(parent) == []


def test_nothing_else_is_collected(parent):
    for name in ("a", ".b", "tmp-c"):
        os.mkdir(os.path.join(parent, name))
    collect(parent)
    assert sorted(os.listdir(parent)) == [".b", "a", "tmp-c"]
