import json
import os
import re

import pytest

from udocker_core.containers.identifiers import new_id
from udocker_core.containers.store import ContainerStore
from udocker_core.errors import Conflict, IntegrityError, InvalidReference, NotFound, StoreError
from udocker_core.layers import remove

pytest_plugins = ["udocker_core.testing.fixtures"]

CONFIG = {"config": {"Cmd": ["sh"]}, "os": "linux"}


def fill(container):
    with open(container.root + "/file", "w") as file:
        file.write("content")


@pytest.fixture
def make(container_store):
    def create(name="", image="x:1"):
        return container_store.create(CONFIG, image, fill, name)

    return create


def entries(store):
    return sorted(name for name in os.listdir(store.directory) if name != ".lock")


def test_ids_are_random_uuids():
    ids = {new_id() for _ in range(100)}
    assert len(ids) == 100
    pattern = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
    assert all(pattern.fullmatch(text) for text in ids)


def test_a_container_is_laid_out_as_udocker_1_3_does(container_store, make):
    made = make("mine")
    assert entries(container_store) == sorted([made.id, "mine"])
    assert os.readlink(os.path.join(container_store.directory, "mine")) == made.id
    assert sorted(os.listdir(made.directory)) == ["ROOT", "container.json", "imagerepo.name"]
    with open(made.directory + "/container.json") as file:
        assert json.load(file) == CONFIG
    with open(made.directory + "/imagerepo.name") as file:
        assert file.read() == "x:1"
    for directory in (container_store.directory, made.directory):
        assert os.stat(directory).st_mode & 0o777 == 0o700
    assert made.names == ("mine",)
    assert (made.config, made.image, made.mode, made.settings) == (CONFIG, "x:1", "", {})
    with open(made.root + "/file") as file:
        assert file.read() == "content"


def test_a_container_is_found_by_id_and_by_each_of_its_names(container_store, make):
    made = make("b")
    container_store.add_name(made, "a")
    for name in (made.id, "a", "b"):
        assert container_store.find(name).names == ("a", "b")
        assert name in container_store
    for name in ("c", new_id(), "", ".", "..", ".lock", "../x", made.id + "/", made.id[:8]):
        assert name not in container_store
        with pytest.raises(NotFound, match="no such container"):
            container_store.find(name)


def test_containers_are_listed_in_order(container_store, make):
    assert list(container_store) == []
    made = sorted(make().id for _ in range(3))
    assert [container.id for container in container_store] == made


def test_a_fill_that_fails_leaves_nothing(container_store):
    def fail(container):
        fill(container)
        os.mkdir(container.root + "/closed", 0)
        raise IntegrityError("bad layer")

    with pytest.raises(IntegrityError):
        container_store.create(CONFIG, "x:1", fail, "mine")
    assert entries(container_store) == []


def test_a_name_that_is_taken_is_refused_before_and_after_the_work(container_store, make):
    first = make("mine")

    def never(container):
        raise AssertionError

    with pytest.raises(Conflict, match="container name already exists: mine"):
        container_store.create(CONFIG, "x:1", never, "mine")

    def meanwhile(container):
        container_store.add_name(first, "other")

    with pytest.raises(Conflict, match="container name already exists: other"):
        container_store.create(CONFIG, "x:1", meanwhile, "other")
    assert entries(container_store) == sorted([first.id, "mine", "other"])


@pytest.mark.parametrize("name", ["a/b", ".a", "a b", "-a", "[a]", "a" * 256, "a\n"])
def test_a_bad_name_is_refused(container_store, name):
    with pytest.raises(InvalidReference, match="invalid container name"):
        container_store.create(CONFIG, "x:1", fill, name)
    assert not os.path.exists(container_store.directory)


def test_remove_takes_the_names_along(container_store, make):
    made, other = make("a"), make("c")
    container_store.add_name(made, "b")
    os.chmod(made.root, 0)
    container_store.remove(container_store.find("b"))
    assert entries(container_store) == sorted([other.id, "c"])
    with pytest.raises(NotFound):
        container_store.remove(made)


def test_a_protected_container_stays(container_store, make):
    made = make()
    open(made.directory + "/PROTECT", "w").close()
    assert container_store.is_protected(made)
    with pytest.raises(Conflict, match="container is protected"):
        container_store.remove(made)
    assert made.id in container_store


def test_names_change(container_store, make):
    made, other = make("a"), make("z")
    container_store.rename("a", "b")
    assert container_store.find("b").names == ("b",)
    container_store.add_name(made, "c")
    container_store.remove_name("b")
    assert container_store.find(made.id).names == ("c",)
    assert "a" not in container_store
    for name in ("a", made.id):
        with pytest.raises(NotFound, match="no such container name"):
            container_store.rename(name, "d")
        with pytest.raises(NotFound, match="no such container name"):
            container_store.remove_name(name)
    with pytest.raises(Conflict):
        container_store.rename("c", "z")
    with pytest.raises(Conflict):
        container_store.add_name(other, "c")
    with pytest.raises(InvalidReference):
        container_store.rename("c", "x/y")
    assert container_store.find("c").id == made.id


def test_names_of_an_empty_store(container_store):
    with pytest.raises(NotFound, match="no such container name: a"):
        container_store.remove_name("a")
    with pytest.raises(NotFound, match="no such container name: a"):
        container_store.rename("a", "b")


def test_a_link_to_nothing_is_a_free_name(container_store, make):
    made = make()
    os.symlink(new_id(), os.path.join(container_store.directory, "mine"))
    assert "mine" not in container_store
    container_store.add_name(made, "mine")
    assert container_store.find("mine").id == made.id


def test_the_mode_is_recorded_as_udocker_1_3_does(container_store, make):
    made = make()
    container_store.set_mode(made, "R1", {"engine": {"a": [1]}})
    found = container_store.find(made.id)
    assert (found.mode, found.settings) == ("R1", {"engine": {"a": [1]}})
    with open(made.directory + "/execmode") as file:
        assert file.read() == "R1"
    with open(made.directory + "/root.path") as file:
        assert file.read() == os.path.realpath(made.root)


def test_a_container_of_udocker_1_3(tmp_path):
    """Its ids are version 3 UUIDs, its names relative links, its files have no newline."""
    identifier = "4a8c7d0e-7d5a-3b1c-9e2f-0123456789ab"
    directory = tmp_path / identifier
    (directory / "ROOT" / "etc").mkdir(parents=True)
    for name, text in (
        ("container.json", json.dumps({"config": None, "container_config": {"Cmd": "sh -c x"}})),
        ("imagerepo.name", "docker.io/x:1"),
        ("execmode", "P2"),
        ("root.path", "/elsewhere/ROOT"),
        ("osenv.json", "{}"),
    ):
        (directory / name).write_text(text)
    for name, target in (("a", identifier), ("b.c", f"./{identifier}/"), ("gone", new_id())):
        os.symlink(target, tmp_path / name)
    (tmp_path / "notes.txt").write_text("unknown files are ignored")
    store = ContainerStore(str(tmp_path))
    (found,) = store
    assert (found.id, found.names) == (identifier, ("a", "b.c"))
    assert store.find("b.c") == found._replace(settings={})
    assert (found.image, found.mode) == ("docker.io/x:1", "P2")
    assert found.config["container_config"]["Cmd"] == "sh -c x"
    store.remove(store.find("a"))
    assert sorted(os.listdir(tmp_path)) == [".lock", "gone", "notes.txt"]


def test_a_damaged_record_does_not_hide_the_others_and_can_be_removed(container_store, make):
    made, other = make("bad"), make()
    with open(made.directory + "/container.json", "w") as file:
        file.write("{")
    with pytest.raises(StoreError, match=r"cannot read .*container.json"):
        container_store.find("bad")
    assert sorted(c.id for c in container_store) == sorted([made.id, other.id])
    container_store.remove(container_store.locate("bad"))
    assert entries(container_store) == [other.id]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_store_that_cannot_be_written_is_named(container_store, make):
    made = make()
    os.chmod(container_store.directory, 0o500)
    with pytest.raises(StoreError, match=re.escape(container_store.directory)):
        make()
    assert container_store.find(made.id).id == made.id
    os.chmod(container_store.directory, 0o700)


def test_what_cannot_be_removed_stays_listed(container_store, make, monkeypatch):
    made, other = make("a"), make()
    container_store.add_name(made, "b")

    def busy(path):
        container_store.add_name(other, "b")  # it is free while the container is being removed
        raise StoreError(f"cannot remove {path}/ROOT/x: Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(remove, "remove_tree", busy)
        with pytest.raises(StoreError, match="ROOT/x: Permission denied") as caught:
            container_store.remove(container_store.find("b"))
    assert caught.value.hint == "remove its files from inside the container"
    assert container_store.find(made.id) == made
    assert container_store.find(other.id).names == ("b",)
    assert entries(container_store) == sorted([made.id, other.id, "a", "b"])
    container_store.remove(made)
    assert entries(container_store) == sorted([other.id, "b"])


def test_a_container_that_is_gone_gets_no_name(container_store, make):
    made = make()
    container_store.remove(made)
    with pytest.raises(NotFound, match=f"no such container: {made.id}"):
        container_store.add_name(made, "a")
    assert entries(container_store) == []


def test_the_root_is_open_whatever_the_umask(container_store, make):
    before = os.umask(0o077)
    try:
        made = make()
    finally:
        os.umask(before)
    assert os.stat(made.root).st_mode & 0o777 == 0o755
