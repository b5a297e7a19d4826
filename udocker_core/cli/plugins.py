"""``udocker plugins``."""

from __future__ import annotations

from udocker_core.cli.declare import Command, Values
from udocker_core.cli.session import Session
from udocker_core.entrypoints import ENGINES, PLUGINS, find
from udocker_core.plugins import permitted


def main(session: Session, values: Values) -> int:
    """List every engine and plugin, who provides it, and whether it may be used."""
    print(f"{'NAME':12} {'KIND':8} {'PROVIDED BY':28} STATUS")
    for group, kind in ((ENGINES, "engine"), (PLUGINS, "plugin")):
        entries = find(group)
        usable = permitted(entries, session.config)
        for entry in sorted(entries):
            provider = f"{entry.distribution} {entry.version}"
            status = "available" if entry in usable else "disabled by the configuration"
            clashes = [e for e in usable if e.name == entry.name and e != entry]
            if clashes and entry in usable:
                status = f"conflicts with {clashes[0].distribution}"
            print(f"{entry.name:12} {kind:8} {provider:28} {status}")
    return 0


COMMAND = Command("plugins", "List the installed engines and plugins", main)
