"""Images made from a tar file with a file system, as ``docker export`` writes it."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator
from typing import Any

from udocker_core import files
from udocker_core.digest import Digest
from udocker_core.errors import Conflict, IntegrityError
from udocker_core.images.document import Content, image_manifest
from udocker_core.images.store import Image, ImageStore
from udocker_core.layers import Readable
from udocker_core.layers.decompress import blocks
from udocker_core.layers.fields import DamageError
from udocker_core.layers.header import members
from udocker_core.layers.stream import Stream
from udocker_core.names import Reference
from udocker_core.platform import Platform
from udocker_core.workspace import workspace


def configuration(platform: Platform, diff_ids: list[str]) -> dict[str, Any]:
    """The configuration of an image that nobody described (OCI image-spec, config.md)."""
    empty = {"Env": None, "Cmd": None, "Entrypoint": None, "User": "", "WorkingDir": ""}
    value: dict[str, Any] = {
        "created": time.strftime("%Y-%m-%dT%H:%M:%S.000000000Z", time.gmtime()),
        "comment": "created by udocker",
        "architecture": platform.architecture,
        "os": platform.os,
        "config": empty,
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    }
    return {**value, "variant": platform.variant} if platform.variant else value


def import_image(
    store: ImageStore, raw: Readable, source: str, reference: Reference, platform: Platform,
    move: str = "",
) -> Image:
    """Store a tar file as an image of one layer.

    Args:
        store: where it goes.
        raw: the tar file, compressed or not, positioned at its start.
        source: what to call it in messages.
        reference: the image's name, which must be free.
        platform: what the image says it is for.
        move: path of the file behind `raw`, to be moved into the store; empty to copy.

    Raises:
        Conflict: there is such an image.
        IntegrityError: it is damaged, no tar archive, or empty.
        StoreError: the store cannot be written.
    """
    if reference in store:
        raise Conflict(
            f"image already exists: {reference.familiar}", "choose another tag, or udocker rmi it"
        )
    store.prepare()
    with workspace(store.layers) as directory:
        path = os.path.join(directory, "layer")
        with open(path, "xb") as copy:
            tee = _Tee(raw, copy)
            diff = hashlib.sha256()
            _check_archive(_hashed(blocks(tee, source), diff), source)
            copy.flush()
            files.sync(copy.fileno())
        layer = Digest(f"sha256:{tee.hasher.hexdigest()}")
        config = json.dumps(configuration(platform, [f"sha256:{diff.hexdigest()}"])).encode()
        config_digest = Digest.of(config)
        files.write_atomic(os.path.join(directory, "config"), config)
        store.publish_blob(path, layer)
        store.publish_blob(os.path.join(directory, "config"), config_digest)
        document = image_manifest(
            Content(config_digest, len(config), b""), [Content(layer, tee.size, tee.head)]
        )
        image = store.put(reference, document, [config_digest, layer])
    if move:
        os.unlink(move)
    return image


def _hashed(data: Iterator[bytes], hasher: hashlib._Hash) -> Iterator[bytes]:
    for block in data:
        hasher.update(block)
        yield block


def _check_archive(data: Iterator[bytes], source: str) -> None:
    """Read an archive to its end; what cannot be unpacked later must not be listed now."""
    stream = Stream(data)
    try:
        count = sum(1 for _ in members(stream))
        stream.drain()
    except DamageError as error:
        raise IntegrityError(f"{source} {error.message}", "give a tar file") from error
    if not count:
        raise IntegrityError(f"{source} holds no files", "give a tar file")


class _Tee:
    """A reader that hashes and keeps what passes through it."""

    def __init__(self, raw: Readable, copy: Any) -> None:
        self._raw = raw
        self._copy = copy
        self.hasher = hashlib.sha256()
        self.size = 0
        self.head = b""

    def read(self, size: int, /) -> bytes:
        data = self._raw.read(size)
        self.head = self.head or data[:8]
        self.size += len(data)
        self.hasher.update(data)
        self._copy.write(data)
        return data

    def close(self) -> None:
        self._raw.close()
