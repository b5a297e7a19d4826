"""``udocker pull``."""

from __future__ import annotations

from udocker_core import provision
from udocker_core.cli import acquire
from udocker_core.cli.declare import Command, Option, Values
from udocker_core.cli.options import SOURCE
from udocker_core.cli.session import Session
from udocker_core.names import parse


def main(session: Session, values: Values) -> int:
    """Bring an image into the store."""
    origin = acquire.source(session, values)
    image = provision.pull(origin, parse(values["arguments"][0]))
    acquire.check_platform(session, origin.platform, image.config)
    return 0


COMMAND = Command(
    "pull",
    "Pull an image from a registry",
    main,
    (*SOURCE, Option(("--force",), "Accepted: a pull always asks the registry", hidden=True)),
    arguments="IMAGE",
    least=1,
    most=1,
    details="An image name is [HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST]; without a host it is "
    "Docker Hub's, without a tag it is latest.",
)
