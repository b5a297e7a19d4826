"""``udocker setup``."""

from __future__ import annotations

from udocker_core import engines, execution
from udocker_core.cli.declare import Command, Option, Values
from udocker_core.cli.session import Session
from udocker_core.containers import legacy, mountpoints, permissions
from udocker_core.errors import UsageError

_NVIDIA = "nvidia"  # the option's name; the plugin is found by its entry point


def main(session: Session, values: Values) -> int:
    """Show or change how a container is executed."""
    if values["execmode"] == "":
        raise UsageError("setup: the execution mode is empty", "see udocker doctor")
    store = session.containers
    container = store.find(values["arguments"][0])
    if values["purge"]:
        legacy.restore_bound_files(container)
        mountpoints.purge(container)
    if values["fixperm"]:
        permissions.repair(container)
    if values["execmode"] is not None:
        mode = values["execmode"].upper()
        execution.change_mode(store, container, mode, session.config, values["force"])
    if values["nvidia"]:
        container = store.find(container.id)
        execution.enable_plugin(store, container, _NVIDIA, session.config, values["force"])
    if not any(values[key] for key in ("purge", "fixperm", "execmode", "nvidia")):
        print(f"execmode: {engines.mode_of(container, session.config)}")
        print(f"nvidiamode: {_NVIDIA in container.settings.get(execution.PLUGINS, {})}")
    return 0


COMMAND = Command(
    "setup",
    "Show or change how a container is executed",
    main,
    (
        Option(("--execmode",), "The execution mode, such as R1", "MODE", unset=None),
        Option(("--force",), "Set it up anew even if it is in that mode"),
        Option(("--purge",), "Remove the mount points that runs have made"),
        Option(("--fixperm",), "Give the owner access to all files"),
        Option(("--nvidia",), "Use the host's NVIDIA driver (needs the plugin nvidia)"),
    ),
    arguments="CONTAINER",
    least=1,
    most=1,
    details="Without options it prints the mode. udocker doctor tells which modes work here.",
)
