"""How a command declares its options: once, as data.

The quick parser (``cli.quick``), click's command (``cli.full``) and the documentation all come
from these declarations (docs/adr/0005).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, NamedTuple

    from udocker_core.cli.session import Session
    #: The options of a command line: key -> str, bool, or tuple of str; ``arguments`` -> tuple.
    Values = Mapping[str, Any]
else:
    from udocker_core.namedtuple import NamedTuple

    Values = dict


class Option(NamedTuple):
    """An option of a command."""

    names: tuple[str, ...]  #: every spelling, such as ``("-v", "--volume")``
    help: str
    metavar: str = ""  #: what its value is; empty for a flag
    multiple: bool = False
    hidden: bool = False  #: accepted, and not worth a line of help
    unset: str | None = ""  #: a valued option's value when it is not given

    @property
    def key(self) -> str:
        """The option's key in the values: its last spelling."""
        return self.names[-1].lstrip("-").replace("-", "_")

    @property
    def default(self) -> Any:
        """Its value when it is not given."""
        if self.multiple:
            return ()
        return self.unset if self.metavar else False


class Command(NamedTuple):
    """A command."""

    name: str
    summary: str  #: one line
    main: Callable[[Session, Values], int]  #: returns the exit status
    options: tuple[Option, ...] = ()
    arguments: str = ""  #: for the help, such as ``CONTAINER [COMMAND...]``
    least: int = 0  #: number of arguments
    most: int | None = 0  #: None for any number
    passthrough: bool = False  #: what follows the first argument belongs to the program
    failure: int = 1  #: exit status for errors that have none of their own
    details: str = ""  #: further help
