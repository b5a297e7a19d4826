"""Layers: unpacking the tar archives that an image is made of, safely and without root.

Modes and times are those of the layers; all belongs to the caller. Devices, which only root can
make, are skipped and counted. Extended attributes are not set.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Callable, NamedTuple

from udocker_core.errors import StoreError
from udocker_core.layers.decompress import Readable
from udocker_core.layers.remove import remove_tree

__all__ = ["Layer", "Limits", "Readable", "Summary", "apply_layers", "remove_tree"]


class Layer(NamedTuple):
    """A layer to apply."""

    open: Callable[[], Readable]  #: opens it, compressed or not; called and read in another thread
    diff_id: str | None  #: the digest that its uncompressed bytes must have, None if not known
    name: str  #: what to call it in messages


class Limits(NamedTuple):
    """What the layers of one root may hold together, so that no image fills a disk unasked."""

    max_entries: int = 10_000_000  #: members of the archives
    max_bytes: int = 1 << 44  #: bytes of files, holes included


_DEFAULT = Limits()


class Summary(NamedTuple):
    """What was unpacked."""

    entries: int  #: members of the archives
    bytes: int  #: bytes of files, holes included
    skipped: int  #: devices


def apply_layers(layers: Iterable[Layer], root: str, *, limits: Limits = _DEFAULT) -> Summary:
    """Apply `layers` to the directory `root`, the base first.

    Nothing outside `root` is read, written, linked or removed, whatever the layers hold. While
    this runs all directories are open to their owner; their modes and times are set at the end.
    After a failure `root` holds a part, and is for the caller to remove.

    Reading, verifying and decompressing happen in a thread of their own. After a failure it may
    outlive this by the ``read`` that it waits in, and does nothing more then.

    Args:
        layers: what to apply.
        root: path of a directory that exists; what is in it is the lowest layer.
        limits: what the layers may hold.

    Raises:
        IntegrityError: a layer is damaged, does not match its diff_id, or is impossible.
        UnsafeLayer: a layer tries to reach outside `root`, or exceeds `limits`.
        StoreError: a layer cannot be read, or `root` not be written.
        UdockerError: whatever a layer's ``open`` or ``read`` raised.
    """
    from udocker_core.layers.apply import Applier
    from udocker_core.layers.pump import Pump

    sequence = list(layers)
    try:
        applier = Applier(root, limits)
    except OSError as error:
        raise StoreError(f"cannot unpack into {root}: {error.strerror}") from error
    with applier, Pump(sequence) as pump:
        for layer in sequence:
            applier.apply(layer, pump.blocks())
        applier.finish()
    return Summary(applier.entries, applier.bytes, applier.skipped)
