"""``-v``: texts of volumes to binds."""

from __future__ import annotations

import os
import posixpath

from udocker_core.errors import UsageError
from udocker_core.model import Bind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

#: The options of docker's and podman's -v. Those that only matter to their storage do nothing.
_STREAMS = ("/dev/stdin", "/dev/stdout", "/dev/stderr", "/dev/fd")
_STORAGE = ("z", "Z", "U", "cached", "delegated", "consistent", "nocopy", "bind", "rbind")
_PROPAGATION = ("private", "rprivate", "shared", "rshared", "slave", "rslave")
_OPTIONS = frozenset(("ro", "rw", *_STORAGE, *_PROPAGATION))


def parse(text: str) -> Bind:
    """One volume: ``HOST``, ``HOST:CONTAINER`` or ``HOST:CONTAINER:OPTIONS``.

    A colon in a path is allowed where it leaves no doubt: the split is where the left side exists
    on the host and the right side is absolute.

    Raises:
        UsageError: a side is not absolute, the host's does not exist, the container's is ``/``, or
            an option is unknown.
    """
    parts = text.split(":")
    options: list[str] = []
    if len(parts) > 1 and parts[-1] and _OPTIONS.issuperset(parts[-1].split(",")):
        options = parts.pop().split(",")
    source, target = _split(parts)
    source = posixpath.normpath(source) if source else ""
    if not source.startswith("/") or not os.path.exists(source):
        raise UsageError(
            f"invalid host volume path: {source or text}",
            "the path must be absolute and exist on the host",
        )
    if not target.startswith("/") or posixpath.normpath(target).strip("/") == "":
        raise UsageError(
            f"invalid container volume path: {target}", "the path must be absolute and not /"
        )
    option = target.rpartition(":")[2]
    if not options and ":" in target and ":" not in source and "/" not in option:
        raise UsageError(f"invalid volume option {option!r}: {text}", "such as ro or rw")
    target = "/" + posixpath.normpath(target).lstrip("/")
    return Bind("/" + source.lstrip("/"), target, read_only="ro" in options)


def _split(parts: Sequence[str]) -> tuple[str, str]:
    if len(parts) == 1 or parts[1:] == [""]:
        return parts[0], parts[0]
    for count in range(1, len(parts)):
        left, right = ":".join(parts[:count]), ":".join(parts[count:])
        if right.startswith("/") and os.path.exists(left):
            return left, right
    whole = ":".join(parts)
    if os.path.exists(whole):
        return whole, whole
    return parts[0], ":".join(parts[1:])


def is_standard_stream(source: str, target: str) -> bool:
    """Whether this would mount a link to the program's own descriptors over the same link.

    Clients pass ``--device=/dev/stdin`` and ``-v /proc/self/fd/1:/dev/stdout``; every engine's
    /dev has these links already, and they lead to the program's descriptors, not to ours.
    """
    return target in _STREAMS and (source in _STREAMS or source.startswith("/proc/self/fd"))


def without(binds: Sequence[Bind], excluded: Sequence[str]) -> tuple[list[Bind], list[str]]:
    """Drop the volumes that ``--novol`` names by host path or by their whole text.

    Returns:
        the binds that are left, and the exclusions that matched nothing.
    """
    unknown = set(excluded)
    kept = []
    for bind in binds:
        matches = {bind.source, f"{bind.source}:{bind.target}"} & set(excluded)
        unknown -= matches
        if not matches:
            kept.append(bind)
    return kept, sorted(unknown)
