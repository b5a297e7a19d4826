"""Looking into a container's root from outside, as the container would see it.

Nothing that an image says leads out of its root: links are followed here, component by component,
and never by the kernel.
"""

from __future__ import annotations

import os
import stat

from udocker_core import files
from udocker_core.model import Bind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import NamedTuple
else:
    from udocker_core.namedtuple import NamedTuple

#: As the kernel's own limit (path_resolution(7)).
_MAX_LINKS = 40


class Place(NamedTuple):
    """Where a path of the container really is."""

    path: str  #: the path in the container, without links
    host: str  #: the same place on the host
    status: os.stat_result


def locate(root: str, binds: Sequence[Bind], path: str, cwd: str = "/") -> Place | None:
    """Find `path` as a process in the container would.

    Args:
        root: host path of the root file system.
        binds: what is mounted over it.
        path: a path in the container; a relative one starts at `cwd`.

    Returns:
        The place, or None if there is no such path (or its links go in a circle).
    """
    sources = {bind.target.rstrip("/"): bind.source for bind in binds}
    todo = [name for name in (cwd + "/" + path if path[:1] != "/" else path).split("/") if name]
    if "\0" in path:
        return None
    todo.reverse()
    done: list[str] = []
    links = 0
    while todo:
        name = todo.pop()
        if name == ".":
            continue
        if name == "..":
            del done[-1:]
            continue
        done.append(name)
        host = _host_path(root, sources, done)
        here = "/" + "/".join(done)
        try:
            status = os.stat(host) if here in sources else os.lstat(host)
            if stat.S_ISLNK(status.st_mode):
                links += 1
                if links > _MAX_LINKS:
                    return None
                target = os.readlink(host)
                done.pop()
                if target.startswith("/"):
                    done.clear()
                todo.extend(part for part in reversed(target.split("/")) if part)
                continue
        except OSError:
            if not _leads_to_bind(here, sources):
                return None
            continue
        if todo and not stat.S_ISDIR(status.st_mode):
            return None
    host = _host_path(root, sources, done)  # no link is left in it
    path = "/" + "/".join(done)
    exists = not _leads_to_bind(path, sources) or os.path.isdir(host)
    return Place(path, host, os.stat(host if exists else root))


def read(root: str, path: str, limit: int = 1 << 20) -> bytes | None:
    """The content of a regular file of the container, or None if it is missing or anything else.

    Args:
        limit: bytes; a larger file is treated as missing.
    """
    place = locate(root, (), path)
    if place is None:
        return None
    directory, _, name = place.path.rpartition("/")
    try:
        fd = files.open_below(root, directory)  # a running container may change what is there
    except OSError:
        return None
    try:
        return files.read_regular(name, limit, fd)
    finally:
        os.close(fd)


def _leads_to_bind(path: str, sources: Mapping[str, str]) -> bool:
    """Whether something is mounted below `path`, which will be made if the image lacks it."""
    return any(target.startswith(path.rstrip("/") + "/") for target in sources)


def _host_path(root: str, sources: Mapping[str, str], parts: Sequence[str]) -> str:
    for count in range(len(parts), 0, -1):
        source = sources.get("/" + "/".join(parts[:count]))
        if source is not None:
            return "/".join((source, *parts[count:]))
    return "/".join((root, *parts))
