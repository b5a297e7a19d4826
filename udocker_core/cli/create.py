"""``udocker create``."""

from __future__ import annotations

from udocker_core.cli import acquire
from udocker_core.cli.declare import Command, Option, Values
from udocker_core.cli.options import PULL_POLICIES, SOURCE, check_policy
from udocker_core.cli.session import Session


def main(session: Session, values: Values) -> int:
    """Make a container and print its id."""
    policy = check_policy(values["pull"], PULL_POLICIES)
    name = values["name"]
    if values["force"] and name in session.containers:
        session.warn(f"container name already exists: {name}; the new container has no name")
        name = ""
    container = acquire.container(session, values, values["arguments"][0], name, policy)
    print(container.id)
    return 0


COMMAND = Command(
    "create",
    "Make a container from an image",
    main,
    (
        Option(("--name",), "Name the container", "NAME"),
        Option(("--force",), "Create it even if the name is taken, without the name"),
        Option(("--pull",), "When to pull the image: missing, never, always", "WHEN"),
        *SOURCE,
    ),
    arguments="IMAGE",
    least=1,
    most=1,
    details="The image is pulled if it is not here. Prints the id of the container.",
)
