import os

import pytest

from udocker_core import files
from udocker_core.errors import StoreError


def test_a_file_is_replaced_whole(tmp_path):
    path = str(tmp_path / "file")
    for content in (b"one", b"two"):
        files.write_atomic(path, content)
        assert files.read_regular(path, 10) == content
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["file"]


def test_a_write_that_fails_leaves_nothing(tmp_path):
    (tmp_path / "directory").mkdir()
    with pytest.raises(IsADirectoryError):
        files.write_atomic(str(tmp_path / "directory"), b"x")
    assert os.listdir(tmp_path) == ["directory"]


def test_only_regular_files_of_the_wanted_size_are_read(tmp_path):
    (tmp_path / "file").write_bytes(b"123")
    os.symlink("file", tmp_path / "link")
    os.mkfifo(tmp_path / "fifo")
    assert files.read_regular(str(tmp_path / "file"), 3) == b"123"
    for name, limit in (("file", 2), ("link", 3), ("fifo", 3), ("", 3), ("none", 3)):
        assert files.read_regular(str(tmp_path / name), limit) is None


def test_directories_of_the_store_are_private_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        files.make_private_directory(str(tmp_path / "store"))
    finally:
        os.umask(before)
    assert os.stat(tmp_path / "store").st_mode & 0o777 == 0o700


def test_a_directory_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match=r"cannot make .*/file/store") as caught:
        files.make_private_directory(str(tmp_path / "file" / "store"))
    assert "UDOCKER_DIR" in caught.value.hint


@pytest.mark.skipif(os.geteuid() == 0, reason="everything belongs to root")
def test_another_users_directory_is_refused():
    with pytest.raises(StoreError, match="/ belongs to another user"):
        files.make_private_directory("/")


def test_a_directory_is_opened_without_following_links(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    os.symlink("a", tmp_path / "link")
    (tmp_path / "a").chmod(0o111)
    before = len(os.listdir("/proc/self/fd"))
    fd = files.open_below(str(tmp_path), "a//b")
    assert os.path.samestat(os.fstat(fd), os.stat(tmp_path / "a" / "b"))
    os.close(fd)
    for path in ("link", "link/b", "a/none"):
        with pytest.raises(OSError, match=path.rpartition("/")[2] + "|link"):
            files.open_below(str(tmp_path), path)
    assert len(os.listdir("/proc/self/fd")) == before


def test_permissions_are_added_to_what_is_no_link(tmp_path):
    (tmp_path / "closed").mkdir(0)
    (tmp_path / "file").touch(0o400)
    os.symlink("file", tmp_path / "link")
    fd = files.open_below(str(tmp_path))
    for name in ("closed", "link"):
        files.grant(name, 0o700, fd)
    os.close(fd)
    assert os.stat(tmp_path / "closed").st_mode & 0o777 == 0o700
    assert os.stat(tmp_path / "file").st_mode & 0o777 == 0o400
