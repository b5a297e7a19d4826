"""Progress bars: a line for each layer and one for all, on a terminal."""

from __future__ import annotations

import shutil
import threading
import time
from typing import TextIO

from udocker_core.manifest import Descriptor

#: Seconds between two drawings.
_INTERVAL = 0.1
_BAR = 24


class Bars:
    """A :class:`udocker_core.registry.progress.Progress` for a terminal.

    Args:
        terminal: where to draw.
    """

    def __init__(self, terminal: TextIO) -> None:
        self._terminal = terminal
        self._lock = threading.Lock()
        self._sizes: dict[str, int] = {}
        self._counts: dict[str, int] = {}  #: bytes that are here, by digest
        self._done: set[str] = set()
        self._fetched = 0
        self._start = self._drawn = time.monotonic()
        self._lines = 0

    def started(self, descriptor: Descriptor, already: int) -> None:
        """A blob's download starts."""
        with self._lock:
            self._sizes[descriptor.digest] = descriptor.size
            self._counts[descriptor.digest] = already
            self._draw(always=True)

    def advanced(self, descriptor: Descriptor, count: int) -> None:
        """More bytes of a blob are here."""
        with self._lock:
            self._counts[descriptor.digest] += count
            self._fetched += count
            self._draw()

    def finished(self, descriptor: Descriptor) -> None:
        """A blob is here and verified."""
        with self._lock:
            self._counts[descriptor.digest] = descriptor.size
            self._done.add(descriptor.digest)
            self._draw(always=True)

    def note(self, text: str) -> None:
        """Print a line above the bars."""
        with self._lock:
            self._clear()
            self._terminal.write(text + "\n")
            self._draw(always=True)

    def _clear(self) -> None:
        if self._lines:
            self._terminal.write(f"\x1b[{self._lines}F\x1b[J")
            self._lines = 0

    def _draw(self, always: bool = False) -> None:
        now = time.monotonic()
        if not always and now - self._drawn < _INTERVAL:
            return
        self._drawn = now
        size = shutil.get_terminal_size()
        rows = [
            _row(digest.partition(":")[2][:12], count, self._sizes[digest],
                 "verified" if digest in self._done else "")
            for digest, count in self._counts.items()
        ]
        speed = self._fetched / max(now - self._start, 0.001)
        total = _row("total", sum(self._counts.values()),
                     sum(self._sizes.values()),
                     f"{_bytes(int(speed))}/s")
        self._clear()
        shown = [row[: size.columns - 1] for row in [*rows[-max(size.lines - 2, 1) :], total]]
        self._terminal.write("\n".join(shown) + "\n")
        self._terminal.flush()
        self._lines = len(shown)


def _row(name: str, count: int, size: int, remark: str) -> str:
    filled = _BAR * count // size if size else _BAR
    bar = "#" * filled + "." * (_BAR - filled)
    return f"{name:12} [{bar}] {_bytes(count):>9} / {_bytes(size):>9}  {remark}"


def _bytes(count: int) -> str:
    amount = float(count)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"
