"""Removing several things: what rm and rmi have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from udocker_core.cli.session import MESSAGE, Session, printable
from udocker_core.errors import UdockerError


def remove_each(session: Session, names: Sequence[str], remove: Callable[[str], object]) -> int:
    """Remove each, print its name, and go on with the others when one cannot be removed.

    Returns:
        the exit status: 1 if one could not be removed.
    """
    status = 0
    for name in names:
        try:
            remove(name)
        except UdockerError as error:
            session.error(error)
            status = 1
        else:
            if session.level > MESSAGE:
                print(printable(name))
    return status
