"""Image manifests and indexes.

Docker's schema 2 and lists, and OCI's manifests and indexes (image-spec manifest.md,
image-index.md, descriptor.md). Whoever wrote the bytes is not trusted: every digest is checked
before it becomes a :class:`Digest`, every size has a bound, and a document that could be read in
two ways is refused (CVE-2021-41190).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple, NoReturn, Union

from udocker_core import platform as platforms
from udocker_core.digest import Digest
from udocker_core.errors import IntegrityError, InvalidReference, NotFound
from udocker_core.platform import Platform

MAX_DOCUMENT = 4 << 20  #: bytes of a manifest, an index or an image's configuration
MAX_BLOB = 1 << 40  #: bytes of a layer
MAX_LAYERS = 512
MAX_DEPTH = 64  #: of nested JSON values
MAX_VALUES = 100_000  #: JSON values in a document, which cost more memory than their text

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar"

INDEX_TYPES = (OCI_INDEX, DOCKER_LIST)
MANIFEST_TYPES = (OCI_MANIFEST, DOCKER_MANIFEST)
_PLATFORM_PART = re.compile(r"[A-Za-z0-9_.-]{,64}")  # it is shown in messages
_SCHEMA_1 = "application/vnd.docker.distribution.manifest.v1"

# Old tools wrote images with the last three.
_CONFIG_TYPES = (
    OCI_CONFIG,
    DOCKER_CONFIG,
    "application/octet-stream",
    "application/json",
    "text/html",
)
# "Foreign" and "nondistributable" layers are asked from the registry; their urls are ignored.
_LAYER_TYPES = frozenset(
    base + suffix
    for base, suffixes in (
        (OCI_LAYER, ("", "+gzip", "+zstd")),
        ("application/vnd.oci.image.layer.nondistributable.v1.tar", ("", "+gzip", "+zstd")),
        (DOCKER_LAYER, ("", ".gzip", ".zstd")),
        ("application/vnd.docker.image.rootfs.foreign.diff.tar", ("", ".gzip", ".zstd")),
    )
    for suffix in suffixes
)


class Descriptor(NamedTuple):
    """What a document says of another one, or of a blob."""

    media_type: str
    digest: Digest
    size: int  #: bytes
    platform: Platform | None = None
    annotations: Mapping[str, Any] = {}


class Manifest(NamedTuple):
    """One image for one platform."""

    digest: Digest
    media_type: str
    config: Descriptor
    layers: tuple[Descriptor, ...]  #: the base first; one digest may be there more than once
    raw: bytes  #: the document as it came, whose digest is `digest`


class Index(NamedTuple):
    """The images of one name for several platforms."""

    digest: Digest
    media_type: str
    manifests: tuple[Descriptor, ...]
    raw: bytes


Document = Union[Manifest, Index]


class _MalformedError(ValueError):
    """Why a document is not valid."""


def load_json(raw: bytes, name: str) -> dict[str, Any]:
    """Read a JSON object as I-JSON (RFC 7493): UTF-8, and no name twice.

    Args:
        raw: at most :data:`MAX_DOCUMENT` bytes.
        name: what it is, for messages, such as ``the manifest of ubuntu:24.04``.

    Raises:
        IntegrityError: it is too large, too deep, no JSON, or not an object; or it has too many
            values, commas and brackets in texts counting as some.
    """
    if len(raw) > MAX_DOCUMENT:
        raise IntegrityError(f"{name} is larger than {MAX_DOCUMENT} bytes")
    if sum(map(raw.count, (b",", b"[", b"{"))) > MAX_VALUES:
        raise IntegrityError(f"{name} has more than {MAX_VALUES} values")
    try:
        value = json.loads(
            raw.decode(),
            object_pairs_hook=_unique,
            parse_int=_integer,
            parse_constant=_no_constant,
        )
        _check_depth(value)
    except (ValueError, RecursionError) as error:
        raise IntegrityError(f"{name} is not valid JSON: {_reason(error)}") from None
    if not isinstance(value, dict):
        raise IntegrityError(f"{name} is not a JSON object")
    return value


def parse(raw: bytes, media_type: str, name: str) -> Document:
    """Read a manifest or an index.

    Args:
        raw: the bytes.
        media_type: what the descriptor or the ``Content-Type`` header says, parameters and all;
            empty when nobody said.
        name: of the image, for messages.

    Raises:
        IntegrityError: it is neither, or not one that can be an image.
    """
    value = load_json(raw, f"the manifest of {name}")
    media_type = _media_type(value, media_type, name)
    digest = Digest.of(raw)
    try:
        if media_type in INDEX_TYPES:
            entries = _array(value, "manifests")
            return Index(digest, media_type, tuple(map(_descriptor, entries)), raw)
        config = _descriptor(value.get("config"))
        layers = tuple(map(_descriptor, _array(value, "layers")))
        _check_image(config, layers)
    except (ValueError, InvalidReference) as error:
        raise IntegrityError(f"the manifest of {name} is not valid: {error}") from None
    return Manifest(digest, media_type, config, layers, raw)


def diff_ids(config: Mapping[str, Any], count: int, name: str) -> list[Digest]:
    """Return the digests of an image's layers when uncompressed (OCI image-spec, config.md).

    Args:
        config: the image's configuration.
        count: how many layers the image has.
        name: what `config` is, for messages, such as ``the configuration of ubuntu:24.04``.

    Raises:
        IntegrityError: it does not have one for each layer.
    """
    rootfs = config.get("rootfs")
    found = rootfs.get("diff_ids") if isinstance(rootfs, dict) else None
    if not isinstance(found, list) or len(found) != count:
        raise IntegrityError(f"{name} has no list of the diff_ids of its {count} layers")
    if not all(isinstance(item, str) for item in found):
        raise IntegrityError(f"{name} has a diff_id that is no text")
    try:
        return [Digest(item) for item in found]
    except InvalidReference as error:
        raise IntegrityError(f"{name} has a diff_id that is none: {error.message}") from None


def candidates(index: Index, wanted: Platform) -> list[Descriptor]:
    """Return the entries of `index` that may serve `wanted`, the best first.

    Attestations and entries for ``unknown/unknown`` are left out. Entries that do not name a
    platform, such as nested indexes, come last.
    """
    images = [entry for entry in index.manifests if _is_image(entry)]
    named = [(entry.platform, entry) for entry in images if entry.platform]
    nameless = [entry for entry in images if not entry.platform]
    return platforms.ranked(wanted, named) + nameless


def no_image_for(name: str, wanted: Platform, index: Index) -> NotFound:
    """Return the error that says that `index` has nothing for `wanted`."""
    offers = sorted({str(entry.platform) for entry in index.manifests if _is_image(entry)})
    return NotFound(
        f"{name} has no image for the platform {wanted}",
        f"choose one with --platform: {', '.join(offers[:20])}" if offers else None,
    )


def _is_image(entry: Descriptor) -> bool:
    return (
        entry.media_type in INDEX_TYPES + MANIFEST_TYPES
        and "vnd.docker.reference.type" not in entry.annotations
        and not (entry.platform and "unknown" in entry.platform[:2])
    )


def _media_type(value: Mapping[str, Any], given: str, name: str) -> str:
    """Return the document's type, on which header, field and shape must agree."""
    known = INDEX_TYPES + MANIFEST_TYPES
    given = given.partition(";")[0].strip().lower()
    field = value.get("mediaType", "")
    if given.startswith(_SCHEMA_1) or value.get("schemaVersion") == 1:
        raise IntegrityError(
            f"the manifest of {name} has docker's old schema 1",
            "push the image again with a tool of this decade",
        )
    if field and given in known and field != given:
        raise IntegrityError(f"the manifest of {name} is of type {field!r} but sent as {given!r}")
    is_index, is_manifest = "manifests" in value, "layers" in value or "config" in value
    if is_index and is_manifest:
        raise IntegrityError(f"the manifest of {name} is both a manifest and an index")
    if not is_index and not is_manifest:
        raise IntegrityError(f"the manifest of {name} is neither a manifest nor an index")
    # Servers that know nothing of images send application/json or the like: the shape tells.
    found = field or (given if given in known else "") or (OCI_INDEX if is_index else OCI_MANIFEST)
    if found not in known:
        raise IntegrityError(
            f"the manifest of {name} is of type {str(found)[:120]!r}, which is no image"
        )
    if (found in INDEX_TYPES) != is_index:
        raise IntegrityError(f"the manifest of {name} does not have the form of its type {found!r}")
    return str(found)


def _array(value: Mapping[str, Any], key: str) -> list[Any]:
    found = value.get(key)
    if not isinstance(found, list):
        raise _MalformedError(f"{key!r} is not a list")
    return found


def _descriptor(value: object) -> Descriptor:
    if not isinstance(value, dict):
        raise _MalformedError("a descriptor is not an object")
    media_type, digest, size = (value.get(key) for key in ("mediaType", "digest", "size"))
    if not isinstance(media_type, str) or not isinstance(digest, str):
        raise _MalformedError("a descriptor lacks its mediaType or digest")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= MAX_BLOB:
        raise _MalformedError(f"{digest[:80]!r} has the impossible size {str(size)[:20]!r}")
    annotations = value.get("annotations") or {}
    if not isinstance(annotations, dict):
        raise _MalformedError(f"{digest[:80]!r} has annotations that are not an object")
    return Descriptor(
        media_type, Digest(digest), size, _platform(value.get("platform")), annotations
    )


def _platform(value: object) -> Platform | None:
    """Read an entry's platform; one that says nothing useful counts as none."""
    if not isinstance(value, dict):
        return None
    parts = [value.get(key) or "" for key in ("os", "architecture", "variant")]
    if not all(isinstance(part, str) and _PLATFORM_PART.fullmatch(part) for part in parts):
        return None
    if not parts[0] or not parts[1]:
        return None
    return platforms.normal(*parts)


def _check_image(config: Descriptor, layers: tuple[Descriptor, ...]) -> None:
    if config.media_type not in _CONFIG_TYPES:
        raise _MalformedError(f"it holds {config.media_type[:120]!r}, which is no container image")
    if config.size > MAX_DOCUMENT:
        raise _MalformedError(f"its configuration is larger than {MAX_DOCUMENT} bytes")
    if len(layers) > MAX_LAYERS:
        raise _MalformedError(f"it has more than {MAX_LAYERS} layers")
    for layer in layers:
        if layer.media_type not in _LAYER_TYPES:
            raise _MalformedError(
                f"the layer {layer.digest} is of type {layer.media_type[:120]!r},"
                " which cannot be unpacked"
            )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise _MalformedError("a name is there twice")
    return value


def _integer(text: str) -> int:
    if len(text) > 20:  # more than 64 bits; and converting millions of digits takes minutes
        raise _MalformedError("a number is too large")
    return int(text)


def _no_constant(text: str) -> NoReturn:
    raise _MalformedError(f"{text} is not a number")


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            item
            for node in level
            if isinstance(node, (dict, list))
            for item in (node.values() if isinstance(node, dict) else node)
        ]
        if not level:
            return
    raise _MalformedError("it is too deeply nested")


def _reason(error: Exception) -> str:
    return "it is too deeply nested" if isinstance(error, RecursionError) else str(error)
