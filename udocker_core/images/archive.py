"""Loading images from archives: ``docker save`` (docker-archive) and OCI layouts in a tar file.

The archive is read once, from a file or a pipe, with the layers' own hardened tar reader. Its
members go to a workspace beside the blobs, hashed on the way; names and links in it are only ever
looked up among its own members, never on the host.
"""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from udocker_core import files, manifest, names, platform
from udocker_core.digest import Digest
from udocker_core.errors import IntegrityError, InvalidReference
from udocker_core.images.document import Content, image_manifest
from udocker_core.images.store import ImageStore
from udocker_core.layers import Readable
from udocker_core.layers.decompress import blocks
from udocker_core.layers.fields import DamageError
from udocker_core.layers.header import FILE, LINK, SYMLINK, members
from udocker_core.layers.stream import Stream
from udocker_core.workspace import workspace

_CHUNK = 1 << 18
_MAX_MEMBERS = 100_000
_MAX_LINKS = 40
_NAMES = ("io.containerd.image.name", "org.opencontainers.image.ref.name")


class _Member(NamedTuple):
    path: str  #: where its bytes are
    content: Content


class _Found(NamedTuple):
    """An image in the archive."""

    names: tuple[str, ...]
    manifest: bytes
    members: Mapping[Digest, _Member]


def load(store: ImageStore, raw: Readable, source: str, name: str = "") -> list[str]:
    """Store the images of an archive.

    Args:
        store: where they go.
        raw: the archive, compressed or not.
        source: what to call it in messages.
        name: the name of the image in it, in place of the one it says.

    Returns:
        the names that were stored.

    Raises:
        IntegrityError: it is no such archive, or damaged.
        StoreError: the store cannot be written.
    """
    store.prepare()
    loaded = []
    with workspace(store.layers) as directory:
        archive = _Archive(source, *_unpack(raw, source, directory))
        found = archive.images()
        if name and len(found) != 1:
            raise IntegrityError(f"{source} holds {len(found)} images", "load it without a name")
        for image in found:
            references = [names.parse(text) for text in ((name,) if name else image.names)]
            for digest, member in image.members.items():
                if not os.path.exists(store.blob(digest)):
                    store.publish_blob(member.path, digest)
            for reference in references:
                loaded.append(store.put(reference, image.manifest, list(image.members)).name)
    return loaded


def _unpack(
    raw: Readable, source: str, directory: str
) -> tuple[dict[str, _Member], dict[str, str]]:
    """The archive's files, and its links by name."""
    found: dict[str, _Member] = {}
    links: dict[str, str] = {}
    stream = Stream(blocks(raw, source))
    try:
        for number, (kind, name, link, size, _, _, holes) in enumerate(members(stream)):
            path = posixpath.normpath(os.fsdecode(name)).lstrip("/")
            if number > _MAX_MEMBERS:
                raise IntegrityError(f"{source} has more than {_MAX_MEMBERS} members")
            if kind == FILE and not holes:
                found[path] = _member(stream, os.path.join(directory, str(number)), size)
            elif kind == SYMLINK:
                base = posixpath.dirname(path)
                links[path] = posixpath.normpath(posixpath.join(base, os.fsdecode(link)))
            elif kind == LINK:
                links[path] = posixpath.normpath(os.fsdecode(link)).lstrip("/")
        stream.drain()
    except DamageError as error:
        raise IntegrityError(f"{source} {error.message}", "make the archive again") from error
    return found, links


def _member(stream: Stream, path: str, size: int) -> _Member:
    hasher = hashlib.sha256()
    head = b""
    with open(path, "xb") as file:
        left = size
        while left:
            data = stream.take_data(min(left, _CHUNK))
            head = head or data[:8]
            hasher.update(data)
            file.write(data)
            left -= len(data)
        file.flush()
        files.sync(file.fileno())
    os.chmod(path, 0o600)
    return _Member(path, Content(Digest(f"sha256:{hasher.hexdigest()}"), size, head))


class _Archive:
    """The members of an archive, understood as images."""

    def __init__(
        self, source: str, found: Mapping[str, _Member], links: Mapping[str, str]
    ) -> None:
        self._source = source
        self._found = found
        self._links = links

    def images(self) -> list[_Found]:
        """All images, at least one; docker's list is preferred, since it has the names."""
        if self._has("manifest.json"):
            found = list(self._docker())
        elif self._has("index.json"):
            found = list(self._oci())
        else:
            raise self._wrong("it is neither a docker archive nor an OCI archive")
        if not found:
            raise self._wrong("it holds no image")
        return found

    def _has(self, name: str) -> bool:
        return name in self._found or name in self._links

    def _member(self, name: object) -> _Member:
        path = posixpath.normpath(str(name)).lstrip("/")
        for _ in range(_MAX_LINKS):
            if path in self._found:
                return self._found[path]
            if path not in self._links:
                break
            path = self._links[path]
        raise self._wrong(f"it lacks {name}")

    def _bytes(self, member: _Member) -> bytes:
        if member.content.size > manifest.MAX_DOCUMENT:
            raise self._wrong(f"a document in it is larger than {manifest.MAX_DOCUMENT} bytes")
        with open(member.path, "rb") as file:
            return file.read()

    def _wrong(self, reason: str) -> IntegrityError:
        return IntegrityError(f"{self._source} cannot be loaded: {reason}", "make it again")

    # -- docker save -----------------------------------------------------------------------

    def _docker(self) -> Iterator[_Found]:
        try:
            entries = json.loads(self._bytes(self._member("manifest.json")))
            for entry in entries:
                config = self._member(entry["Config"])
                layers = [self._member(layer) for layer in entry["Layers"] or ()]
                tags = tuple(entry.get("RepoTags") or ()) or (self._nameless(config),)
                if not all(isinstance(tag, str) for tag in tags):
                    raise TypeError("a name is no text")
                yield self._image(tags, config, layers)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise self._wrong(f"its manifest.json is not valid: {error!r}") from error

    def _image(
        self, tags: Sequence[str], config: _Member, layers: Sequence[_Member]
    ) -> _Found:
        value = manifest.load_json(self._bytes(config), f"the configuration in {self._source}")
        diff_ids = (value.get("rootfs") or {}).get("diff_ids") or []
        if len(diff_ids) != len(layers):
            raise self._wrong("its configuration lists another number of layers")
        for layer, diff_id in zip(layers, diff_ids):
            if not layer.content.suffix and layer.content.digest != diff_id:
                raise self._wrong(f"a layer does not match its diff_id {diff_id}")
        document = image_manifest(config.content, [layer.content for layer in layers])
        blobs = {member.content.digest: member for member in (config, *layers)}
        return _Found(tuple(tags), document, blobs)

    @staticmethod
    def _nameless(config: _Member) -> str:
        return f"loaded:{config.content.digest.partition(':')[2][:12]}"

    # -- OCI layout (image-layout.md) ------------------------------------------------------

    def _oci(self) -> Iterator[_Found]:
        raw = self._bytes(self._member("index.json"))
        top = manifest.parse(raw, manifest.OCI_INDEX, self._source)
        if not isinstance(top, manifest.Index):
            raise self._wrong("its index.json is no index")
        for entry in top.manifests:
            chosen = self._choose(entry, depth=0)
            if chosen is None:
                continue
            blobs = {d.digest: self._blob(d) for d in (chosen.config, *chosen.layers)}
            name = next((entry.annotations[key] for key in _NAMES if key in entry.annotations), "")
            yield _Found((self._oci_name(name, chosen),), chosen.raw, blobs)

    def _choose(self, entry: manifest.Descriptor, depth: int) -> manifest.Manifest | None:
        if entry.media_type not in manifest.INDEX_TYPES + manifest.MANIFEST_TYPES:
            return None
        if "vnd.docker.reference.type" in entry.annotations:
            return None
        document = manifest.parse(
            self._bytes(self._blob(entry)), entry.media_type, self._source
        )
        if isinstance(document, manifest.Manifest):
            return document
        if depth > 4:
            raise self._wrong("its indexes are too deeply nested")
        for inner in manifest.candidates(document, platform.host()):
            chosen = self._choose(inner, depth + 1)
            if chosen:
                return chosen
        raise manifest.no_image_for(self._source, platform.host(), document)

    def _blob(self, descriptor: manifest.Descriptor) -> _Member:
        algorithm, _, value = descriptor.digest.partition(":")
        member = self._member(f"blobs/{algorithm}/{value}")
        if member.content.size != descriptor.size:
            raise self._wrong(f"the size of {descriptor.digest} is not what its descriptor says")
        if algorithm == "sha512":
            with open(member.path, "rb") as file:
                hasher = hashlib.sha512()
                while data := file.read(_CHUNK):
                    hasher.update(data)
            actual = Digest(f"sha512:{hasher.hexdigest()}")
            member = member._replace(content=member.content._replace(digest=actual))
        if member.content.digest != descriptor.digest:
            raise self._wrong(f"{descriptor.digest} does not match its digest")
        return member

    def _oci_name(self, name: Any, chosen: manifest.Manifest) -> str:
        """The image's name: complete as containerd writes it, or only a tag, or nothing."""
        text = str(name or chosen.digest.partition(":")[2][:12])
        try:
            complete = "/" in text or ":" in text
            return names.parse(text if complete else f"loaded:{text}").canonical
        except InvalidReference:
            raise self._wrong(f"it calls an image {text!r}") from None
