"""Bad input and bad luck: one clear line, the right exit status, nothing half-made listed."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.live import oci
from tests.live.command import Udocker
from tests.live.parts import PARTS, Image, need
from tests.live.servers import DockerRegistry

ABSENT = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    "name",
    ["UPPER/case", "two words", "-", "x:bad tag", "a@sha256:12", "../up", "a//b", "http://x/y"],
)
def test_a_wrong_name(name: str, udocker: Udocker) -> None:
    for command in ("pull", "create"):
        status = udocker.run(command, name).returncode
        udocker.fails(command, name, status=status)
        assert status in (1, 125)
    assert udocker.images() == []


def test_a_missing_image(registry: DockerRegistry, busybox: Image, udocker: Udocker) -> None:
    for name in ("test/none:1", "test/busybox:none", f"test/busybox@{ABSENT}"):
        assert name in udocker.fails("pull", f"{registry.address}/{name}")
    assert udocker.images() == []


def test_nothing_of_that_name_here(busybox: Image, udocker: Udocker) -> None:
    udocker("pull", busybox.name)
    for command in ("create --pull=never", "inspect", "rm", "rmi", "setup"):
        assert "nothing-here" in udocker.fails(*command.split(), "nothing-here")


def test_no_registry_at_all(udocker: Udocker) -> None:
    assert "localhost:9" in udocker.fails("pull", "localhost:9/test/busybox:1")


def _layer_of(registry: DockerRegistry, image: Image) -> Path:
    """The file in which `registry` keeps the first layer of `image`."""
    layout = Path(image.layout.rpartition(":")[0])
    described = json.loads((layout / "index.json").read_text())["manifests"][0]
    manifest = layout / "blobs" / "sha256" / described["digest"].removeprefix("sha256:")
    return registry.blob(json.loads(manifest.read_text())["layers"][0]["digest"])


@pytest.mark.parametrize("fault", ["other bytes", "too short"])
def test_a_layer_that_is_not_what_its_digest_says(
    fault: str, registry: DockerRegistry, publish: Callable[..., Image], udocker: Udocker
) -> None:
    content = random.Random(fault).randbytes(100_000)
    image = publish(f"test/{fault.replace(' ', '-')}:1", [oci.layer(oci.Entry("file", content))])
    stored = _layer_of(registry, image)
    good = stored.read_bytes()
    stored.write_bytes(good[:-5000] if fault == "too short" else good[:-9] + b"x" + good[-8:])
    udocker.fails("pull", image.name)
    assert udocker.images() == []
    stored.write_bytes(good)
    udocker("pull", image.name)
    assert (udocker.root(udocker.create(image.name)) / "file").read_bytes() == content


def test_a_layer_that_ends_too_early(publish: Callable[..., Image], udocker: Udocker) -> None:
    content = random.Random(5).randbytes(300_000)
    layers = [oci.layer(oci.Entry("a")), oci.layer(oci.Entry("file", content))]
    image = publish("test/truncated:1", layers, damage=lambda blob: blob[: len(blob) // 2])
    # Its digest is right, so only unpacking can tell.
    if udocker.run("pull", image.name).returncode == 0:
        udocker.fails("create", image.name)
    assert udocker.containers() == []
    assert not (udocker.store / "containers").exists() or udocker.remains() == []


def test_a_busy_name(busybox: Image, udocker: Udocker) -> None:
    udocker("pull", busybox.name)
    udocker.create(busybox.name, "--name=taken")
    assert "taken" in udocker.fails("create", "--name=taken", busybox.name)
    assert len(udocker.containers()) == 1
    assert udocker.remains() == []


@pytest.mark.parametrize("name", ["a/b", ".", "..", "a b", "[x]", ""])
def test_a_container_name_that_cannot_be(name: str, busybox: Image, udocker: Udocker) -> None:
    udocker("pull", busybox.name)
    status = udocker.run("create", f"--name={name}", busybox.name).returncode
    if name:  # an empty one is none
        udocker.fails("create", f"--name={name}", busybox.name, status=status)
        assert udocker.containers() == []


def test_a_read_only_home(busybox: Image, udocker: Udocker) -> None:
    udocker.home.chmod(0o555)
    assert str(udocker.home) in udocker.fails("pull", busybox.name)


def test_a_read_only_store_can_still_be_read(busybox: Image, udocker: Udocker) -> None:
    udocker("pull", busybox.name)
    udocker.create(busybox.name, "--name=old")
    places = [udocker.store, *(udocker.store / n for n in ("containers", "layers", "repos"))]
    for place in places:
        place.chmod(0o555)
    try:
        assert udocker.images() == [busybox.name]
        assert len(udocker.containers()) == 1
        assert udocker.inspect("old")["config"]["Cmd"] == ["/bin/sh"]
        udocker.fails("create", busybox.name)
        udocker.fails("rm", "old")
        udocker.fails("rmi", busybox.name)
    finally:
        for place in places:
            place.chmod(0o700)
    assert (udocker.root("old") / "bin" / "busybox").exists()


@pytest.fixture
def small_disk(udocker: Udocker) -> Iterator[Path]:
    """A store on a file system of eight megabytes, empty."""
    disk = PARTS / "small"
    need(disk)
    if not os.path.ismount(disk) or not os.access(disk, os.W_OK):
        pytest.skip(f"missing here: {disk} as a mount of our own; as root, make test makes it")
    store = disk / "store"
    shutil.rmtree(store, ignore_errors=True)
    udocker.environment["UDOCKER_DIR"] = str(store)
    udocker.store = store
    yield store
    shutil.rmtree(store)


def test_a_full_disk_in_pull(
    small_disk: Path, publish: Callable[..., Image], busybox: Image, udocker: Udocker
) -> None:
    content = random.Random(6).randbytes(12 << 20)
    large = publish("test/large:1", [oci.layer(oci.Entry("file", content))])
    for _ in range(2):  # what the first leaves does not change what the second says
        assert "No space left" in udocker.fails("pull", large.name)
        assert udocker.images() == []
    udocker("pull", busybox.name)  # there is room for it


def test_a_full_disk_in_create(
    small_disk: Path, publish: Callable[..., Image], udocker: Udocker
) -> None:
    image = publish("test/wide:1", [oci.layer(oci.Entry("zeros", bytes(12 << 20)))])
    udocker("pull", image.name)
    assert "No space left" in udocker.fails("create", image.name)
    assert udocker.containers() == []
    assert udocker.remains() == []
