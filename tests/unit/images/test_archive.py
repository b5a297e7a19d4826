import io
import json
import os
import tarfile

import pytest

from udocker_core import platform
from udocker_core.digest import Digest
from udocker_core.errors import IntegrityError, InvalidReference, UdockerError
from udocker_core.images import archive as archives
from udocker_core.images.archive import load
from udocker_core.images.rootfs import import_image
from udocker_core.manifest import OCI_INDEX
from udocker_core.names import parse
from udocker_core.testing.images import (
    Hardlink,
    ImageBuilder,
    Symlink,
    compress,
    descriptor,
    index_of,
    tar_of,
    write_docker_archive,
    write_oci_layout,
)

pytest_plugins = ["udocker_core.testing.fixtures"]


def build(content=b"x", layers=2, compression="", **options):
    builder = ImageBuilder(config={"Cmd": ["sh"]}, **options)
    for number in range(layers):
        builder.add_layer({f"file{number}": content}, compression)
    return builder.build()


def docker(images):
    """The members of a docker archive, as a dict that can be changed."""
    buffer = {}
    entries = []
    for name, image in images.items():
        config = f"{Digest.of(image.config).encoded}.json"
        buffer[config] = image.config
        names = [f"{layer.diff_id.encoded}/layer.tar" for layer in image.layers]
        buffer.update(zip(names, (layer.blob for layer in image.layers)))
        entries.append({"Config": config, "RepoTags": [name] if name else None, "Layers": names})
    return {"manifest.json": entries, **buffer}


def oci(images, **more):
    """The members of an OCI archive: name -> image, or bytes of an index."""
    files = {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}'}
    entries = []
    for name, image in images.items():
        for blob in (image.manifest, *image.blobs.values()):
            files[f"blobs/sha256/{Digest.of(blob).encoded}"] = blob
        key = "io.containerd.image.name" if "/" in name else "org.opencontainers.image.ref.name"
        annotations = {key: name} if name else {}
        entries.append(descriptor(image.manifest, image.media_type, annotations=annotations))
    return {**files, "index.json": {"schemaVersion": 2, "manifests": entries}, **more}


def archive(members):
    return io.BytesIO(tar_of({
        name: json.dumps(value).encode() if isinstance(value, (dict, list)) else value
        for name, value in members.items()
    }))  # fmt: skip


def listed(store):
    return [store.name(directory) for directory in store.tags()]


def leftovers(store):
    """What is in the store and belongs to no image."""
    known = {name for tag in store.tags() for name in os.listdir(tag)}
    return [name for name in os.listdir(store.layers) if name not in known]


def contents(image):
    found = []
    for blob in image.layers:
        with open(blob.path, "rb") as file, tarfile.open(fileobj=file) as layer:
            found.append(layer.extractfile(layer.getmembers()[0]).read())
    return found


@pytest.mark.parametrize("compression", ["", "gzip", "zstd"])
@pytest.mark.parametrize("write", [write_docker_archive, write_oci_layout])
def test_several_images_with_a_name_each(image_store, tmp_path, write, compression):
    images = {"a/b:1": build(b"1"), "quay.io/x:2": build(b"2", compression="gzip")}
    write(str(tmp_path / "a.tar"), images)
    raw = io.BytesIO(compress((tmp_path / "a.tar").read_bytes(), compression))
    assert load(image_store, raw, "f") == ["a/b:1", "quay.io/x:2"]
    for name, image in images.items():
        found = image_store.find(parse(name))
        assert [blob.name for blob in found.layers] == [Digest.of(x.blob) for x in image.layers]
        assert [blob.diff_id for blob in found.layers] == [x.diff_id for x in image.layers]
    assert leftovers(image_store) == []
    raw.seek(0)
    assert load(image_store, raw, "f") == ["a/b:1", "quay.io/x:2"]


def test_a_layer_that_is_there_twice(image_store):
    """Identical layers are one member, listed twice, or two members, one a link to the other."""
    image = build(b"same", layers=1)
    builder = ImageBuilder()
    for _ in range(3):
        builder.add_tar(image.layers[0].blob, "")
    members = docker({"x:1": builder.build()})
    name = members["manifest.json"][0]["Layers"][0]
    members["manifest.json"][0]["Layers"] = [name, "second/layer.tar", "third/layer.tar"]
    members["second/layer.tar"] = Symlink(f"../{name}")
    members["third/layer.tar"] = Hardlink("second/layer.tar")
    load(image_store, archive(members), "f")
    assert contents(image_store.find(parse("x:1"))) == [b"same"] * 3


def test_names_that_are_there_twice(image_store):
    members = docker({"x:1": build()})
    document = json.dumps(members.pop("manifest.json")).encode()
    block = 1024  # a header and the data, without the end of the archive
    raw = tar_of({"manifest.json": b"[]"})[:block] * 2 + tar_of({"other": b"1"})[:block]
    raw += tar_of({"manifest.json": document, **members})
    assert load(image_store, io.BytesIO(raw), "f") == ["x:1"]


def test_an_image_without_a_name(image_store):
    image = build()
    config = Digest.of(image.config).encoded
    assert load(image_store, archive(docker({"": image})), "f") == [f"loaded:{config[:12]}"]
    assert load(image_store, archive(docker({"": image})), "f", "mine:2") == ["mine:2"]
    assert load(image_store, archive(oci({"": image})), "f") == [
        f"loaded:{image.digest.encoded[:12]}"
    ]


def test_one_name_does_not_fit_two_images(image_store):
    members = docker({"a:1": build(b"1"), "b:1": build(b"2")})
    with pytest.raises(IntegrityError, match="f holds 2 images"):
        load(image_store, archive(members), "f", "c:1")
    assert listed(image_store) == []


@pytest.mark.parametrize("members", [{"manifest.json": []},
                                     {"index.json": {"schemaVersion": 2, "manifests": []}}])
def test_an_archive_without_images(image_store, members):
    with pytest.raises(IntegrityError, match="f cannot be loaded: it holds no image"):
        load(image_store, archive(members), "f")


def test_the_names_that_an_oci_archive_can_have(image_store):
    image = build()
    names = {"docker.io/library/x:1": "x:1", "quay.io/a/b:2": "quay.io/a/b:2", "y:3": "y:3",
             "3.5": "loaded:3.5"}
    for name, expected in names.items():
        assert load(image_store, archive(oci({name: image})), "f") == [expected]


def test_a_nested_index_with_attestations(image_store):
    """What docker's builder writes: an index in the index, with an attestation beside the image."""
    image, other = build(b"1"), build(b"2", platform="linux/s390x")
    attestation = descriptor(
        b"{}", image.media_type, platform={"architecture": "unknown", "os": "unknown"},
        annotations={"vnd.docker.reference.type": "attestation-manifest"},
    )
    inner = index_of([other, image], [attestation])
    top = {"schemaVersion": 2, "manifests": [
        descriptor(inner, OCI_INDEX, annotations={"io.containerd.image.name": "docker.io/a/b:1"}),
        attestation,
    ]}  # fmt: skip
    members = oci({"": image}, **{f"blobs/sha256/{Digest.of(inner).encoded}": inner})
    members["index.json"] = top
    assert load(image_store, archive(members), "f") == ["a/b:1"]
    assert image_store.find(parse("a/b:1")).platform == str(platform.host())


def broken(change):
    members = docker({"x:1": build()})
    change(members, members["manifest.json"][0])
    return members


@pytest.mark.parametrize(
    "change",
    [
        lambda m, e: m.pop("manifest.json"),
        lambda m, e: m.update({"manifest.json": b"{"}),
        lambda m, e: m.update({"manifest.json": [5]}),
        lambda m, e: m.update({"manifest.json": {"a": 1}}),
        lambda m, e: m.update({"manifest.json": b"[" * 100_000}),
        lambda m, e: m.update({"manifest.json": Symlink("manifest.json")}),
        lambda m, e: e.pop("Config"),
        lambda m, e: e.update(Config="../../../../etc/passwd"),
        lambda m, e: e.update(Layers=["/etc/passwd", "/etc/passwd"]),
        lambda m, e: m.update({e["Layers"][0]: Symlink("/etc/passwd")}),
        lambda m, e: m.update({e["Layers"][0]: Hardlink("/etc/passwd")}),
        lambda m, e: m.update({e["Layers"][0]: Symlink("../" * 20 + "etc/passwd")}),
        lambda m, e: m.update({e["Layers"][0]: b"other bytes"}),
        lambda m, e: m.update({e["Config"]: b"[]"}),
        lambda m, e: m.update({e["Config"]: b'{"rootfs": 5}'}),
        lambda m, e: e.update(Layers=e["Layers"][:1]),
        lambda m, e: e.update(RepoTags=["../../../x:1"]),
        lambda m, e: e.update(RepoTags=[5]),
        lambda m, e: e.update(RepoTags="x:1"),
    ],
)
def test_a_docker_archive_that_lies_leaves_nothing(image_store, change):
    with pytest.raises((IntegrityError, InvalidReference)):
        load(image_store, archive(broken(change)), "the file")
    assert listed(image_store) == []
    assert leftovers(image_store) == []


def replace_blob(members, digest, data):
    members[f"blobs/sha256/{digest.encoded}"] = data


@pytest.mark.parametrize(
    "change",
    [
        lambda m, i: replace_blob(m, Digest.of(i.layers[0].blob), b"x" * len(i.layers[0].blob)),
        lambda m, i: replace_blob(m, Digest.of(i.layers[0].blob), b"short"),
        lambda m, i: replace_blob(m, Digest.of(i.config), Symlink("/etc/passwd")),
        lambda m, i: replace_blob(m, i.digest, b"{}"),
        lambda m, i: m["index.json"]["manifests"][0].update(digest="sha256:../../x"),
        lambda m, i: m["index.json"]["manifests"][0]["annotations"].update(
            {"org.opencontainers.image.ref.name": "../x"}),
        lambda m, i: m["index.json"]["manifests"][0]["annotations"].update(
            {"org.opencontainers.image.ref.name": ["x"]}),
        lambda m, i: m.update({"index.json": b"[]"}),
    ],
)
def test_an_oci_archive_that_lies_leaves_nothing(image_store, change):
    image = build()
    members = oci({"x:1": image})
    change(members, image)
    with pytest.raises((IntegrityError, InvalidReference)):
        load(image_store, archive(members), "the file")
    assert listed(image_store) == []
    assert leftovers(image_store) == []


@pytest.mark.parametrize("cut", [100, 5000, -600])
def test_a_truncated_archive_leaves_nothing(image_store, cut):
    whole = archive(docker({"x:1": build(os.urandom(5000))})).getvalue().rstrip(b"\0")
    with pytest.raises(UdockerError, match="the file"):
        load(image_store, io.BytesIO(whole[:cut]), "the file")
    assert listed(image_store) == []
    assert leftovers(image_store) == []


def test_members_are_never_written_under_their_names(image_store, tmp_path):
    members = docker({"x:1": build()})
    evil = {"../../../evil": b"x", "/evil": b"x", f"{tmp_path}/evil": b"x",
            "out": Symlink(str(tmp_path)), "out/evil": b"x"}
    assert load(image_store, archive({**evil, **members}), "f") == ["x:1"]
    assert sorted(os.listdir(tmp_path)) == ["store"]
    assert leftovers(image_store) == []


@pytest.mark.parametrize("compression", ["", "gzip", "zstd"])
def test_a_tar_file_becomes_an_image(image_store, tmp_path, compression):
    tar = tar_of({"etc/": None, "etc/motd": b"hello"})
    (tmp_path / "f").write_bytes(compress(tar, compression))
    wanted = platform.parse("linux/arm64")
    with open(tmp_path / "f", "rb") as raw:
        made = import_image(image_store, raw, "f", parse("mine:1"), wanted, str(tmp_path / "f"))
    assert not (tmp_path / "f").exists()
    assert (made.name, made.platform) == ("mine:1", "linux/arm64")
    (blob,) = made.layers
    assert blob.diff_id == Digest.of(tar)
    with open(blob.path, "rb") as file:
        assert file.read() == compress(tar, compression)
    with pytest.raises(UdockerError, match="image already exists: mine:1"):
        import_image(image_store, io.BytesIO(tar), "f", parse("mine:1"), wanted)
    assert leftovers(image_store) == []


def test_a_digest_in_a_name_must_be_the_images(image_store):
    image, other = build(b"1"), build(b"2")
    right, wrong = f"a/b@{image.digest}", f"a/b@{other.digest}"
    for members, name in (
        (docker({wrong: image}), ""),
        (docker({right: image}), ""),  # a docker archive has no manifest: we write another
        (docker({"x:1": image}), wrong),
        (oci({f"docker.io/{wrong}": image}), ""),
        (oci({"x:1": image}), wrong),
        (oci({"x:1": image}), f"a/b:1@{Digest.of(image.manifest, 'sha512')[:-1]}x"),
    ):
        with pytest.raises((IntegrityError, InvalidReference), match="digest"):
            load(image_store, archive(members), "f", name)
        assert listed(image_store) == []
        assert leftovers(image_store) == []
    for digest in (image.digest, Digest.of(image.manifest, "sha512")):
        name = f"docker.io/a/b:1@{digest}"
        assert load(image_store, archive(oci({name: image})), "f") == [f"a/b:{digest}"]


def test_the_digest_of_an_index_is_its_images_too(image_store):
    image = build()
    inner = index_of([image])
    name = f"docker.io/a/b@{Digest.of(inner)}"
    members = oci({"": image}, **{f"blobs/sha256/{Digest.of(inner).encoded}": inner})
    entry = descriptor(inner, OCI_INDEX, annotations={"io.containerd.image.name": name})
    members["index.json"] = {"schemaVersion": 2, "manifests": [entry]}
    assert load(image_store, archive(members), "f") == [f"a/b:{Digest.of(inner)}"]


def test_one_image_under_many_names_is_one(image_store):
    """In an OCI archive each name is an entry; in a docker archive two entries may be alike."""
    members = oci({"x:1": build(), "x:2": build()})
    assert load(image_store, archive(members), "f") == ["x:1", "x:2"]
    assert load(image_store, archive(members), "f", "z:1") == ["z:1"]
    members = docker({"y:1": build(b"new"), "y:2": build(b"new")})
    assert load(image_store, archive(members), "f") == ["y:1", "y:2"]
    assert leftovers(image_store) == []


def test_blobs_named_by_sha512(image_store):
    image = build()
    files = {}

    def store(data, media_type):
        digest = Digest.of(data, "sha512")
        files[f"blobs/sha512/{digest.encoded}"] = data
        return {"mediaType": media_type, "digest": digest, "size": len(data)}

    value = json.loads(image.manifest)
    value["config"] = store(image.config, value["config"]["mediaType"])
    value["layers"] = [store(layer.blob, old["mediaType"])
                       for layer, old in zip(image.layers, value["layers"])]
    entries = []
    for number in (1, 2):
        raw = json.dumps({**value, "annotations": {"number": str(number)}}).encode()
        name = {"org.opencontainers.image.ref.name": f"x:{number}"}
        entries.append({**store(raw, image.media_type), "annotations": name})
    files["index.json"] = {"schemaVersion": 2, "manifests": entries}
    assert load(image_store, archive(files), "f") == ["x:1", "x:2"]
    assert contents(image_store.find(parse("x:2"))) == [b"x", b"x"]


@pytest.mark.parametrize(
    ("limit", "says"),
    [("_MAX_NAMES", "bytes of names"), ("_MAX_MEMBERS", "members"), ("_MAX_IMAGES", "images")],
)
def test_archives_are_not_without_bounds(image_store, monkeypatch, limit, says):
    members = docker({"x:1": build(b"1"), "x:2": build(b"2")})
    monkeypatch.setattr(archives, limit, 1)
    with pytest.raises(IntegrityError, match=f"more than 1 {says}"):
        load(image_store, archive(members), "f")
    assert listed(image_store) == []
    assert leftovers(image_store) == []


def test_the_names_of_one_image_have_a_bound(image_store, monkeypatch):
    members = docker({"x:1": build()})
    members["manifest.json"][0]["RepoTags"] = ["x:1", "x:2"]
    monkeypatch.setattr(archives, "_MAX_IMAGES", 1)
    with pytest.raises(IntegrityError, match="more than 1 images"):
        load(image_store, archive(members), "f")


@pytest.mark.parametrize("diff_id", [5, {}, None, ["a"], "shake_128:00", "sha256:00"])
def test_diff_ids_are_digests(image_store, diff_id):
    image = build(layers=1, compression="gzip")
    members = docker({"x:1": image})
    name = members["manifest.json"][0]["Config"]
    members[name] = {"config": {}, "rootfs": {"diff_ids": [diff_id]}}
    with pytest.raises(IntegrityError, match="the configuration in f has a diff_id that is no"):
        load(image_store, archive(members), "f")
    assert listed(image_store) == []


def test_a_part_under_the_name_of_a_blob_is_replaced(image_store):
    """As udocker 1.3 may have left it."""
    image = build()
    image_store.prepare()
    for digest, data in image.blobs.items():
        with open(image_store.blob(digest), "wb") as file:
            file.write(data[:-1])
    assert load(image_store, archive(docker({"x:1": image})), "f") == ["x:1"]
    assert contents(image_store.find(parse("x:1"))) == [b"x", b"x"]
