"""``udocker images``."""

from __future__ import annotations

import os

from udocker_core.cli.declare import Command, Option, Values
from udocker_core.cli.session import INFO, Session, printable
from udocker_core.errors import UdockerError
from udocker_core.images.store import ImageStore


def main(session: Session, values: Values) -> int:
    """List the images, in udocker 1.3's layout."""
    store = session.images
    if session.level >= INFO:
        print("REPOSITORY")
    for directory in store.tags():
        name = printable(store.name(directory))
        mark = "P" if store.protected(directory) else "."
        if values["platform"]:
            print(f"{printable(_platform(store, directory)):18.18} {mark} {name}")
        else:
            print(f"{name}    {mark}")
        if values["long"]:
            _print_files(directory)
    return 0


def _platform(store: ImageStore, directory: str) -> str:
    try:
        return store.load(directory).platform
    except UdockerError:
        return "unknown/unknown"


def _print_files(directory: str) -> None:
    print(f" {printable(directory)}")
    for entry in sorted(os.listdir(directory)):
        path = os.path.join(directory, entry)
        if os.path.islink(path):
            size = os.path.getsize(path) // (1024 * 1024) if os.path.exists(path) else 0
            print(f"    /{printable(entry)} ({size} MB)")


COMMAND = Command(
    "images",
    "List images",
    main,
    (
        Option(("-l", "--long"), "Show where each image lies, and its layers"),
        Option(("-p", "--platform"), "Show each image's platform"),
        Option(("--no-trunc",), "Accepted: nothing is cut", hidden=True),
        Option(("-a", "--all"), "Accepted: all are listed", hidden=True),
    ),
)
