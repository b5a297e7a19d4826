"""``udocker install``."""

from __future__ import annotations

from udocker_core.cli.declare import Command, Option, Values
from udocker_core.cli.plugins import main as list_plugins
from udocker_core.cli.session import Session


def main(session: Session, values: Values) -> int:
    """Say what is installed. Engines are pip packages: nothing is fetched at run time."""
    return list_plugins(session, values)


COMMAND = Command(
    "install",
    "Say what is installed (nothing has to be fetched any more)",
    main,
    (
        Option(("--force",), "Accepted for udocker 1.3"),
        Option(("--purge",), "Accepted for udocker 1.3"),
    ),
    details="Engines are pip packages of their own, such as udocker-runc; pip installs them.",
)
