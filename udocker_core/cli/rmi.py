"""``udocker rmi``."""

from __future__ import annotations

from udocker_core.cli.declare import Command, Option, Values
from udocker_core.cli.removal import remove_each
from udocker_core.cli.session import Session
from udocker_core.names import parse


def main(session: Session, values: Values) -> int:
    """Remove images; go on with the others when one cannot be removed."""
    store = session.images
    return remove_each(session, values["arguments"], lambda name: store.remove(parse(name)))


COMMAND = Command(
    "rmi",
    "Remove images",
    main,
    (Option(("-f", "--force"), "Accepted for udocker 1.3"),),
    arguments="IMAGE...",
    least=1,
    most=None,
    details="Layers that no other image has are deleted. Containers stay.",
)
