"""``udocker unprotect``."""

from __future__ import annotations

from udocker_core.cli.declare import Command, Values
from udocker_core.cli.protect import mark
from udocker_core.cli.session import Session


def main(session: Session, values: Values) -> int:
    """Let a container or an image be removed again."""
    mark(session, values["arguments"][0], wanted=False)
    return 0


COMMAND = Command(
    "unprotect",
    "Let a container or an image be removed again",
    main,
    arguments="CONTAINER|IMAGE",
    least=1,
    most=1,
)
