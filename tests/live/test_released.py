"""The released udocker 1.3 and this one read each other's stores."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from pathlib import Path

from tests.live import trees
from tests.live.command import Udocker
from tests.live.parts import Image
from tests.live.servers import DockerRegistry

Released = Callable[[Path], Udocker]


def test_a_store_made_by_udocker_1_3(
    released: Released, registry: DockerRegistry, busybox: Image, udocker: Udocker
) -> None:
    old = released(udocker.home)
    source = f"--registry=http://{registry.address}"
    old("pull", source, "test/busybox:1")
    identifier = old("create", "--name=made-before", "test/busybox:1").split()[-1]
    old("protect", "made-before")

    assert udocker.images() == ["test/busybox:1"]
    assert udocker.containers() == [identifier]
    assert "'made-before'" in udocker("ps")
    assert udocker.inspect("made-before")["config"]["Cmd"] == ["/bin/sh"]
    assert udocker.root("made-before") == udocker.store / "containers" / identifier / "ROOT"
    assert "protected" in udocker.fails("rm", "made-before")
    # A tree of the same image, made here, has what that one has.
    again = trees.snapshot(udocker.root(udocker.create("test/busybox:1")))
    assert again.keys() == trees.snapshot(udocker.root("made-before")).keys()

    old("unprotect", "made-before")
    udocker("rm", "made-before")
    udocker("rmi", "test/busybox:1")
    assert old("images").split() == ["REPOSITORY"]


def test_an_image_that_udocker_1_3_imported(
    released: Released, busybox_layer: bytes, udocker: Udocker, tmp_path: Path
) -> None:
    archive = tmp_path / "busybox.tar"
    archive.write_bytes(busybox_layer)
    old = released(udocker.home)
    old("import", str(archive), "imported:1")
    assert udocker.images() == ["imported:1"]
    root = udocker.root(udocker.create("imported:1"))
    with tarfile.open(archive) as content:
        assert {str(p.relative_to(root)) for p in root.rglob("*")} == set(content.getnames())


def test_a_store_made_here(
    released: Released, registry: DockerRegistry, odd: Image, udocker: Udocker
) -> None:
    assert odd.name.endswith("test/odd:1")
    udocker("pull", f"--registry=http://{registry.address}", "test/odd:1")
    identifier = udocker.create("test/odd:1", "--name=made-here")
    old = released(udocker.home)
    assert "test/odd:1" in old("images").split()
    listed = old("ps").splitlines()[1]
    assert listed.startswith(identifier)
    assert "['made-here']" in listed
    assert listed.split()[-1] == "test/odd:1"
    assert old("inspect", "-p", "made-here").strip() == str(udocker.root("made-here"))
    assert old.inspect("made-here")["config"]["Cmd"] == ["/bin/sh"]
    assert "image ok" in old("verify", "test/odd:1").lower()


def test_a_container_that_udocker_1_3_creates_from_an_image_pulled_here(
    released: Released, registry: DockerRegistry, busybox: Image, udocker: Udocker
) -> None:
    assert busybox.name.endswith("test/busybox:1")
    udocker("pull", f"--registry=http://{registry.address}", "test/busybox:1")
    old = released(udocker.home)
    identifier = old("create", "test/busybox:1").split()[-1]
    assert (udocker.root(identifier) / "bin" / "busybox").stat().st_size > 500_000
    old("rm", "-f", identifier)
    old("rmi", "test/busybox:1")
    assert udocker.images() == []
    assert udocker.containers() == []
