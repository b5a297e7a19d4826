"""``udocker rename``."""

from __future__ import annotations

from udocker_core.cli.declare import Command, Values
from udocker_core.cli.session import Session


def main(session: Session, values: Values) -> int:
    """Change a container's name."""
    session.containers.rename(*values["arguments"])
    return 0


COMMAND = Command(
    "rename", "Change a container's name", main, arguments="NAME NEW-NAME", least=2, most=2
)
