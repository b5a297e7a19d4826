"""Reading, hashing and decompressing layers in a thread of their own.

The three release the interpreter's lock for nearly all their time, so that they run beside the
applier, also when a layer is still being downloaded and its ``read`` waits. The queue between
the two threads is bounded, which bounds the memory whatever the size of the layers.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator, Sequence
from queue import Queue
from typing import TYPE_CHECKING, Union

from udocker_core.errors import IntegrityError, StoreError
from udocker_core.layers.decompress import blocks

if TYPE_CHECKING:
    from udocker_core.layers import Layer

_PATIENCE = 2.0  # seconds to wait for the thread at the end
_QUEUED = 8  # blocks: 4 MiB at most

_Item = Union[bytes, BaseException, None]


class Pump:
    """Decompresses `layers` one after the other; a context manager.

    Leaving the context ends the thread: at once, or when the ``read`` that it is in returns.
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        self._layers = layers
        self._queue: Queue[_Item] = Queue(_QUEUED)
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="udocker-layers", daemon=True)

    def __enter__(self) -> Pump:
        """Start the thread."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End the thread, or leave it to its ``read``, after which it does nothing more."""
        self._stopped = True
        deadline = time.monotonic() + _PATIENCE
        # The thread may be waiting for room in the queue.
        while self._thread.is_alive() and time.monotonic() < deadline:
            while not self._queue.empty():
                self._queue.get_nowait()
            self._thread.join(0.05)

    def blocks(self) -> Iterator[bytes]:
        """Yield the blocks of the next layer; its end is reached only if it is whole.

        Raises:
            IntegrityError: the layer is damaged, or its digest is not its diff_id.
            StoreError: it cannot be read.
        """
        while True:
            item = self._queue.get()
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            yield item

    def _run(self) -> None:
        try:
            for layer in self._layers:
                self._run_one(layer)
                if self._stopped:
                    return
                self._queue.put(None)
        except BaseException as error:  # every failure belongs to the thread that waits for us
            self._queue.put(error)

    def _run_one(self, layer: Layer) -> None:
        expected = layer.diff_id
        try:
            hasher = None if expected is None else hashlib.new(expected.partition(":")[0])
        except ValueError as error:
            raise IntegrityError(
                f"layer {layer.name} has a diff_id of an unknown algorithm: {expected}"
            ) from error
        try:
            raw = layer.open()
            try:
                for block in blocks(raw, f"layer {layer.name}"):
                    if self._stopped:
                        return
                    if hasher:
                        hasher.update(block)
                    self._queue.put(block)
            finally:
                raw.close()
        except OSError as error:
            reason = error.strerror or error
            raise StoreError(f"cannot read layer {layer.name}: {reason}") from error
        if hasher and expected != f"{hasher.name}:{hasher.hexdigest()}":
            raise IntegrityError(f"layer {layer.name} does not match its diff_id {expected}")
