"""``udocker version``."""

from __future__ import annotations

from udocker_core import __version__
from udocker_core.cli.declare import Command, Values
from udocker_core.cli.session import Session


def main(session: Session, values: Values) -> int:
    """Print the version."""
    print(f"version: {__version__}")
    return 0


COMMAND = Command("version", "Print the version", main)
