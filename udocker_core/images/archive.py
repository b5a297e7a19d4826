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
from typing import BinaryIO, NamedTuple

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
_MAX_MEMBERS = 20_000
_MAX_NAMES = 8 << 20  #: bytes of all members' names and links
_MAX_IMAGES = 1000  #: and names of one
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
    entry: Digest | None = None  #: of the index entry, by which it may be called too


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
        IntegrityError: it is no such archive, or damaged, or an image has another's digest in
            its name. No image was stored.
        StoreError: the store cannot be written.
    """
    store.prepare()
    loaded = []
    with workspace(store.layers) as directory:
        archive = _Archive(source, store, *_unpack(raw, source, directory))
        # All are looked at before one is stored, and but one is in memory at a time.
        count = sum(1 for image in archive.images() if _references(image, name))
        if name and count != 1:
            raise IntegrityError(f"{source} holds {count} images", "load it without a name")
        for image in archive.images():
            for digest, member in image.members.items():
                if not store.has_blob(digest, member.content.size):
                    store.publish_blob(member.path, digest)
            for reference in _references(image, name):
                loaded.append(store.put(reference, image.manifest, list(image.members)).name)
    return loaded


def _references(image: _Found, name: str) -> list[names.Reference]:
    """The names to store an image under; a digest in one must be the image's."""
    references = [names.parse(text) for text in ((name,) if name else image.names)]
    for reference in references:
        digest = reference.digest
        if digest and digest != image.entry:
            actual = Digest.of(image.manifest, digest.algorithm)
            if digest != actual:
                raise IntegrityError(
                    f"the image called {reference.familiar} has the digest {actual}",
                    "load it with another name",
                )
    return references


def _unpack(
    raw: Readable, source: str, directory: str
) -> tuple[dict[str, _Member], dict[str, str]]:
    """The archive's files, and its links by name."""
    found: dict[str, _Member] = {}
    links: dict[str, str] = {}
    text = 0
    stream = Stream(blocks(raw, source))
    try:
        for number, (kind, name, link, size, _, _, holes) in enumerate(members(stream)):
            path = posixpath.normpath(os.fsdecode(name)).lstrip("/")
            if number > _MAX_MEMBERS:
                raise IntegrityError(f"{source} has more than {_MAX_MEMBERS} members")
            text += len(name) + len(link)
            if text > _MAX_NAMES:
                raise IntegrityError(f"{source} has more than {_MAX_NAMES} bytes of names")
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
        self,
        source: str,
        store: ImageStore,
        found: dict[str, _Member],
        links: Mapping[str, str],
    ) -> None:
        self._source = source
        self._store = store
        self._found = found
        self._links = links

    def images(self) -> Iterator[_Found]:
        """All images, at least one; docker's list is preferred, since it has the names."""
        if self._has("manifest.json"):
            images = self._docker()
        elif self._has("index.json"):
            images = self._oci()
        else:
            raise self._wrong("it is neither a docker archive nor an OCI archive")
        number = 0
        for number, image in enumerate(images, 1):
            if max(number, len(image.names)) > _MAX_IMAGES:
                raise self._wrong(f"it holds more than {_MAX_IMAGES} images")
            yield image
        if not number:
            raise self._wrong("it holds no image")

    def _has(self, name: str) -> bool:
        return name in self._found or name in self._links

    def _member(self, name: object) -> _Member:
        return self._found[self._path(name)]

    def _path(self, name: object) -> str:
        """Where the member that `name` or its links lead to is among those found."""
        path = posixpath.normpath(str(name)).lstrip("/")
        for _ in range(_MAX_LINKS):
            if path in self._found:
                return path
            if path not in self._links:
                break
            path = self._links[path]
        raise self._wrong(f"it lacks {name}")

    def _open(self, member: _Member) -> BinaryIO:
        """Open a member, which is in the store once an image that has it was stored."""
        try:
            return open(member.path, "rb")
        except FileNotFoundError:
            return open(self._store.blob(member.content.digest), "rb")

    def _bytes(self, member: _Member) -> bytes:
        if member.content.size > manifest.MAX_DOCUMENT:
            raise self._wrong(f"a document in it is larger than {manifest.MAX_DOCUMENT} bytes")
        with self._open(member) as file:
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
        name = f"the configuration in {self._source}"
        value = manifest.load_json(self._bytes(config), name)
        diff_ids = manifest.diff_ids(value, len(layers), name)
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
        entries: dict[Digest, list[manifest.Descriptor]] = {}
        for entry in top.manifests:
            entries.setdefault(entry.digest, []).append(entry)
        for digest, same in entries.items():
            chosen = self._choose(same[0], depth=0)
            if chosen is None:
                continue
            blobs = {d.digest: self._blob(d) for d in (chosen.config, *chosen.layers)}
            found = dict.fromkeys(self._oci_name(entry, chosen) for entry in same)
            yield _Found(tuple(found), chosen.raw, blobs, digest)

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
        path = self._path(f"blobs/{algorithm}/{value}")
        member = self._found[path]
        if member.content.size != descriptor.size:
            raise self._wrong(f"the size of {descriptor.digest} is not what its descriptor says")
        if algorithm == "sha512" and member.content.digest != descriptor.digest:
            with self._open(member) as file:
                hasher = hashlib.sha512()
                while data := file.read(_CHUNK):
                    hasher.update(data)
            actual = Digest(f"sha512:{hasher.hexdigest()}")
            member = member._replace(content=member.content._replace(digest=actual))
            self._found[path] = member
        if member.content.digest != descriptor.digest:
            raise self._wrong(f"{descriptor.digest} does not match its digest")
        return member

    def _oci_name(self, entry: manifest.Descriptor, chosen: manifest.Manifest) -> str:
        """The image's name: complete as containerd writes it, or only a tag, or nothing."""
        name = next((entry.annotations[key] for key in _NAMES if key in entry.annotations), "")
        text = str(name or chosen.digest.partition(":")[2][:12])
        try:
            complete = "/" in text or ":" in text
            return names.parse(text if complete else f"loaded:{text}").canonical
        except InvalidReference:
            raise self._wrong(f"it calls an image {text!r}") from None
