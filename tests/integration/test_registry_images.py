"""The testing kit's images, as another tool reads them."""

import json
import shutil
import subprocess
import tarfile

import pytest

from udocker_core import manifest
from udocker_core.digest import Digest
from udocker_core.testing.images import (
    Directory,
    File,
    Hardlink,
    ImageBuilder,
    Symlink,
    write_docker_archive,
    write_oci_layout,
)

ENTRIES = {
    "etc/": None,
    "etc/motd": b"hello",
    "bin/x": File(b"#!", 0o755, 1.5),
    "tmp/": Directory(0o1777),
    "link": Symlink("etc/motd"),
    "same": Hardlink("etc/motd"),
}


def build(docker=False):
    builder = ImageBuilder(config={"Cmd": ["/bin/x"]}, platform="linux/amd64", docker=docker)
    builder.add_layer(ENTRIES)
    builder.add_layer({".wh.link": b""}, "" if docker else "zstd")
    return builder.build()


@pytest.mark.parametrize("docker", [False, True])
def test_images_are_valid_and_the_same_each_time(docker):
    image = build(docker)
    assert image == build(docker)
    found = manifest.parse(image.manifest, image.media_type, "x")
    assert found.config.digest == Digest.of(image.config)
    assert [layer.digest for layer in found.layers] == list(image.blobs)[1:]
    diff_ids = json.loads(image.config)["rootfs"]["diff_ids"]
    assert diff_ids == [layer.diff_id for layer in image.layers]


def test_a_tree_becomes_a_layer(tmp_path):
    (tmp_path / "tree/sub").mkdir(parents=True)
    (tmp_path / "tree/sub/file").write_bytes(b"data")
    builder = ImageBuilder()
    builder.add_tree(str(tmp_path / "tree"), "")
    (tmp_path / "layer.tar").write_bytes(builder.build().layers[0].blob)
    with tarfile.open(tmp_path / "layer.tar") as archive:
        assert archive.getnames() == ["sub", "sub/file"]
        assert archive.extractfile("sub/file").read() == b"data"
        assert {member.uid for member in archive} == {0}


@pytest.mark.skipif(not shutil.which("skopeo"), reason="there is no skopeo")
@pytest.mark.parametrize("name", ["oci:{}/layout:x", "oci-archive:{}/oci.tar:x"])
def test_skopeo_reads_oci_layouts(tmp_path, name):
    for path in ("layout", "oci.tar"):
        write_oci_layout(str(tmp_path / path), {"x": build()})
    check(name.format(tmp_path))


@pytest.mark.skipif(not shutil.which("skopeo"), reason="there is no skopeo")
def test_skopeo_reads_docker_archives(tmp_path):
    write_docker_archive(str(tmp_path / "docker.tar"), {"x:1": build(docker=True)})
    check(f"docker-archive:{tmp_path}/docker.tar")


def check(name):
    result = subprocess.run(["skopeo", "inspect", name], stdout=subprocess.PIPE, check=True)
    assert json.loads(result.stdout)["Architecture"] == "amd64"
