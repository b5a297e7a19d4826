"""``udocker import``."""

from __future__ import annotations

from udocker_core import platform
from udocker_core.cli.declare import Command, Option, Values
from udocker_core.cli.input import open_input
from udocker_core.cli.session import Session
from udocker_core.containers import imported
from udocker_core.errors import UsageError
from udocker_core.images import rootfs
from udocker_core.names import parse

_NAMELESS = "imported:unknown"


def main(session: Session, values: Values) -> int:
    """Make an image, or a container, of a tar file."""
    path, *rest = values["arguments"]
    reference = parse(rest[0] if rest else _NAMELESS)
    if reference.digest:
        raise UsageError(
            f"import: {reference.familiar} has a digest, which another image has",
            "give a name and a tag, such as mine:1",
        )
    wanted = platform.parse(values["platform"]) if values["platform"] else platform.host()
    to_container = values["tocontainer"] or values["clone"]
    if not rest and not to_container:
        raise UsageError("import: missing argument: IMAGE", "name the image, such as mine:1")
    with open_input(path) as (raw, source):
        if not to_container:
            moved = path if values["mv"] and path != "-" else ""
            rootfs.import_image(session.images, raw, source, reference, wanted, moved)
            return 0
        make = imported.from_clone if values["clone"] else imported.from_rootfs
        config = rootfs.configuration(wanted, [])
        name = values["name"]
        print(make(session.containers, raw, source, config, reference.familiar, name).id)
    return 0


COMMAND = Command(
    "import",
    "Make an image or a container of a tar file with a file system",
    main,
    (
        Option(("--mv",), "Move the file into the store"),
        Option(("--tocontainer",), "Make a container, not an image, and print its id"),
        Option(("--clone",), "The same, from what export --clone wrote"),
        Option(("--name",), "Name the container", "NAME"),
        Option(("--platform",), "What the image is for", "OS/ARCH[/VARIANT]"),
    ),
    arguments="FILE|- [IMAGE]",
    least=1,
    most=2,
)
