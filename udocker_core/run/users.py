"""Who the program runs as: ``--user``, the image's User, and the passwd file it will see."""

from __future__ import annotations

import os

from udocker_core.containers import rootfs
from udocker_core.errors import UsageError
from udocker_core.model import DataFile, User

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NamedTuple
else:
    from udocker_core.namedtuple import NamedTuple

PASSWD = "/etc/passwd"  # noqa: S105
GROUP = "/etc/group"
_LARGEST_ID = (1 << 32) - 2
_DIGITS = frozenset("0123456789")  # str.isdigit() accepts more than int() reads


class HostUser(NamedTuple):
    """The caller."""

    uid: int
    gid: int


class _Entry(NamedTuple):
    name: str
    uid: int
    gid: int
    home: str
    shell: str


def resolve(
    request: str,
    root: str,
    host: HostUser,
    host_auth: bool = False,
    container_auth: bool = False,
) -> tuple[User, tuple[DataFile, ...]]:
    """Find the user, and make the passwd and group files that know it.

    Args:
        request: ``--user`` or the image's User: name, uid, ``name:group`` or ``uid:gid``; empty
            for root.
        root: host path of the container's root.
        host: the caller, whose ids an unknown name gets.
        host_auth: use the host's passwd and group (``--hostauth``).
        container_auth: use the container's and do not change them (``--containerauth``).

    Raises:
        UsageError: bad syntax; or an unknown name with `host_auth` or `container_auth`.
    """
    name, _, group = (request or "0").partition(":")
    passwd = _read("/", PASSWD) if host_auth else _read(root, PASSWD)
    groups = _read("/", GROUP) if host_auth else _read(root, GROUP)
    if not name or any(character in name for character in "\0\n:/"):
        raise UsageError(f"invalid syntax for user: {request}", "give NAME, UID or UID:GID")
    uid = _number(name, request) if _is_number(name) else None
    entry = _find(_entries(passwd), name, uid)
    if entry is None and name in ("0", "root"):
        entry = _Entry("root", 0, 0, "/root", "/bin/sh")
        known = True  # every program knows root; do not invent a passwd file for it
    else:
        known = entry is not None
    if entry is None:
        if uid is None and (host_auth or container_auth):
            where = "on the host" if host_auth else "in the container"
            raise UsageError(f"user not found {where}: {name}", "use a uid, or another user")
        ids = host if uid is None else (uid, 0)
        entry = _Entry(name, *ids, "/", "/bin/sh")
    gid = _group(group, groups, request) if group else entry.gid
    user = User(entry.name, entry.uid, gid, _supplementary(groups, entry.name), entry.home,
                entry.shell)
    if container_auth:
        return user, ()
    return user, _files(user, known, passwd, groups, host_auth)


def _files(
    user: User, known: bool, passwd: bytes | None, groups: bytes | None, host_auth: bool
) -> tuple[DataFile, ...]:
    """The files to show in the container: none when its own say all there is to say."""
    made: list[DataFile] = []
    if host_auth or not known:
        line = b"" if known else os.fsencode(
            f"{user.name}:x:{user.uid}:{user.gid}:udocker:{user.home}:{user.shell}\n"
        )
        made.append(DataFile("passwd", _lines(passwd) + line, PASSWD))
    has_group = any(fields[2:3] == [str(user.gid)] for fields in _fields(groups))
    if host_auth or not (has_group or known):
        line = b"" if has_group else os.fsencode(f"G{user.gid}:x:{user.gid}:{user.name}\n")
        made.append(DataFile("group", _lines(groups) + line, GROUP))
    return tuple(made)


def _lines(content: bytes | None) -> bytes:
    content = content or b""
    return content if not content or content.endswith(b"\n") else content + b"\n"


def _read(root: str, path: str) -> bytes | None:
    return rootfs.read(root, path)


def _fields(content: bytes | None) -> list[list[str]]:
    return [os.fsdecode(line).split(":") for line in (content or b"").splitlines()]


def _entries(passwd: bytes | None) -> list[_Entry]:
    return [
        _Entry(fields[0], int(fields[2]), int(fields[3]), fields[5] or "/", fields[6] or "/bin/sh")
        for fields in _fields(passwd)
        if len(fields) == 7 and _is_id(fields[2]) and _is_id(fields[3])
    ]


def _find(entries: Sequence[_Entry], name: str, uid: int | None) -> _Entry | None:
    for entry in entries:
        if entry.name == name:
            return entry
    return next((entry for entry in entries if entry.uid == uid), None)


def _group(text: str, groups: bytes | None, request: str) -> int:
    if _is_number(text):
        return _number(text, request)
    for fields in _fields(groups):
        if fields[0] == text and len(fields) > 2 and _is_id(fields[2]):
            return int(fields[2])
    raise UsageError(f"group not found: {text}", "use a gid, or another group")


def _supplementary(groups: bytes | None, name: str) -> tuple[int, ...]:
    return tuple(
        int(fields[2])
        for fields in _fields(groups)
        if len(fields) > 3 and _is_id(fields[2]) and name in fields[3].split(",")
    )


def _is_number(text: str) -> bool:
    return bool(text) and _DIGITS.issuperset(text)


def _is_id(text: str) -> bool:
    return _is_number(text) and len(text) <= len(str(_LARGEST_ID)) and int(text) <= _LARGEST_ID


def _number(text: str, request: str) -> int:
    if not _is_id(text):
        raise UsageError(f"invalid syntax for user: {request}", "ids are at most 4294967294")
    return int(text)
