import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from udocker_core import manifest, platform
from udocker_core.digest import Digest
from udocker_core.errors import IntegrityError, NotFound
from udocker_core.manifest import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER,
    OCI_MANIFEST,
)

A, B, C = (Digest.of(text) for text in (b"a", b"b", b"c"))


def descriptor(media_type, digest=A, size=1, **more):
    return {"mediaType": media_type, "digest": digest, "size": size, **more}


def image(**changes):
    value = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(OCI_CONFIG),
        "layers": [descriptor(OCI_LAYER + "+gzip", B, 7), descriptor(OCI_LAYER + "+zstd", C)],
    }
    value.update(changes)
    return {key: item for key, item in value.items() if item is not None}


def entry(name="", media_type=OCI_MANIFEST, digest=A, **more):
    if name:
        parts = name.split("/")
        more["platform"] = dict(zip(("os", "architecture", "variant"), parts))
    return descriptor(media_type, digest, **more)


def index(*entries, **changes):
    return {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(entries), **changes}


def parse(value, media_type="", name="x:1"):
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return manifest.parse(raw, media_type, name)


def test_a_manifest_is_read():
    raw = json.dumps(image()).encode()
    found = parse(raw, OCI_MANIFEST + "; charset=utf-8")
    assert isinstance(found, manifest.Manifest)
    assert found.digest == Digest.of(raw)
    assert found.raw == raw
    assert found.config.digest == A
    assert [(layer.digest, layer.size) for layer in found.layers] == [(B, 7), (C, 1)]


@pytest.mark.parametrize(
    ("field", "header"),
    [
        (OCI_MANIFEST, ""),
        (None, OCI_MANIFEST),
        (DOCKER_MANIFEST, DOCKER_MANIFEST),
        (None, "application/json"),
        (OCI_MANIFEST, "text/plain"),
        (None, ""),
    ],
)
def test_the_type_comes_from_field_header_or_shape(field, header):
    expected = field or (header if header == OCI_MANIFEST else OCI_MANIFEST)
    assert parse(image(mediaType=field), header).media_type == expected


@pytest.mark.parametrize(
    ("value", "header", "says"),
    [
        (image(), DOCKER_MANIFEST, "is of type"),
        (image(mediaType=OCI_INDEX), "", "form of its type"),
        (image(mediaType=None), OCI_INDEX, "form of its type"),
        (index(entry(), mediaType=OCI_MANIFEST), "", "form of its type"),
        (image(manifests=[]), "", "both a manifest and an index"),
        ({"schemaVersion": 2}, "", "neither"),
        ({"schemaVersion": 1, "fsLayers": []}, "", "schema 1"),
        (image(mediaType="application/spdx+json"), "", "which is no image"),
        (image(mediaType=7), "", "which is no image"),
        (image(config=descriptor("application/vnd.cncf.helm.config.v1+json")), "", "helm"),
        (image(layers=[descriptor("application/vnd.in-toto+json")]), "", "cannot be unpacked"),
        (image(layers=[descriptor(OCI_LAYER + "+encrypted")]), "", "cannot be unpacked"),
        (image(layers={}), "", "not a list"),
        (image(layers=[7]), "", "not an object"),
        (image(layers=[{"mediaType": OCI_LAYER, "size": 1}]), "", "lacks"),
        (image(layers=[descriptor(OCI_LAYER, "sha256:../../x")]), "", "invalid digest"),
        (image(layers=[descriptor(OCI_LAYER, A, -1)]), "", "impossible size"),
        (image(layers=[descriptor(OCI_LAYER, A, True)]), "", "impossible size"),
        (image(layers=[descriptor(OCI_LAYER, A, "1")]), "", "impossible size"),
        (image(layers=[descriptor(OCI_LAYER, A, 1.5)]), "", "impossible size"),
        (image(layers=[descriptor(OCI_LAYER, A, 1 << 62)]), "", "impossible size"),
        (image(config=descriptor(OCI_CONFIG, A, 5 << 20)), "", "larger than"),
        (image(layers=[descriptor(OCI_LAYER)] * 513), "", "more than 512 layers"),
        (index(7), "", "not an object"),
        (index(entry(digest="sha256:x")), "", "invalid digest"),
        ([], "", "not a JSON object"),
        (b"", "", "not valid JSON"),
        (b"<html>", "", "not valid JSON"),
        (b"\xff\xfe{}", "", "not valid JSON"),
        (b'{"layers": [], "config": {}, "layers": []}', "", "a name is there twice"),
        (b'{"size": ' + b"9" * 1000000 + b"}", "", "number is too large"),
        (b'{"size": NaN}', "", "NaN is not a number"),
        (b'{"a": ' + b"[" * 100 + b"]" * 100 + b"}", "", "too deeply nested"),
        (b'{"a": ' + b"[" * 99_000, "", "too deeply nested"),
        (b" " * (4 << 20) + b"{}", "", "larger than 4194304"),
    ],
)
def test_what_is_no_image_is_refused_in_one_line(value, header, says):
    with pytest.raises(IntegrityError, match=says) as caught:
        parse(value, header)
    assert "the manifest of x:1" in caught.value.message
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 400


def test_what_is_shown_is_short_and_printable():
    hostile = "\x1b[2J" + "x" * 100_000
    where = {"os": hostile, "architecture": "amd64"}
    found = parse(index(entry(platform=where), entry("linux/arm64")))
    with pytest.raises(NotFound) as caught:
        raise manifest.no_image_for("x:1", platform.parse("amd64"), found)
    assert "x1b" not in repr(caught.value.hint)
    for change in ({"digest": hostile}, {"mediaType": hostile}, {"size": hostile}):
        with pytest.raises(IntegrityError) as caught:
            parse(image(layers=[{**descriptor(OCI_LAYER), **change}]))
        assert caught.value.message.isprintable()
        assert len(caught.value.message) < 400


@given(
    st.recursive(
        st.none()
        | st.integers()
        | st.text(max_size=5)
        | st.sampled_from([A, OCI_INDEX, OCI_LAYER]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["mediaType", "manifests", "layers", "config", "digest", "size"]),
                inner,
            )
        ),
        max_leaves=12,
    ),
    st.sampled_from(["", OCI_INDEX, OCI_MANIFEST]),
)
def test_any_json_is_a_document_or_refused(value, header):
    with contextlib.suppress(IntegrityError):
        assert parse(value, header).digest


def test_foreign_layers_are_like_others():
    kind = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
    found = parse(image(layers=[descriptor(kind, B, urls=["https://elsewhere.example/b"])]))
    assert found.layers[0].digest == B


def test_an_index_gives_the_best_platform():
    found = parse(
        index(
            entry("linux/arm/v5", digest=A),
            entry("linux/arm/v7", digest=B),
            entry("linux/arm64/v8", digest=C),
        )
    )
    for wanted, digest in (("arm64", C), ("linux/arm/v7", B), ("linux/arm/v6", A)):
        assert manifest.candidates(found, platform.parse(wanted))[0].digest == digest


def test_an_index_without_the_platform_says_what_it_has():
    found = parse(index(entry("linux/s390x"), entry("linux/arm64"), mediaType=DOCKER_LIST))
    wanted = platform.parse("amd64")
    assert manifest.candidates(found, wanted) == []
    error = manifest.no_image_for("x:1", wanted, found)
    assert error.message == "x:1 has no image for the platform linux/amd64"
    assert "linux/arm64, linux/s390x" in str(error.hint)


def test_entries_that_are_no_images_are_left_out():
    found = parse(
        index(
            entry("unknown/unknown"),
            entry("linux/amd64", annotations={"vnd.docker.reference.type": "attestation-manifest"}),
            entry("linux/amd64", media_type="application/spdx+json"),
            entry("linux/amd64", digest=C),
        )
    )
    assert [e.digest for e in manifest.candidates(found, platform.parse("amd64"))] == [C]


def test_entries_without_a_platform_come_last():
    nested = entry(media_type=OCI_INDEX, digest=B)
    found = parse(index(nested, entry("linux/amd64", digest=C), entry(digest=A, platform={})))
    assert [e.digest for e in manifest.candidates(found, platform.parse("amd64"))] == [C, B, A]
    assert [e.digest for e in manifest.candidates(found, platform.parse("s390x"))] == [B, A]


def test_documents_of_many_values_are_refused():
    def entries(count):
        return b'{"a": [' + b",".join([b"{}"] * count) + b"]}"

    assert len(manifest.load_json(entries(1000), "x")["a"]) == 1000
    with pytest.raises(IntegrityError, match="x has more than 100000 values"):
        manifest.load_json(entries(75_000), "x")


def test_diff_ids():
    config = {"rootfs": {"type": "layers", "diff_ids": [str(A), str(B)]}}
    assert manifest.diff_ids(config, 2, "x") == [A, B]
    with pytest.raises(IntegrityError, match="x has no list of the diff_ids of its 3 layers"):
        manifest.diff_ids(config, 3, "x")


@pytest.mark.parametrize("value", [5, None, {}, ["a"], "shake_128:00", str(A).upper()])
def test_diff_ids_are_digests(value):
    with pytest.raises(IntegrityError, match="x has a diff_id that is no"):
        manifest.diff_ids({"rootfs": {"diff_ids": [value]}}, 1, "x")
    with pytest.raises(IntegrityError, match="x has no list of the diff_ids"):
        manifest.diff_ids({"rootfs": value}, 1, "x")
