"""Images for tests and demonstrations: layers from a few lines, and where to put them.

Example::

    builder = ImageBuilder(config={"Cmd": ["/bin/sh"]})
    builder.add_layer({"etc/": None, "etc/motd": b"hello", "etc/m": Symlink("motd")})
    image = builder.build()
    push(registry, "project/image", "1", image)
    write_oci_layout("layout.tar", {"project/image:1": image})
"""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Union

from udocker_core import manifest as manifests
from udocker_core import platform as platforms
from udocker_core.digest import Digest
from udocker_core.platform import Platform
from udocker_core.testing.registry import Registry

_EPOCH = 1577934245  # 2020-01-02 03:04:05 UTC: images are the same each time


class File(NamedTuple):
    """A regular file."""

    data: bytes
    mode: int = 0o644
    mtime: float = _EPOCH


class Directory(NamedTuple):
    """A directory."""

    mode: int = 0o755
    mtime: float = _EPOCH


class Symlink(NamedTuple):
    """A symbolic link."""

    target: str


class Hardlink(NamedTuple):
    """A hard link to a name of the same layer or of one below it."""

    target: str


#: What a name of a layer is: ``bytes`` is a :class:`File`, None a :class:`Directory`. Whiteouts
#: are files called ``.wh.NAME``.
Entry = Union[bytes, None, File, Directory, Symlink, Hardlink]


class Layer(NamedTuple):
    """A layer as it is stored."""

    blob: bytes
    diff_id: Digest  #: of the tar that is in it
    compression: str  #: ``gzip``, ``zstd`` or empty

    def media_type(self, docker: bool) -> str:
        """Return the layer's type in docker's or OCI's manifests."""
        if docker:
            return manifests.DOCKER_LAYER + (f".{self.compression}" if self.compression else "")
        return manifests.OCI_LAYER + (f"+{self.compression}" if self.compression else "")


class Image(NamedTuple):
    """An image as it is stored."""

    manifest: bytes
    media_type: str
    config: bytes
    layers: tuple[Layer, ...]
    platform: Platform

    @property
    def digest(self) -> Digest:
        """The manifest's digest."""
        return Digest.of(self.manifest)

    @property
    def blobs(self) -> dict[Digest, bytes]:
        """The configuration and the layers by digest."""
        parts = [self.config, *(layer.blob for layer in self.layers)]
        return {Digest.of(part): part for part in parts}


class ImageBuilder:
    """Collects layers, the base first.

    Args:
        config: what goes into the configuration's ``config``: ``Cmd``, ``Env``, ...
        platform: such as ``linux/arm64``; empty for this host's.
        docker: docker's schema 2 instead of OCI's types.
    """

    def __init__(
        self, *, config: Mapping[str, Any] | None = None, platform: str = "", docker: bool = False
    ) -> None:
        self._config = dict(config or {})
        self._platform = platforms.parse(platform) if platform else platforms.host()
        self._docker = docker
        self._layers: list[Layer] = []

    def add_layer(self, entries: Mapping[str, Entry], compression: str = "gzip") -> Layer:
        """Add a layer made of `entries`, in their order; see :func:`tar_of`."""
        return self.add_tar(tar_of(entries), compression)

    def add_tree(self, path: str, compression: str = "gzip") -> Layer:
        """Add a layer with all that is in the directory `path`, owned by root."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for name in sorted(os.listdir(path)):
                archive.add(os.path.join(path, name), name, filter=_owned_by_root)
        return self.add_tar(buffer.getvalue(), compression)

    def add_tar(self, tar: bytes, compression: str = "gzip") -> Layer:
        """Add a layer of the bytes of a tar archive.

        Args:
            tar: anything; it is not looked at.
            compression: ``gzip``, ``zstd`` or empty.
        """
        layer = Layer(compress(tar, compression), Digest.of(tar), compression)
        self._layers.append(layer)
        return layer

    def build(self) -> Image:
        """Return the image."""
        config = _json(
            {
                "created": "2020-01-02T03:04:05Z",
                "architecture": self._platform.architecture,
                **({"variant": self._platform.variant} if self._platform.variant else {}),
                "os": self._platform.os,
                "config": self._config,
                "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in self._layers]},
            }
        )
        config_type = manifests.DOCKER_CONFIG if self._docker else manifests.OCI_CONFIG
        media_type = manifests.DOCKER_MANIFEST if self._docker else manifests.OCI_MANIFEST
        raw = _json(
            {
                "schemaVersion": 2,
                "mediaType": media_type,
                "config": descriptor(config, config_type),
                "layers": [
                    descriptor(layer.blob, layer.media_type(self._docker)) for layer in self._layers
                ],
            }
        )
        return Image(raw, media_type, config, tuple(self._layers), self._platform)


def descriptor(data: bytes, media_type: str, **more: Any) -> dict[str, Any]:
    """Return what a document says of `data` (image-spec, descriptor.md)."""
    return {"mediaType": media_type, "digest": Digest.of(data), "size": len(data), **more}


def index_of(images: Iterable[Image], extra: Sequence[Mapping[str, Any]] = ()) -> bytes:
    """Return an OCI index of `images`, each with its platform, after the entries in `extra`."""
    entries = [
        descriptor(
            image.manifest,
            image.media_type,
            platform={name: value for name, value in image.platform._asdict().items() if value},
        )
        for image in images
    ]
    return _json(
        {
            "schemaVersion": 2,
            "mediaType": manifests.OCI_INDEX,
            "manifests": [*extra, *entries],
        }
    )


def push(registry: Registry, repository: str, tag: str, image: Image) -> Digest:
    """Put an image into `registry`; return its digest."""
    for blob in image.blobs.values():
        registry.add_blob(blob)
    return registry.add_manifest(repository, tag, image.manifest, image.media_type)


def push_index(
    registry: Registry,
    repository: str,
    tag: str,
    images: Sequence[Image],
    extra: Sequence[Mapping[str, Any]] = (),
) -> Digest:
    """Put images for several platforms into `registry` under one tag; see :func:`index_of`."""
    for image in images:
        push(registry, repository, "", image)
    return registry.add_manifest(repository, tag, index_of(images, extra), manifests.OCI_INDEX)


def write_oci_layout(path: str, images: Mapping[str, Image]) -> None:
    """Write an OCI image layout (image-spec, image-layout.md).

    Args:
        path: of a tar archive if it ends in ``.tar``, else of a directory.
        images: by their ``org.opencontainers.image.ref.name``.
    """
    files = {"oci-layout": _json({"imageLayoutVersion": "1.0.0"})}
    entries = []
    for name, image in images.items():
        named = {"org.opencontainers.image.ref.name": name} if name else {}
        entries.append(descriptor(image.manifest, image.media_type, annotations=named))
        for digest, blob in {image.digest: image.manifest, **image.blobs}.items():
            files[f"blobs/{digest.algorithm}/{digest.encoded}"] = blob
    files["index.json"] = _json({"schemaVersion": 2, "manifests": entries})
    _write(path, files)


def write_docker_archive(path: str, images: Mapping[str, Image]) -> None:
    """Write what ``docker save`` writes, with the layers compressed as they are in the images.

    Args:
        path: of a tar archive if it ends in ``.tar``, else of a directory.
        images: by name and tag, such as ``image:1``; an empty name is an image without one.
    """
    files: dict[str, bytes] = {}
    entries = []
    for name, image in images.items():
        config = f"{Digest.of(image.config).encoded}.json"
        files[config] = image.config
        layers = []
        for layer in image.layers:
            layers.append(f"{layer.diff_id.encoded}/layer.tar")
            files[layers[-1]] = layer.blob
        entries.append({"Config": config, "RepoTags": [name] if name else None, "Layers": layers})
    files["manifest.json"] = _json(entries)
    _write(path, files)


def tar_of(entries: Mapping[str, Entry]) -> bytes:
    """Return a tar archive of `entries`, in their order, owned by root."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, entry in entries.items():
            member, data = _member(name, entry)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def compress(data: bytes, compression: str) -> bytes:
    """Compress `data` with ``gzip`` or ``zstd``, or leave it as it is."""
    if compression == "gzip":
        return gzip.compress(data, 6, mtime=0)
    if compression == "zstd":
        return _zstd(data)
    if compression:
        raise ValueError(f"unknown compression {compression!r}")
    return data


def _zstd(data: bytes) -> bytes:
    try:
        from compression import zstd  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        from backports import zstd
    return bytes(zstd.compress(data))


def _member(name: str, entry: Entry) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name.rstrip("/"))
    member.mtime = _EPOCH
    data = b""
    if isinstance(entry, bytes):
        entry = File(entry)
    elif entry is None:
        entry = Directory()
    if isinstance(entry, File):
        data, member.mode, member.mtime = entry.data, entry.mode, entry.mtime
        member.size = len(data)
    elif isinstance(entry, Directory):
        member.type, member.mode, member.mtime = tarfile.DIRTYPE, entry.mode, entry.mtime
    else:
        member.type = tarfile.SYMTYPE if isinstance(entry, Symlink) else tarfile.LNKTYPE
        member.linkname, member.mode = entry.target, 0o777
    return member, data


def _owned_by_root(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    return member


def _write(path: str, files: Mapping[str, bytes]) -> None:
    if path.endswith(".tar"):
        # Some tools that are not root cannot make directories that are not in the archive.
        folders = {os.path.dirname(name) for name in files}
        folders |= {os.path.dirname(folder) for folder in folders}
        entries: dict[str, Entry] = {folder: None for folder in sorted(folders) if folder}
        with open(path, "wb") as file:
            file.write(tar_of({**entries, **files}))
        return
    for name, data in files.items():
        place = os.path.join(path, name)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(place, "wb") as file:
            file.write(data)


def _json(value: object) -> bytes:
    return json.dumps(value, indent=1, sort_keys=True).encode()
