import os

import pytest

from udocker_core.errors import StoreError
from udocker_core.layers import remove_tree


def test_files_links_and_trees(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("x")
    top = tmp_path / "top"
    (top / "a" / "b").mkdir(parents=True)
    (top / "a" / "file").write_text("x")
    (top / "a" / "link").symlink_to(outside)
    os.link(outside / "kept", top / "a" / "hard")
    os.mkfifo(top / "a" / "b" / "fifo")
    (tmp_path / "one").write_text("x")
    (tmp_path / "link").symlink_to(outside)
    for name in ("top", "one", "link", "missing", "no/such"):
        remove_tree(str(tmp_path / name))
    assert sorted(os.listdir(tmp_path)) == ["outside"]
    assert (outside / "kept").read_text() == "x"


def test_relative_to_a_descriptor_and_with_a_slash(tmp_path):
    (tmp_path / "top" / "inner").mkdir(parents=True)
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        remove_tree("top/inner/", dir_fd=fd)
        assert os.listdir(tmp_path / "top") == []
        remove_tree("top", dir_fd=fd)
    finally:
        os.close(fd)
    assert os.listdir(tmp_path) == []


def test_directories_without_permissions(tmp_path):
    top = tmp_path / "top"
    (top / "none" / "inner").mkdir(parents=True)
    (top / "none" / "inner" / "file").write_text("x")
    (top / "none" / "inner").chmod(0o500)
    (top / "none").chmod(0)
    top.chmod(0o555)
    remove_tree(str(top))
    assert os.listdir(tmp_path) == []


def test_names_that_are_no_text(tmp_path):
    os.mkdir(os.fsencode(tmp_path) + b"/\xff")
    os.mkdir(os.fsencode(tmp_path) + b"/\xff/\xfe")
    remove_tree(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    assert os.listdir(tmp_path) == []


def test_deep_trees_need_few_descriptors(tmp_path):
    depth = 1500
    start = os.getcwd()
    try:
        os.chdir(tmp_path)
        for _ in range(depth):
            os.mkdir("d")
            os.chdir("d")
    finally:
        os.chdir(start)
    before = len(os.listdir("/proc/self/fd"))
    remove_tree(str(tmp_path / "d"))
    assert os.listdir(tmp_path) == []
    assert len(os.listdir("/proc/self/fd")) == before


def test_what_cannot_be_removed_is_named_and_the_rest_removed(tmp_path, monkeypatch):
    top = tmp_path / "top"
    (top / "a").mkdir(parents=True)
    for name in ("a/.nfs1", "a/file", "other"):
        (top / name).write_text("x")
    unlink = os.unlink

    def busy(name, *, dir_fd=None):
        if name == ".nfs1":  # NFS keeps a file that is open under such a name
            raise OSError(16, "Device or resource busy")
        unlink(name, dir_fd=dir_fd)

    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", busy)
        with pytest.raises(StoreError, match=r"/top/a/\.nfs1: Device or resource busy"):
            remove_tree(str(top))
    assert [path.name for path in sorted(top.rglob("*"))] == ["a", ".nfs1"]
    remove_tree(str(top))
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root needs no permissions")
def test_a_link_put_in_the_place_meanwhile_is_not_followed(tmp_path, monkeypatch):
    outside = tmp_path / "outside"
    outside.mkdir(0o500)
    closed = tmp_path / "top" / "closed"
    closed.mkdir(0, parents=True)
    chmod = os.chmod

    def exchanging(path, mode, **options):
        closed.rename(tmp_path / "top" / "old")
        closed.symlink_to(outside)
        chmod(path, mode, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, "chmod", exchanging)
        with pytest.raises(StoreError, match="top/closed: Not a directory"):
            remove_tree(str(tmp_path / "top"))
    assert os.stat(outside).st_mode & 0o777 == 0o500
