"""``udocker help``."""

from __future__ import annotations

from udocker_core.cli import table
from udocker_core.cli.declare import Command, Values
from udocker_core.cli.main import GENERAL
from udocker_core.cli.session import Session
from udocker_core.errors import UsageError


def main(session: Session, values: Values) -> int:
    """Print the list of commands, or one command's help."""
    if values["arguments"]:
        name = values["arguments"][0]
        if name not in table.COMMANDS:
            raise UsageError(f"no such command: {name}", "see udocker help")
        from udocker_core.cli import full

        full.parse(table.load(name), ["--help"])
    print("Usage: udocker [OPTION...] COMMAND [ARGUMENT...]\n")
    print("Run docker and OCI images as an ordinary user.\n\nCommands:")
    for name, (_, summary) in table.COMMANDS.items():
        print(f"  {name:10} {summary}")
    print("\nOptions, before the command:")
    for option in GENERAL:
        names = ", ".join(option.names) + (f" {option.metavar}" if option.metavar else "")
        print(f"  {names:15} {option.help}")
    print("\nudocker COMMAND --help tells more about each.")
    return 0


COMMAND = Command(
    "help", "Print this help, or that of a command", main, arguments="[COMMAND]", most=1
)
