"""``udocker rmname``."""

from __future__ import annotations

from udocker_core.cli.declare import Command, Values
from udocker_core.cli.session import Session


def main(session: Session, values: Values) -> int:
    """Take a name from its container, which stays."""
    session.containers.remove_name(values["arguments"][0])
    return 0


COMMAND = Command(
    "rmname", "Take a name from a container", main, arguments="NAME", least=1, most=1
)
