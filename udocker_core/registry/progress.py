"""What a download tells about itself."""

from __future__ import annotations

from typing import Protocol

from udocker_core.manifest import Descriptor


class Progress(Protocol):
    """Receives the progress of downloads. Its methods are called from several threads."""

    def started(self, descriptor: Descriptor, already: int) -> None:
        """A blob's download starts; `already` bytes are here from an earlier one."""

    def advanced(self, descriptor: Descriptor, count: int) -> None:
        """`count` more bytes of the blob are here."""

    def finished(self, descriptor: Descriptor) -> None:
        """The blob is here, verified and on the disk."""

    def note(self, text: str) -> None:
        """Something worth a line happened, such as a wait before another attempt."""


class Silence:
    """A :class:`Progress` for nobody."""

    def started(self, descriptor: Descriptor, already: int) -> None:
        """Say nothing."""

    def advanced(self, descriptor: Descriptor, count: int) -> None:
        """Say nothing."""

    def finished(self, descriptor: Descriptor) -> None:
        """Say nothing."""

    def note(self, text: str) -> None:
        """Say nothing."""
