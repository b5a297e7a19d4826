"""``udocker setup``."""

from __future__ import annotations

from udocker_core import engines, execution
from udocker_core.cli.declare import Command, Option, Values
from udocker_core.cli.session import Session


def main(session: Session, values: Values) -> int:
    """Show or change how a container is executed."""
    store = session.containers
    container = store.find(values["arguments"][0])
    if not values["execmode"]:
        print(f"execmode: {container.mode or engines.default_mode(session.config)}")
        return 0
    mode = values["execmode"].upper()
    execution.change_mode(store, container, mode, session.config, values["force"])
    return 0


COMMAND = Command(
    "setup",
    "Show or change how a container is executed",
    main,
    (
        Option(("--execmode",), "The execution mode, such as R1", "MODE"),
        Option(("--force",), "Set it up anew even if it is in that mode"),
    ),
    arguments="CONTAINER",
    least=1,
    most=1,
    details="Without options it prints the mode. udocker doctor tells which modes work here.",
)
