"""Writing manifests for images that came without one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from udocker_core.digest import Digest
from udocker_core.manifest import DOCKER_CONFIG, DOCKER_LAYER, DOCKER_MANIFEST


class Content(NamedTuple):
    """A blob that a manifest names."""

    digest: Digest
    size: int  #: bytes
    head: bytes  #: its first bytes, which tell how it is compressed

    @property
    def suffix(self) -> str:
        """What its media type says of its compression."""
        if self.head.startswith(b"\x1f\x8b"):
            return ".gzip"
        return ".zstd" if self.head.startswith(b"\x28\xb5\x2f\xfd") else ""


def image_manifest(config: Content, layers: Sequence[Content]) -> bytes:
    """A manifest (docker image manifest version 2, schema 2)."""
    value = {
        "schemaVersion": 2,
        "mediaType": DOCKER_MANIFEST,
        "config": _descriptor(DOCKER_CONFIG, config),
        "layers": [_descriptor(DOCKER_LAYER + layer.suffix, layer) for layer in layers],
    }
    return json.dumps(value, indent=3).encode()


def _descriptor(media_type: str, content: Content) -> dict[str, Any]:
    return {"mediaType": media_type, "size": content.size, "digest": content.digest}
