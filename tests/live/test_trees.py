"""Pull and create give the trees that ``umoci unpack --rootless`` gives, entry by entry."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live import oci, trees
from tests.live.command import Udocker
from tests.live.parts import Image, need
from tests.live.servers import DockerRegistry


def unpacked_by_umoci(layout: str, directory: Path) -> dict[bytes, trees.Seen]:
    need("umoci")
    bundle = directory / "bundle"
    subprocess.run(
        ["umoci", "unpack", "--rootless", "--image", layout, str(bundle)],
        check=True, capture_output=True,
    )  # fmt: skip
    return trees.snapshot(bundle / "rootfs")


def unpacked_by_us(udocker: Udocker, name: str) -> dict[bytes, trees.Seen]:
    udocker("pull", name)
    return trees.snapshot(udocker.root(udocker.create(name)))


@pytest.mark.parametrize("name", ["busybox", "debian", "odd", "small"])
def test_the_tree_is_umocis(
    name: str, udocker: Udocker, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    image: Image = request.getfixturevalue(name)
    theirs = unpacked_by_umoci(image.layout, tmp_path)
    ours = unpacked_by_us(udocker, image.name)
    assert len(ours) > 100
    if name == "debian":
        # Where umoci leaves an empty file for a device node, udocker leaves nothing.
        nodes = {p for p in theirs if p.startswith(b"dev/") and theirs[p].kind == "file"}
        assert nodes
        assert not nodes & ours.keys()
        theirs = {path: seen for path, seen in theirs.items() if path not in nodes}
    assert trees.differences(ours, theirs) == []


def test_zstd_layers_give_the_tree_of_gzip_layers(
    publish: Callable[..., Image], odd: Image, udocker: Udocker
) -> None:
    zstd = publish("test/odd:zstd", trees.odd_layers(), compression="zstd")
    manifest = subprocess.run(
        ["skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{zstd.name}"],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert "tar+zstd" in manifest
    ours = unpacked_by_us(udocker, zstd.name)
    assert trees.differences(ours, unpacked_by_us(udocker, odd.name)) == []


def test_an_index_gives_the_platform_that_was_asked_for(
    registry: DockerRegistry, busybox_layer: bytes, udocker: Udocker, tmp_path: Path
) -> None:
    layout = oci.Layout(tmp_path / "oci")
    images = [
        layout.image(
            [busybox_layer, oci.layer(oci.Entry("arch", name.encode()))], architecture=name
        )
        for name in ("arm64", "amd64")
    ]
    name = registry.push(layout.tag("both", layout.index(*images)), "test/both:1")
    for architecture in ("amd64", "arm64"):
        udocker("pull", f"--platform=linux/{architecture}", name)
        assert udocker.inspect(name)["architecture"] == architecture
        root = udocker.root(udocker.create(name))
        assert (root / "arch").read_text() == architecture
