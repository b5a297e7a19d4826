import json
import os
import re

import pytest

from udocker_core.digest import Digest
from udocker_core.errors import Conflict, IntegrityError, InvalidReference, NotFound, StoreError
from udocker_core.names import parse
from udocker_core.testing.images import ImageBuilder

pytest_plugins = ["udocker_core.testing.fixtures"]

NAME = parse("x:1")


def build(content=b"x", **config):
    builder = ImageBuilder(config=config, platform="linux/arm64")
    builder.add_layer({"base": b"base"})
    builder.add_layer({"file": content}, "")
    return builder.build()


def add(store, image, *names):
    """Store an image as a pull does."""
    store.prepare()
    for digest, data in image.blobs.items():
        with open(store.blob("new"), "wb") as file:
            file.write(data)
        store.publish_blob(store.blob("new"), digest)
    return [store.put(parse(name), image.manifest, list(image.blobs)) for name in names]


def listed(store):
    return [store.name(directory) for directory in store.tags()]


def test_an_image_is_laid_out_as_udocker_1_3_does(image_store):
    image = build()
    (stored,) = add(image_store, image, "docker.io/library/x:1")
    directory = os.path.join(image_store.repos, "x", "1")
    assert stored.directory == directory
    assert sorted(os.listdir(directory)) == sorted(["TAG", "manifest", "v2", *image.blobs])
    for digest in image.blobs:
        link = os.path.join(directory, digest)
        assert os.readlink(link) == f"../../../layers/{digest}"
        assert os.path.isfile(link)
    with open(directory + "/TAG") as file:
        assert file.read() == f"{image_store.repos}/x:1\n"
    with open(directory + "/manifest", "rb") as file:
        assert file.read() == image.manifest == stored.manifest
    for path in (image_store.repos, image_store.layers, directory):
        assert os.stat(path).st_mode & 0o777 == 0o700


def test_an_image_is_found_with_all_it_holds(image_store):
    image = build(Cmd=["sh"])
    add(image_store, image, "quay.io/a/b:1")
    found = image_store.find(parse("quay.io/a/b:1"))
    assert (found.name, found.platform, found.protected) == ("quay.io/a/b:1", "linux/arm64", False)
    assert found.config["config"] == {"Cmd": ["sh"]}
    assert [blob.diff_id for blob in found.layers] == [layer.diff_id for layer in image.layers]
    for blob, layer in zip(found.layers, image.layers):
        assert blob.name == Digest.of(layer.blob)
        with open(blob.path, "rb") as file:
            assert file.read() == layer.blob


def test_what_is_not_there(image_store):
    assert NAME not in image_store
    assert listed(image_store) == []
    with pytest.raises(NotFound, match="no such image: x:1") as caught:
        image_store.find(NAME)
    assert caught.value.hint == "udocker pull x:1"
    image_store.prepare()
    with pytest.raises(NotFound, match="no such image: x:1"):
        image_store.remove(NAME)


@pytest.mark.parametrize("name", ["x:1", "library/x:1", "docker.io/x:1", "docker.io/library/x:1"])
def test_every_spelling_of_udocker_1_3_is_found(image_store, name):
    """It stored an image of Docker Hub under the name that was typed."""
    (stored,) = add(image_store, build(), "x:1")
    typed = os.path.join(image_store.repos, *name.rpartition(":")[0].split("/"))
    if name != "x:1":
        os.makedirs(os.path.dirname(typed), exist_ok=True)
        os.rename(os.path.dirname(stored.directory), typed)
    for spelling in ("x:1", "docker.io/library/x:1", "index.docker.io/x:1"):
        assert image_store.find(parse(spelling)).name == name
        assert parse(spelling) in image_store
    image_store.remove(NAME)
    assert listed(image_store) == []


def test_a_tag_moves_to_another_image(image_store):
    old, new = build(b"old"), build(b"new")
    add(image_store, old, "x:1")
    (stored,) = add(image_store, new, "x:1")
    assert stored.manifest == new.manifest
    links = {name for name in os.listdir(stored.directory) if name.startswith("sha256:")}
    assert links == set(new.blobs)


def test_an_image_whose_blob_went_away_is_not_listed(image_store):
    image = build()
    add(image_store, image)
    os.unlink(image_store.blob(next(iter(image.blobs))))
    with pytest.raises(NotFound, match="was deleted meanwhile"):
        image_store.put(NAME, image.manifest, list(image.blobs))
    assert listed(image_store) == []


def test_remove_keeps_the_blobs_that_others_have(image_store):
    first, second = build(b"1"), build(b"2")
    add(image_store, first, "a/b:1", "a:1")
    add(image_store, second, "a/b:2")
    image_store.remove(parse("a/b:1"))
    assert listed(image_store) == ["a:1", "a/b:2"]
    assert set(os.listdir(image_store.layers)) == {*first.blobs, *second.blobs}
    assert image_store.remove(parse("a:1")) == sorted(set(first.blobs) - set(second.blobs))
    assert set(os.listdir(image_store.layers)) == set(second.blobs)
    image_store.remove(parse("a/b:2"))
    assert os.listdir(image_store.layers) == []
    assert [name for name in os.listdir(image_store.repos) if name != ".lock"] == []


def test_a_protected_image_stays(image_store):
    (stored,) = add(image_store, build(), "x:1")
    open(stored.directory + "/PROTECT", "w").close()
    assert image_store.find(NAME).protected
    with pytest.raises(Conflict, match="image is protected: x:1"):
        image_store.remove(NAME)
    assert NAME in image_store


def write(path, value):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(value if isinstance(value, str) else json.dumps(value))


def tag(store, name, kind):
    directory = os.path.join(store.repos, *name.rsplit(":", 1))
    write(directory + "/TAG", f"/elsewhere/repos/{name}")
    write(directory + "/" + kind, "")
    return directory


def link(store, directory, name, target, content):
    write(os.path.join(store.layers, target), content)
    os.symlink(os.path.relpath(os.path.join(store.layers, target), directory),
               os.path.join(directory, name))


@pytest.mark.parametrize("loaded", [False, True])
def test_an_image_that_udocker_1_3_imported_or_loaded(image_store, loaded):
    directory = tag(image_store, "mine:1", "v1")
    top, base = "b" * 64, "a" * 64
    write(directory + "/ancestry", [top, base])
    for identifier in (top, base):
        link(image_store, directory, identifier + ".layer", identifier + ".layer", identifier[:1])
    config = {"architecture": "amd64", "os": "linux", "config": {"Cmd": ["sh"]}}
    if loaded:
        link(image_store, directory, "container.json", "c" * 64 + ".json", config)
    else:
        link(image_store, directory, top + ".json", top + ".json", config)
    found = image_store.find(parse("mine:1"))
    assert (found.config, found.platform) == (config, "linux/amd64")
    assert [(blob.name, blob.diff_id) for blob in found.layers] == [(base, None), (top, None)]
    assert [open(blob.path).read() for blob in found.layers] == ["a", "b"]
    assert len(image_store.remove(parse("mine:1"))) == 3
    assert os.listdir(image_store.layers) == []


def test_an_image_with_a_manifest_of_schema_1(image_store):
    directory = tag(image_store, "old:1", "v2")
    top, base = "sha256:" + "b" * 64, "sha256:" + "a" * 64
    for digest in (top, base):
        link(image_store, directory, digest, digest, "")
    config = {"architecture": "amd64", "os": "linux", "config": {"Cmd": ["sh"]}}
    history = [{"v1Compatibility": json.dumps(config)}, {"v1Compatibility": "{}"}]
    write(directory + "/manifest",
          {"schemaVersion": 1, "fsLayers": [{"blobSum": top}, {"blobSum": base}],
           "history": history})
    found = image_store.find(parse("old:1"))
    assert found.config == config
    assert [blob.name for blob in found.layers] == [base, top]


@pytest.mark.parametrize(
    "manifest",
    ["", "{", "[]", "{}", '"x"', '{"layers": 1}', '{"fsLayers": [], "history": []}',
     '{"layers": [{"digest": "../../secret"}], "config": {"digest": "../../secret"}}',
     '{"layers": [], "config": {"digest": "sha256:gone"}}', "[" * 100_000],
)
def test_a_damaged_image_is_an_error_that_names_it(image_store, manifest):
    (stored,) = add(image_store, build(), "x:1")
    write(stored.directory + "/manifest", manifest)
    with pytest.raises(IntegrityError, match="image x:1 has"):
        image_store.find(NAME)
    assert listed(image_store) == ["x:1"]
    image_store.remove(NAME)
    assert listed(image_store) == []


@pytest.mark.parametrize("config", ["{", "[]", '{"rootfs": 5}', '{"rootfs": {"diff_ids": [1]}}'])
def test_a_damaged_configuration_is_an_error_that_names_the_image(image_store, config):
    (stored,) = add(image_store, build(), "x:1")
    write(image_store.blob(json.loads(stored.manifest)["config"]["digest"]), config)
    with pytest.raises(IntegrityError, match="image x:1 has"):
        image_store.find(NAME)


def test_links_of_a_tag_do_not_lead_out_of_the_store(image_store, tmp_path):
    (stored,) = add(image_store, build(), "x:1")
    (tmp_path / "secret").write_text("{}")
    digest = json.loads(stored.manifest)["config"]["digest"]
    os.unlink(os.path.join(stored.directory, digest))
    os.symlink(tmp_path / "secret", os.path.join(stored.directory, digest))
    with pytest.raises(IntegrityError, match="image x:1 has lost secret"):
        image_store.find(NAME)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_store_that_cannot_be_written_is_named(image_store, tmp_path):
    (tmp_path / "store").mkdir(0o500)
    with pytest.raises(StoreError, match=re.escape(f"cannot make {image_store.repos}")):
        image_store.prepare()


@pytest.mark.parametrize("tag", ["TAG", "PROTECT", "manifest", "ancestry", "container.json"])
def test_an_image_whose_tag_is_a_file_of_the_store_is_refused(image_store, tag):
    with pytest.raises(InvalidReference, match=f"cannot store y/1:{tag}"):
        add(image_store, build(), f"y/1:{tag}")
    assert listed(image_store) == []


def test_a_directory_in_the_place_of_a_mark_is_none(image_store):
    """As udocker 1.3 may have left it, which stores any tag."""
    add(image_store, build(), "x:1")
    for name in ("TAG", "PROTECT"):
        os.makedirs(os.path.join(image_store.repos, "y", "1", name))
    other = parse("y:1")
    assert other not in image_store
    for act in (image_store.find, image_store.remove):
        with pytest.raises(NotFound, match="no such image: y:1"):
            act(other)
    with pytest.raises(Conflict, match="the images y/1/TAG are in the way"):
        add(image_store, build(), "y:1")


def test_images_whose_names_continue_anothers(image_store):
    add(image_store, build(b"1"), "x/1:v1", "x/1:v2", "x/1/2:3")
    add(image_store, build(b"2"), "x:1")
    names = ["x/1/2:3", "x/1:v1", "x/1:v2", "x:1"]
    assert sorted(listed(image_store)) == names
    for name in names:
        image_store.remove(parse(name))
    assert os.listdir(image_store.layers) == []


def test_a_tag_that_moves_takes_the_blobs_along_that_no_other_has(image_store):
    old, new = build(b"old"), build(b"new")
    add(image_store, old, "x:1", "x:2")
    add(image_store, new, "x:1")
    assert set(os.listdir(image_store.layers)) == {*old.blobs, *new.blobs}
    add(image_store, new, "x:2")
    assert set(os.listdir(image_store.layers)) == set(new.blobs)
    assert image_store.find(parse("x:2")).manifest == new.manifest


def test_remove_clears_abandoned_downloads_not_those_that_go_on(image_store):
    add(image_store, build(), "x:1")
    abandoned, going_on = Digest.of(b"1"), Digest.of(b"2")
    for digest in (abandoned, going_on):
        open(image_store.partial(digest), "w").close()
    lock = image_store.download_lock(going_on, 0)
    assert lock.acquire()
    image_store.remove(NAME)
    left = {os.path.basename(path) for path in (image_store.partial(going_on), lock.path)}
    assert set(os.listdir(image_store.layers)) == left
    lock.release()
