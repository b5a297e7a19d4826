"""Pulling an image: what the registry has and the store lacks, verified, then published.

Downloads run while the caller unpacks: :meth:`Pull.layers` gives layers whose bytes can be read
while they arrive. Nothing is listed before every digest was verified.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any

from udocker_core.digest import Digest
from udocker_core.errors import IntegrityError, StoreError
from udocker_core.images.store import Image, ImageStore
from udocker_core.layers import Layer, Readable
from udocker_core.locks import FileLock
from udocker_core.manifest import Descriptor, load_json
from udocker_core.names import Reference
from udocker_core.platform import Platform
from udocker_core.registry.client import Client
from udocker_core.registry.progress import Progress
from udocker_core.registry.transfer import BlobTarget, Downloads

#: Seconds to wait for another udocker that downloads the same blob.
_OTHER_DOWNLOAD = 6 * 3600.0


class Pull:
    """One pull; a context manager. On leaving, downloads are stopped and locks given back.

    Args:
        store: where the image goes.
        client: an open registry client.
        reference: the image's name.
        platform: the platform wanted, where the registry has a choice.
        progress: told about every blob.
    """

    def __init__(
        self,
        store: ImageStore,
        client: Client,
        reference: Reference,
        platform: Platform,
        progress: Progress,
    ) -> None:
        self._store = store
        self._client = client
        self._reference = reference
        self._platform = platform
        self._progress = progress
        self._stack = ExitStack()
        self._locks: dict[Digest, FileLock] = {}

    def __enter__(self) -> Pull:
        """Resolve the name and start the downloads."""
        self._store.prepare()
        self._manifest = self._client.manifest(self._reference, self._platform).manifest
        self._descriptors: dict[Digest, Descriptor] = {
            descriptor.digest: descriptor
            for descriptor in (self._manifest.config, *self._manifest.layers)
        }
        try:
            mine = [d for d in self._descriptors if not self._present(d) and self._claim(d, 0)]
            self._downloads = self._start([d for d in mine if not self._present(d)])
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()
        while self._locks:
            self._locks.popitem()[1].release()

    def config(self) -> Mapping[str, Any]:
        """The image's configuration, as soon as it is verified."""
        path = self._ready(self._manifest.config.digest)
        with open(path, "rb") as file:
            return load_json(file.read(), f"the configuration of {self._reference.familiar}")

    def layers(self) -> list[Layer]:
        """The layers, base first. Reading one waits for its bytes to arrive."""
        rootfs = self.config().get("rootfs")
        diff_ids = rootfs.get("diff_ids") if isinstance(rootfs, dict) else None
        layers = self._manifest.layers
        if not isinstance(diff_ids, list) or len(diff_ids) != len(layers):
            raise self._broken("its configuration does not list its layers")
        return [
            Layer(self._opener(descriptor.digest), diff_id, descriptor.digest)
            for descriptor, diff_id in zip(layers, diff_ids)
        ]

    def finish(self) -> Image:
        """Wait for every blob, then list the image.

        Raises:
            UdockerError: a download or a verification failed; the store is as it was, but for
                the blobs that are whole.
        """
        for digest in self._descriptors:
            self._publish(digest)
        self.layers()  # a configuration that does not fit must not be listed
        return self._store.put(
            self._reference, self._manifest.raw, list(self._descriptors)
        )

    # -- one blob --------------------------------------------------------------------------

    def _present(self, digest: Digest) -> bool:
        return os.path.exists(self._store.blob(digest))

    def _partial(self, digest: Digest) -> str:
        return self._store.blob(f".partial-{digest}")

    def _claim(self, digest: Digest, timeout: float) -> bool:
        """Take the right to download a blob; False if another udocker has it."""
        lock = FileLock(self._store.blob(f".lock-{digest}"), timeout, remove=True)
        if not lock.acquire():
            return False
        self._locks[digest] = lock
        return True

    def _start(self, digests: Sequence[Digest]) -> Downloads:
        targets = [BlobTarget(self._descriptors[d], self._partial(d)) for d in digests]
        downloads = Downloads(self._client, self._reference, targets, self._progress)
        return self._stack.enter_context(downloads)

    def _opener(self, digest: Digest) -> Callable[[], Readable]:
        def open_blob() -> Readable:
            if digest in self._locks and not self._present(digest):
                return self._downloads.open(digest)
            return open(self._ready(digest), "rb")

        return open_blob

    def _ready(self, digest: Digest) -> str:
        """The path of a blob's verified bytes, when they are there."""
        if self._present(digest):
            return self._store.blob(digest)
        if digest not in self._locks:
            self._wait_for_other(digest)
            return self._store.blob(digest)
        self._downloads.wait(digest)
        return self._partial(digest)

    def _publish(self, digest: Digest) -> None:
        path = self._ready(digest)
        if path != self._store.blob(digest):
            self._store.publish_blob(path, digest)
        lock = self._locks.pop(digest, None)
        if lock:
            lock.release()

    def _wait_for_other(self, digest: Digest) -> None:
        """Wait until another udocker has the blob; do it ourselves if that one gives up."""
        self._progress.note(f"waiting for another udocker to download {digest}")
        if not self._claim(digest, _OTHER_DOWNLOAD):
            raise StoreError(f"another udocker still downloads {digest}", "end it and pull again")
        if not self._present(digest):
            self._start([digest]).wait(digest)
            self._store.publish_blob(self._partial(digest), digest)
        self._locks.pop(digest).release()

    def _broken(self, reason: str) -> IntegrityError:
        return IntegrityError(
            f"image {self._reference.familiar} cannot be used: {reason}",
            "tell whoever made the image",
        )
