"""From a registry to a container: overlap, faults, several processes at once, and kills."""

import glob
import json
import os
import signal
import time
from collections import Counter

import pytest

from udocker_core import platform, provision
from udocker_core.digest import Digest
from udocker_core.errors import Conflict, IntegrityError, RegistryError, UdockerError
from udocker_core.names import parse
from udocker_core.registry.progress import Silence
from udocker_core.testing.fixtures import plain_image
from udocker_core.testing.images import ImageBuilder, push

pytest_plugins = ["udocker_core.testing.fixtures"]


@pytest.fixture
def source(config, image_store, registry):
    return provision.source(config, image_store, platform.host(), Silence())


@pytest.fixture
def name(registry):
    return f"{registry.host}/x:1"


def large(size=600_000, layers=3):
    builder = ImageBuilder()
    for number in range(layers):
        builder.add_layer({f"file{number}": os.urandom(size)}, "")
    return builder.build()


def listed(store):
    return [store.name(directory) for directory in store.tags()]


def entries(store):
    try:
        return [entry for entry in os.listdir(store.directory) if entry != ".lock"]
    except FileNotFoundError:
        return []


def test_pull_then_create(source, container_store, registry, name):
    image = plain_image()
    push(registry, "x", "1", image)
    stored = provision.pull(source, parse(name))
    assert (stored.name, stored.manifest) == (name, image.manifest)
    assert set(os.listdir(source.store.layers)) == set(image.blobs)
    registry.requests.clear()
    made = provision.create(source, container_store, parse(name), "mine", "never")
    assert registry.requests == []
    assert (made.image, made.names) == (name, ("mine",))
    with open(made.root + "/etc/motd") as file:
        assert file.read() == "welcome\n"
    provision.pull(source, parse(name))
    assert registry.blob_requests() == []


def test_layers_are_unpacked_while_they_arrive(source, container_store, registry, name):
    push(registry, "x", "1", large())
    registry.faults.delay, registry.faults.piece = 0.02, 50_000
    seen = []

    class Watch(Silence):
        def advanced(self, descriptor, count):
            """Note how much of the root there is before the last layer is here."""
            files = glob.glob(container_store.directory + "/.tmp-*/ROOT/file*")
            seen.append(sum(os.path.getsize(path) for path in files))

    made = provision.create(source._replace(progress=Watch()), container_store, parse(name))
    assert max(seen) > 0
    assert sorted(os.listdir(made.root)) == ["file0", "file1", "file2"]
    assert listed(source.store) == [name]


def test_a_download_that_breaks_off_is_continued(source, container_store, registry, name):
    push(registry, "x", "1", large())
    registry.faults.cut_after, registry.faults.cuts = 200_000, 2
    provision.create(source, container_store, parse(name))
    assert any("range" in request.headers for request in registry.blob_requests())


def wrong_bytes(registry, image):
    blob = image.layers[-1].blob
    registry.add_blob(blob[:-1] + b"x", Digest.of(blob))


def too_short(registry, image):
    blob = image.layers[-1].blob
    registry.add_blob(blob[:-10], Digest.of(blob))


def wrong_diff_id(registry, image):
    config = json.loads(image.config)
    config["rootfs"]["diff_ids"].reverse()
    _replace_config(registry, image, config)


def fewer_diff_ids(registry, image):
    config = json.loads(image.config)
    config["rootfs"]["diff_ids"].pop()
    _replace_config(registry, image, config)


def no_image_configuration(registry, image):
    _replace_config(registry, image, [])


def _replace_config(registry, image, config):
    raw = json.dumps(config).encode()
    manifest = json.loads(image.manifest)
    manifest["config"].update(digest=registry.add_blob(raw), size=len(raw))
    registry.add_manifest("x", "1", json.dumps(manifest).encode(), image.media_type)


@pytest.mark.parametrize(
    "fault", [wrong_bytes, too_short, wrong_diff_id, fewer_diff_ids, no_image_configuration]
)
def test_what_does_not_match_is_not_listed(source, container_store, registry, name, fault):
    image = large(1000)
    push(registry, "x", "1", image)
    fault(registry, image)
    with pytest.raises(IntegrityError):
        provision.create(source, container_store, parse(name), "mine")
    assert listed(source.store) == []
    assert entries(container_store) == []
    push(registry, "x", "1", image)
    assert provision.create(source, container_store, parse(name), "mine").names == ("mine",)
    assert listed(source.store) == [name]


def test_a_wrong_diff_id_of_a_stored_image_leaves_no_container(source, container_store, registry,
                                                              name):
    image = large(1000)
    push(registry, "x", "1", image)
    wrong_diff_id(registry, image)
    provision.pull(source, parse(name))
    with pytest.raises(IntegrityError):
        provision.create(source, container_store, parse(name))
    assert entries(container_store) == []


def test_a_registry_that_is_gone(source, container_store):
    with pytest.raises(RegistryError):
        provision.create(source, container_store, parse("127.0.0.1:1/x:1"), "mine")
    assert (listed(source.store), entries(container_store)) == ([], [])


def test_fetch_policies(source, container_store, registry, name):
    with pytest.raises(UdockerError, match="no such image"):
        provision.create(source, container_store, parse(name), fetch="never")
    assert registry.requests == []
    for content in (b"old", b"new"):
        builder = ImageBuilder()
        builder.add_layer({"version": content})
        push(registry, "x", "1", builder.build())
        made = provision.create(source, container_store, parse(name))
        assert open(made.root + "/version", "rb").read() == b"old"
    made = provision.create(source, container_store, parse(name), fetch="always")
    assert open(made.root + "/version", "rb").read() == b"new"


def test_two_pulls_at_once_download_each_blob_once(udocker, registry, name):
    image = large()
    push(registry, "x", "1", image)
    registry.faults.delay, registry.faults.piece = 0.02, 50_000
    pulls = [udocker.start("pull", name) for _ in range(3)]
    assert [(p.wait(), *p.communicate()) for p in pulls] == [(0, "", "")] * 3
    counts = Counter(request.path for request in registry.blob_requests())
    assert len(counts) == 4
    assert set(counts.values()) == {1}
    assert udocker.images() == [name]
    assert set(os.listdir(udocker.store / "layers")) == set(image.blobs)


def test_of_two_creates_of_one_name_one_wins(udocker, registry, name):
    push(registry, "x", "1", large(layers=1))
    udocker("pull", name)
    creates = [udocker.start("create", "--name=mine", name) for _ in range(4)]
    results = [(*process.communicate(), process.returncode) for process in creates]
    (winner,) = [output.strip() for output, _, status in results if status == 0]
    assert all(
        "container name already exists: mine" in errors
        for _, errors, status in results if status
    )  # fmt: skip
    assert udocker.containers() == [winner]
    assert sorted(os.listdir(udocker.store / "containers")) == sorted([".lock", winner, "mine"])


def test_a_killed_create_leaves_nothing_listed(udocker, registry, name):
    image = large()
    push(registry, "x", "1", image)
    registry.faults.delay, registry.faults.piece = 0.1, 50_000
    process = udocker.start("create", "--name=mine", name)
    containers = udocker.store / "containers"
    deadline = time.monotonic() + 20
    while not any(containers.glob(".tmp-*/ROOT/file0")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert udocker.containers() == []
    assert udocker.images() == []
    assert list(containers.glob(".tmp-*"))
    registry.faults.delay = 0
    made = udocker("create", "--name=mine", name).strip()
    assert sorted(os.listdir(containers)) == sorted([".lock", made, "mine"])
    assert udocker.images() == [name]
    assert set(os.listdir(udocker.store / "layers")) == set(image.blobs)


def test_a_busy_name_is_refused_before_anything_is_downloaded(source, container_store, registry,
                                                              name):
    push(registry, "x", "1", plain_image())
    provision.create(source, container_store, parse(name), "mine")
    registry.requests.clear()
    push(registry, "y", "1", large(1000))
    with pytest.raises(Conflict):
        provision.create(source, container_store, parse(name.replace("/x", "/y")), "mine")
    assert listed(source.store) == [name]
    assert registry.blob_requests() == []


def test_an_index_gives_the_image_for_the_platform(source, container_store, registry, name):
    from udocker_core.testing.images import push_index

    images = []
    for architecture in ("linux/amd64", "linux/arm64"):
        builder = ImageBuilder(platform=architecture)
        builder.add_layer({"name": architecture.encode()})
        images.append(builder.build())
    push_index(registry, "x", "1", images)
    for architecture in ("linux/arm64", "linux/amd64"):
        wanted = source._replace(platform=platform.parse(architecture))
        made = provision.create(wanted, container_store, parse(name), fetch="always")
        assert open(made.root + "/name").read() == architecture


def test_several_creates_of_one_image_download_each_blob_once(udocker, registry, name):
    image = large(50_000, layers=6)
    push(registry, "x", "1", image)
    registry.faults.delay, registry.faults.piece = 0.02, 10_000
    creates = [udocker.start("create", name) for _ in range(3)]
    results = [(*process.communicate(timeout=60), process.returncode) for process in creates]
    assert [(errors, status) for _, errors, status in results] == [("", 0)] * 3
    assert udocker.containers() == sorted(output.strip() for output, _, _ in results)
    counts = Counter(request.path for request in registry.blob_requests())
    assert sorted(counts.values()) == [1] * 7
    assert set(os.listdir(udocker.store / "layers")) == set(image.blobs)
