"""What every command gets: the configuration, the stores, and a voice."""

from __future__ import annotations

import sys

from udocker_core.config import Config
from udocker_core.containers.store import ContainerStore
from udocker_core.errors import UdockerError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple

    from udocker_core.images.store import ImageStore
else:
    from udocker_core.namedtuple import NamedTuple

#: Levels of ``verbose_level``, as in udocker 1.3.
MESSAGE, WARNING, INFO, DEBUG = 1, 2, 3, 5


class Session(NamedTuple):
    """One command's surroundings."""

    config: Config
    level: int  #: how much to say: MESSAGE, WARNING, INFO or DEBUG

    @property
    def containers(self) -> ContainerStore:
        """The containers of the store."""
        return ContainerStore(self.config.directory("containers"))

    @property
    def images(self) -> ImageStore:
        """The images of the store."""
        from udocker_core.images.store import ImageStore  # not needed to run a container

        return ImageStore(self.config.directory("repos"), self.config.directory("layers"))

    def warn(self, text: str) -> None:
        """Say that something is left out or odd."""
        self._say(WARNING, f"Warning: {text}")

    def error(self, error: UdockerError) -> None:
        """Say what failed and what the remedy is, in one line."""
        print(describe(error), file=sys.stderr)

    def _say(self, level: int, text: str) -> None:
        if self.level >= level:
            print(printable(text), file=sys.stderr)


def describe(error: UdockerError) -> str:
    """An error as one line."""
    hint = f". Hint: {error.hint}" if error.hint else ""
    return printable(f"Error: {error.message}{hint}")


def printable(text: str) -> str:
    """Text that others may have written, as one line that only shows and commands no terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
