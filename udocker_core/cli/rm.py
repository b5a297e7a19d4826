"""``udocker rm``."""

from __future__ import annotations

from udocker_core.cli.declare import Command, Option, Values
from udocker_core.cli.removal import remove_each
from udocker_core.cli.session import Session


def main(session: Session, values: Values) -> int:
    """Remove containers; go on with the others when one cannot be removed."""
    store = session.containers
    return remove_each(
        session, values["arguments"], lambda name: store.remove(store.locate(name))
    )


COMMAND = Command(
    "rm",
    "Remove containers",
    main,
    (Option(("-f", "--force"), "Accepted: read-only directories are always removed"),),
    arguments="CONTAINER...",
    least=1,
    most=None,
)
