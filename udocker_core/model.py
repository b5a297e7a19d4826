"""The values that flow between the core, the engines and the plugins.

All are immutable named tuples: build them once, change them with ``_replace``. They are named
tuples, not dataclasses, because importing ``dataclasses`` costs more than all the rest of the
run path (docs/adr/0005). Paths are ``str`` decoded with :func:`os.fsdecode`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, NamedTuple
else:
    from udocker_core.namedtuple import NamedTuple



class Bind(NamedTuple):
    """A file or directory of the host that appears inside the container."""

    source: str  #: absolute path on the host
    target: str  #: absolute path in the container
    read_only: bool = False


class Device(NamedTuple):
    """A device node of the host that appears inside the container."""

    source: str  #: absolute path on the host
    target: str  #: absolute path in the container


class Port(NamedTuple):
    """A published port (``-p``)."""

    host: int  #: port on the host, 0 for any
    container: int
    address: str = ""  #: address on the host to listen on, empty for all
    protocol: str = "tcp"


class User(NamedTuple):
    """The user that the program runs as, in the container's own ids."""

    name: str = "root"
    uid: int = 0
    gid: int = 0
    gids: tuple[int, ...] = ()  #: supplementary groups
    home: str = "/root"
    shell: str = "/bin/sh"


class DataFile(NamedTuple):
    """A file that udocker makes up for one run, such as a patched ``/etc/passwd``."""

    name: str  #: unique in its plan: letters, digits, ``-`` and ``.``
    content: bytes
    target: str = ""  #: absolute path in the container; empty: not shown there
    mode: int = 0o644


class Container(NamedTuple):
    """A container of the store."""

    id: str
    directory: str  #: its directory in the store
    root: str  #: host path of its root file system
    names: tuple[str, ...] = ()
    image: str = ""  #: the image that it was made from, as ``repo:tag``
    mode: str = ""  #: the execmode set by ``setup``, empty for the default
    config: Mapping[str, Any] = {}  #: the image's configuration (OCI image-spec, config.md)
    settings: Mapping[str, Any] = {}  #: what ``udocker_setup`` returned, by plugin name


class Capabilities(NamedTuple):
    """What an engine can do. Plugins ask for these, never for an engine's name."""

    file_binds: bool = True
    read_only_binds: bool = False
    devices: bool = False  #: ``--device``; engines that show all of the host's /dev say True
    ports: bool = False  #: ``--publish``
    hostname: bool = False
    any_user: bool = False  #: programs see the requested uid, root too
    read_only_root: bool = False
    kernel_release: bool = False  #: ``--kernel``


class RunSpec(NamedTuple):
    """What docker would understand of one ``run``; no engine's name is in it."""

    root: str  #: host path of the root file system
    argv: tuple[str, ...]  #: argv[0] as the user or the image wrote it
    executable: str  #: absolute path of argv[0]'s program inside the container
    env: Mapping[str, str]  #: exactly the program's environment
    cwd: str = "/"
    user: User = User()
    hostname: str = ""  #: empty: the host's
    binds: tuple[Bind, ...] = ()
    devices: tuple[Device, ...] = ()
    ports: tuple[Port, ...] = ()
    files: tuple[DataFile, ...] = ()
    tmpfs: tuple[str, ...] = ()  #: container paths
    kernel: str = ""  #: ``--kernel``: the release that uname(2) answers, empty for the host's
    cpuset: str = ""  #: ``--cpuset-cpus``: CPU list, empty for all
    read_only_root: bool = False
    terminal: bool = False  #: standard input and output are a terminal
    sysdirs: bool = True  #: /dev, /proc and /sys are wanted (no ``--nosysdirs``)


class Contribution(NamedTuple):
    """What a plugin adds to a run."""

    binds: tuple[Bind, ...] = ()
    devices: tuple[Device, ...] = ()
    env: Mapping[str, str] = {}


class LaunchPlan(NamedTuple):
    """What the kernel will be asked to execute: pure data.

    ``argv``, ``env`` values and the content of ``files`` may hold the tokens that
    :func:`file_path` and :func:`file_descriptor` make. Launch replaces them by the path of the
    file in a private directory that lives as long as the run, or by the number of an inherited
    descriptor to read it from. A plan that only uses descriptors leaves nothing to undo, so
    launch is a plain ``execve``.
    """

    argv: tuple[str, ...]  #: argv[0] is the absolute host path of the program to execute
    env: Mapping[str, str]
    cwd: str = "/"  #: host directory
    files: tuple[DataFile, ...] = ()
    cpuset: str = ""  #: CPU list for sched_setaffinity(2)
    #: container paths that must exist in the root as mount points before the start: path -> True
    #: for a directory, False for a file. The core makes and records them, safely.
    mount_points: Mapping[str, bool] = {}


class Probe(NamedTuple):
    """Whether a mode can run on this host."""

    ok: bool
    reason: str  #: why not; or, when ok, what will be used (program and version)


def file_path(name: str) -> str:
    """The token for the path of the :class:`DataFile` called `name`. No argv can hold a NUL."""
    return f"\0path:{name}\0"


def file_descriptor(name: str) -> str:
    """The token for an inherited descriptor to read the :class:`DataFile` `name` from."""
    return f"\0fd:{name}\0"
