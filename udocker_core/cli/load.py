"""``udocker load``."""

from __future__ import annotations

from udocker_core.cli.declare import Command, Option, Values
from udocker_core.cli.input import open_input
from udocker_core.cli.session import Session, printable
from udocker_core.images import archive


def main(session: Session, values: Values) -> int:
    """Store the images of an archive and print their names."""
    name = values["arguments"][0] if values["arguments"] else ""
    with open_input(values["input"]) as (raw, source):
        for loaded in archive.load(session.images, raw, source, name):
            print(printable(loaded))
    return 0


COMMAND = Command(
    "load",
    "Load images from a docker archive or OCI archive",
    main,
    (Option(("-i", "--input"), "The archive; - or nothing for standard input", "FILE", unset="-"),),
    arguments="[IMAGE]",
    most=1,
    details="Prints the names of the images. IMAGE names the one image of an archive.",
)
