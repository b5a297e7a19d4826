"""``udocker protect``, and what it has in common with ``unprotect``."""

from __future__ import annotations

from udocker_core.cli.declare import Command, Values
from udocker_core.cli.session import Session
from udocker_core.errors import NotFound
from udocker_core.names import parse


def mark(session: Session, name: str, wanted: bool) -> None:
    """Protect a container or an image, or no longer.

    Raises:
        NotFound: there is neither.
    """
    store = session.containers
    if name in store:
        store.protect(store.locate(name), wanted)
        return
    try:
        session.images.protect(parse(name), wanted)
    except NotFound as error:
        hint = "see udocker ps and udocker images"
        raise NotFound(f"no such container or image: {name}", hint) from error


def main(session: Session, values: Values) -> int:
    """Protect a container or an image from removal."""
    mark(session, values["arguments"][0], wanted=True)
    return 0


COMMAND = Command(
    "protect",
    "Protect a container or an image from removal",
    main,
    arguments="CONTAINER|IMAGE",
    least=1,
    most=1,
)
