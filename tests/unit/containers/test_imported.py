import io
import json
import os

import pytest

from udocker_core.containers.imported import from_clone, from_rootfs
from udocker_core.errors import Conflict, IntegrityError, UnsafeLayer
from udocker_core.testing.images import Directory, Symlink, compress, tar_of

pytest_plugins = ["udocker_core.testing.fixtures"]

CONFIG = {"config": {"Cmd": ["sh"]}}


def entries(store):
    return [name for name in os.listdir(store.directory) if name != ".lock"]


@pytest.mark.parametrize("compression", ["", "gzip", "zstd"])
def test_a_tar_file_becomes_a_root(container_store, compression):
    tar = compress(tar_of({"./": None, "./etc/": None, "./etc/motd": b"hello"}), compression)
    made = from_rootfs(container_store, io.BytesIO(tar), "f", CONFIG, "x:1", "mine")
    assert (made.names, made.image, made.config) == (("mine",), "x:1", CONFIG)
    with open(made.root + "/etc/motd") as file:
        assert file.read() == "hello"


@pytest.mark.parametrize("damaged", [b"<html>", compress(tar_of({"a": b"x" * 9999}), "gzip")[:-20]])
def test_a_damaged_file_leaves_nothing(container_store, damaged):
    for make in (from_rootfs, from_clone):
        with pytest.raises(IntegrityError, match="the file"):
            make(container_store, io.BytesIO(damaged), "the file", CONFIG, "x:1", "mine")
        assert entries(container_store) == []


def test_nothing_is_unpacked_outside(container_store, tmp_path):
    tar = tar_of({"out": Symlink(str(tmp_path)), "out/evil": b"x"})
    for make in (from_rootfs, from_clone):
        make(container_store, io.BytesIO(tar), "f", CONFIG, "x:1")
    with pytest.raises(UnsafeLayer):
        from_rootfs(container_store, io.BytesIO(tar_of({"../evil": b"x"})), "f", CONFIG, "x:1")
    assert not (tmp_path / "evil").exists()


def clone(**files):
    named = {name.replace("__", "."): data for name, data in files.items()}
    return io.BytesIO(tar_of({"ROOT/": Directory(0o555), "ROOT/file": b"1", **named}))


def test_a_clone_brings_its_record_along(container_store):
    config = {"config": {"Cmd": ["other"]}}
    raw = clone(container__json=json.dumps(config).encode(), imagerepo__name=b"y:2", execmode=b"P1")
    made = from_clone(container_store, raw, "f", CONFIG, "x:1", "mine")
    assert (made.config, made.image, made.names) == (config, "y:2", ("mine",))
    assert os.listdir(made.root) == ["file"]
    assert os.stat(made.root).st_mode & 0o777 == 0o555
    assert len(entries(container_store)) == 2


def test_a_plain_file_system_is_taken_as_a_clone_too(container_store):
    raw = io.BytesIO(tar_of({"container.json": b"[]", "etc/": None}))
    made = from_clone(container_store, raw, "f", CONFIG, "x:1")
    assert (made.config, made.image) == (CONFIG, "x:1")
    assert sorted(os.listdir(made.root)) == ["container.json", "etc"]


@pytest.mark.parametrize("record", [b"{", b"[1]", b"\xff"])
def test_a_clone_with_a_damaged_record_is_refused(container_store, record):
    with pytest.raises(IntegrityError, match="the record in f"):
        from_clone(container_store, clone(container__json=record), "f", CONFIG, "x:1")
    assert entries(container_store) == []


def test_a_busy_name_is_refused(container_store):
    from_clone(container_store, clone(), "f", CONFIG, "x:1", "mine")
    with pytest.raises(Conflict):
        from_clone(container_store, clone(), "f", CONFIG, "x:1", "mine")
    assert len(entries(container_store)) == 2


@pytest.mark.parametrize("mode", [0o555, 0])
@pytest.mark.parametrize("top", ["./", "ROOT/"])
def test_directories_that_are_closed_are_moved_and_keep_their_modes(container_store, top, mode):
    members = {top: Directory(mode), top + "file": b"1"}
    if top == "ROOT/":
        members["./"] = Directory(mode)
    made = from_clone(container_store, io.BytesIO(tar_of(members)), "f", CONFIG, "x:1")
    assert os.stat(made.root).st_mode & 0o777 == mode
    os.chmod(made.root, 0o700)
    assert os.listdir(made.root) == ["file"]


@pytest.mark.parametrize(
    ("text", "image"),
    [(b"quay.io/a/b:1\n", "quay.io/a/b:1"), (b"IMPORTED:unknown", "x:1"), (b"\x1b[2J:1", "x:1"),
     (b"\xff", "x:1")],
)
def test_a_clone_says_its_image_in_the_form_of_a_name(container_store, text, image):
    raw = clone(container__json=b"{}\n".replace(b"{}", b'{"config": {}}'), imagerepo__name=text)
    assert from_clone(container_store, raw, "f", CONFIG, "x:1").image == image
