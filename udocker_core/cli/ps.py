"""``udocker ps``."""

from __future__ import annotations

import os

from udocker_core.cli.declare import Command, Option, Values
from udocker_core.cli.session import Session, printable
from udocker_core.containers.store import ContainerStore
from udocker_core.errors import UdockerError
from udocker_core.model import Container
from udocker_core.platform import normal


def main(session: Session, values: Values) -> int:
    """List the containers, in udocker 1.3's layout."""
    store = session.containers
    mode = "MOD " if values["mode"] else ""
    size = "SIZE " if values["size"] else ""
    platform = f"{'PLATFORM':18} " if values["platform"] else ""
    print(f"{'CONTAINER ID':36} P M {mode}{size}{platform}{'NAMES':18} {'IMAGE':20}")
    for container in store:
        print(_row(session, store, container, values))
    return 0


def _row(
    session: Session, store: ContainerStore, container: Container, values: Values
) -> str:
    columns = [
        f"{container.id:36.36}",
        "P" if store.is_protected(container) else ".",
        _state(container),
    ]
    if values["mode"]:
        columns.append(f"{printable(_mode(session, container)):2.2}")
    if values["size"]:
        columns.append(f"{_megabytes(container.root):5}")
    if values["platform"]:
        columns.append(f"{printable(_platform(container)):18.18}")
    names = printable(str(list(container.names))) if container.names else ""
    image = printable(container.image)
    return " ".join([*columns, f"{names:18.100}", f"{image:20.100}"])


def _state(container: Container) -> str:
    if not os.path.lexists(container.root):
        return "N"
    if not os.path.isdir(container.root):
        return "D"
    return "W" if os.access(container.root, os.W_OK) else "R"


def _mode(session: Session, container: Container) -> str:
    from udocker_core import engines

    try:
        return engines.mode_of(container, session.config)
    except UdockerError:
        return "??"


def _platform(container: Container) -> str:
    system, architecture = container.config.get("os"), container.config.get("architecture")
    if not system or not architecture:
        return "unknown/unknown"
    return str(normal(str(system), str(architecture), str(container.config.get("variant") or "")))


def _megabytes(root: str) -> int:
    """The space that a tree takes on its file system, in MB, rounded up as du(1) does."""
    blocks = 0
    seen: set[int] = set()
    for _, _, names, fd in os.fwalk(root):
        for name in [".", *names]:
            status = os.stat(name, dir_fd=fd, follow_symlinks=False)
            if status.st_ino not in seen:
                seen.add(status.st_ino)
                blocks += status.st_blocks
    return -(-blocks * 512 // (1024 * 1024))


COMMAND = Command(
    "ps",
    "List containers",
    main,
    (
        Option(("-m", "--mode"), "Show the execution modes"),
        Option(("-s", "--size"), "Show the sizes in MB"),
        Option(("-p", "--platform"), "Show the platforms"),
        Option(("-a", "--all"), "Accepted: all are listed", hidden=True),
    ),
    details="Column P: P for protected. Column M: W writable, R read-only, N no root file "
    "system, D the root is not a directory.",
)
