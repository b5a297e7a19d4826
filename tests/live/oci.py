"""Images for the live tests and the benchmarks: OCI layouts from layers that are tar files.

It is on purpose not the testing kit's builder: what docker-registry, skopeo and umoci accept is
a second opinion on the formats.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
CONFIG = {"Cmd": ["/bin/sh"], "Env": ["PATH=/usr/bin:/bin"]}


class Layout:
    """An OCI image layout in `directory` (image-spec, image-layout.md)."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.images: list[dict[str, Any]] = []
        (directory / "blobs" / "sha256").mkdir(parents=True)
        (directory / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')

    def image(
        self,
        layers: Iterable[bytes | Path],
        *,
        config: Mapping[str, Any] = CONFIG,
        architecture: str = "amd64",
        compression: str = "gzip",
        damage: Callable[[bytes], bytes] = bytes,
    ) -> dict[str, Any]:
        """Add the image of these uncompressed tars and return its descriptor.

        Each layer's blob is what `damage` makes of the compressed tar.
        """
        descriptors, diff_ids = [], []
        for layer in layers:
            content = layer if isinstance(layer, bytes) else layer.read_bytes()
            diff_ids.append("sha256:" + hashlib.sha256(content).hexdigest())
            blob = damage(compress(content, compression))
            descriptors.append(self._blob(blob, f"{LAYER}+{compression}"))
        platform = {"architecture": architecture, "os": "linux"}
        rootfs = {"type": "layers", "diff_ids": diff_ids}
        described = self._json(
            {**platform, "config": dict(config), "rootfs": rootfs},
            "application/vnd.oci.image.config.v1+json",
        )
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": described,
            "layers": descriptors,
        }
        descriptor = {**self._json(manifest, MANIFEST), "platform": platform}
        self.images.append(descriptor)
        return descriptor

    def index(self, *manifests: Mapping[str, Any]) -> dict[str, Any]:
        """Add an index of `manifests` and return its descriptor."""
        content = {"schemaVersion": 2, "mediaType": INDEX, "manifests": list(manifests)}
        return self._json(content, INDEX)

    def tag(self, name: str, descriptor: Mapping[str, Any]) -> str:
        """Name an image or an index; gives what skopeo and umoci call it."""
        path = self.directory / "index.json"
        index = json.loads(path.read_text()) if path.exists() else {"schemaVersion": 2}
        named = {**descriptor, "annotations": {"org.opencontainers.image.ref.name": name}}
        index["manifests"] = [*index.get("manifests", ()), named]
        path.write_text(json.dumps(index))
        return f"{self.directory}:{name}"

    def _json(self, value: Any, media_type: str) -> dict[str, Any]:
        return self._blob(json.dumps(value).encode(), media_type)

    def _blob(self, content: bytes, media_type: str) -> dict[str, Any]:
        digest = hashlib.sha256(content).hexdigest()
        (self.directory / "blobs" / "sha256" / digest).write_bytes(content)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}


def compress(content: bytes, compression: str) -> bytes:
    """Compress by ``gzip`` or ``zstd``."""
    if compression == "gzip":
        return gzip.compress(content, 6, mtime=0)
    try:
        from compression import zstd  # Python 3.14
    except ImportError:
        from backports import zstd
    return zstd.compress(content)


class Entry(NamedTuple):
    """A tar entry to be."""

    name: str
    content: bytes = b""
    kind: bytes = tarfile.REGTYPE
    mode: int = 0o644
    target: str = ""  #: of a symbolic or hard link
    mtime: float = 1_500_000_000


def directory(name: str, mode: int = 0o755, mtime: float = 1_400_000_000) -> Entry:
    """A directory."""
    return Entry(name, kind=tarfile.DIRTYPE, mode=mode, mtime=mtime)


def symlink(name: str, target: str) -> Entry:
    """A symbolic link."""
    return Entry(name, kind=tarfile.SYMTYPE, mode=0o777, target=target)


def hardlink(name: str, target: str) -> Entry:
    """A hard link to the entry `target`."""
    return Entry(name, kind=tarfile.LNKTYPE, target=target)


def whiteout(name: str) -> Entry:
    """The mark that takes `name` out of the layers below."""
    parent, _, base = name.rpartition("/")
    return Entry(f"{parent}/.wh.{base}" if parent else f".wh.{base}")


def opaque(name: str) -> Entry:
    """The mark that hides what the layers below have in the directory `name`."""
    return Entry(f"{name}/.wh..wh..opq")


def layer(*entries: Entry) -> bytes:
    """The tar of `entries`, in pax format as docker writes it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for entry in entries:
            info = tarfile.TarInfo(entry.name)
            info.type, info.mode, info.linkname = entry.kind, entry.mode, entry.target
            info.mtime, info.size = entry.mtime, len(entry.content)  # type: ignore[assignment]
            archive.addfile(info, io.BytesIO(entry.content))
    return buffer.getvalue()
