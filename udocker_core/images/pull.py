"""Pulling an image: what the registry has and the store lacks, verified, then published.

Downloads run while the caller unpacks: :meth:`Pull.layers` gives layers whose bytes can be read
while they arrive. Nothing is listed before every digest was verified.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any

from udocker_core.digest import Digest
from udocker_core.errors import StoreError
from udocker_core.images.store import Image, ImageStore
from udocker_core.layers import Layer, Readable
from udocker_core.locks import FileLock
from udocker_core.manifest import Descriptor, diff_ids, load_json
from udocker_core.names import Reference
from udocker_core.platform import Platform
from udocker_core.registry.client import Client
from udocker_core.registry.progress import Progress
from udocker_core.registry.transfer import BlobTarget, Downloads

#: Seconds to wait for another udocker that downloads the same blob.
_OTHER_DOWNLOAD = 6 * 3600.0
_POLL = 0.5


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
        self._locks: dict[Digest, FileLock] = {}  #: of the blobs that are being downloaded
        self._mine: frozenset[Digest] = frozenset()  #: the blobs that this pull downloads
        self._closed = False

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
            self._mine = frozenset(mine)
            self._downloads = self._start(mine)
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
        self._closed = True
        self._stack.close()
        while self._locks:
            self._locks.popitem()[1].release()

    def config(self) -> Mapping[str, Any]:
        """The image's configuration, as soon as it is verified."""
        path = self._ready(self._manifest.config.digest)
        with open(path, "rb") as file:
            return load_json(file.read(), self._config_name)

    def layers(self) -> list[Layer]:
        """The layers, base first. Reading one waits for its bytes to arrive."""
        layers = self._manifest.layers
        ids = diff_ids(self.config(), len(layers), self._config_name)
        return [
            Layer(self._opener(descriptor.digest), diff_id, descriptor.digest)
            for descriptor, diff_id in zip(layers, ids)
        ]

    def finish(self) -> Image:
        """Wait for every blob, then list the image.

        Raises:
            UdockerError: a download or a verification failed; the store is as it was, but for
                the blobs that are whole.
        """
        for digest in self._descriptors:
            self._ready(digest)
        self.layers()  # a configuration that does not fit must not be listed
        return self._store.put(self._reference, self._manifest.raw, list(self._descriptors))

    # -- one blob --------------------------------------------------------------------------

    def _present(self, digest: Digest) -> bool:
        return self._store.has_blob(digest, self._descriptors[digest].size)

    def _claim(self, digest: Digest, timeout: float) -> bool:
        """Take the right to download a blob that is not there.

        False if another udocker has it, or has just downloaded it.
        """
        lock = self._store.download_lock(digest, timeout)
        if not lock.acquire():
            return False
        if self._present(digest):
            lock.release()
            return False
        self._locks[digest] = lock
        return True

    def _start(self, digests: Sequence[Digest]) -> Downloads:
        targets = [BlobTarget(self._descriptors[d], self._store.partial(d)) for d in digests]
        downloads = Downloads(
            self._client, self._reference, targets, self._progress, self._publish
        )
        return self._stack.enter_context(downloads)

    def _publish(self, digest: Digest) -> None:
        """Publish a verified blob and let others have it, at once: were its lock held until all
        is here, two pulls that wait for each other's blobs would wait for ever.
        """
        self._store.publish_blob(self._store.partial(digest), digest)
        self._locks.pop(digest).release()

    def _opener(self, digest: Digest) -> Callable[[], Readable]:
        def open_blob() -> Readable:
            if digest in self._mine:
                return self._downloads.open(digest)
            return open(self._ready(digest), "rb")

        return open_blob

    def _ready(self, digest: Digest) -> str:
        """The path of a blob in the store, when it is there."""
        if digest in self._mine:
            self._downloads.wait(digest)
        elif not self._present(digest):
            self._wait_for_other(digest)
        return self._store.blob(digest)

    def _wait_for_other(self, digest: Digest) -> None:
        """Wait until another udocker has the blob; do it ourselves if that one gives up."""
        self._progress.note(f"waiting for another udocker to download {digest}")
        deadline = time.monotonic() + _OTHER_DOWNLOAD
        while not self._claim(digest, _POLL):
            if self._present(digest):
                return
            if self._closed or time.monotonic() > deadline:
                raise StoreError(
                    f"another udocker still downloads {digest}", "end it and pull again"
                )
        self._start([digest]).wait(digest)

    @property
    def _config_name(self) -> str:
        return f"the configuration of {self._reference.familiar}"
