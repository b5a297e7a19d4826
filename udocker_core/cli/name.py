"""``udocker name``."""

from __future__ import annotations

from udocker_core.cli.declare import Command, Values
from udocker_core.cli.session import Session


def main(session: Session, values: Values) -> int:
    """Give a container one more name."""
    container, name = values["arguments"]
    store = session.containers
    store.add_name(store.find(container), name)
    return 0


COMMAND = Command(
    "name", "Give a container one more name", main, arguments="CONTAINER NAME", least=2, most=2
)
