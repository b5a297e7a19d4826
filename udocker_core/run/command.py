"""Which program runs: entrypoint, command, and where its executable is."""

from __future__ import annotations

import posixpath
import stat

from udocker_core.containers import rootfs
from udocker_core.errors import CommandNotExecutable, CommandNotFound
from udocker_core.model import Bind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any


def words(value: object) -> list[str]:
    """An image's Entrypoint or Cmd as a list; old images have a string."""
    if isinstance(value, str):
        return value.split()
    if isinstance(value, list):
        return [item for item in value if isinstance(item, str)]
    return []


def choose(
    config: Mapping[str, Any],
    entrypoint: str | None,
    arguments: Sequence[str],
    fallback: Sequence[str],
) -> tuple[str, ...]:
    """The argument vector, by docker's rules.

    Args:
        config: the image's runtime configuration, empty for ``--nometa``.
        entrypoint: ``--entrypoint``, split at blanks; empty for none at all; None when not given.
        arguments: what follows the container on the command line.
        fallback: the command when there is nothing to run.
    """
    if entrypoint is None:
        argv = words(config.get("Entrypoint")) + (list(arguments) or words(config.get("Cmd")))
    else:
        argv = entrypoint.split() + list(arguments)
    return tuple(argv or fallback)


def executable(
    root: str, binds: Sequence[Bind], name: str, path: str, cwd: str
) -> str:
    """The absolute path, in the container, of the program that `name` starts.

    Args:
        path: the program's PATH; an empty element is the working directory (POSIX, 8.3).
        cwd: the working directory in the container.

    Raises:
        CommandNotFound: there is no such file.
        CommandNotExecutable: there is one, and it is a directory or has no execute bit.
    """
    if "/" in name:
        candidates = [name]
    else:
        candidates = [f"{element or '.'}/{name}" for element in path.split(":")]
    refused: rootfs.Place | None = None
    for candidate in candidates:
        place = rootfs.locate(root, binds, candidate, cwd)
        if place is None:
            continue
        if stat.S_ISREG(place.status.st_mode) and place.status.st_mode & 0o111:
            return posixpath.join(cwd, candidate)
        refused = refused or place
    if refused:
        fault = "is a directory" if stat.S_ISDIR(refused.status.st_mode) else "has no execute bit"
        raise CommandNotExecutable(f"command {fault}: {name}", "name an executable file")
    where = "in the container" if "/" in name else f"in the container's PATH ({path})"
    raise CommandNotFound(f"command not found {where}: {name}", "check the image and the command")
