"""Maps of subordinate ids (subuid(5), subgid(5)), for containers with more than one user."""

from __future__ import annotations

import os
from typing import NamedTuple

from udocker_core.binaries import host_program
from udocker_core.errors import EngineError

HINT = "ask the administrator for subordinate ids, or set runc_idmap to single"


class Range(NamedTuple):
    """Consecutive ids that a user may map."""

    first: int
    length: int


def options() -> tuple[str, ...]:
    """The launcher's options: the container's 0 is the user, 1 and up are the subordinate ids.

    Raises:
        EngineError: the user has none, or the programs that map them are missing.
    """
    names = _user_names()
    found: list[str] = []
    for kind, own in (("uid", os.geteuid()), ("gid", os.getegid())):
        helper = host_program([f"new{kind}map"])
        if not helper:
            raise EngineError(f"new{kind}map is not in PATH", "install uidmap or shadow-utils")
        table = f"/etc/sub{kind}"
        ids = subordinate(table, names)
        found += (f"--new{kind}map", helper, f"--map-{kind}", f"0:{own}:1")
        found += (f"--map-{kind}", f"1:{ids.first}:{ids.length}")
    return tuple(found)


def subordinate(path: str, names: tuple[str, ...]) -> Range:
    """The first range of a user in a file of subordinate ids.

    Args:
        path: the file.
        names: the user's name, and number as text.

    Raises:
        EngineError: it has none, or the file cannot be read.
    """
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            lines = file.read().splitlines()
    except OSError as error:
        raise EngineError(f"cannot read {path}: {error.strerror}", HINT) from error
    for line in lines:
        fields = line.split(":")
        if len(fields) == 3 and fields[0] in names and fields[1].isdigit() and fields[2].isdigit():
            return Range(int(fields[1]), int(fields[2]))
    raise EngineError(f"no subordinate ids for {names[0]} in {path}", HINT)


def _user_names() -> tuple[str, ...]:
    import pwd

    number = str(os.geteuid())
    try:
        return pwd.getpwuid(os.geteuid()).pw_name, number
    except KeyError:
        return number, number
