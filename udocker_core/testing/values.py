"""Specs, and what trees hold, for the tests of engines."""

from __future__ import annotations

import hashlib
import os
import stat
from typing import Any

from udocker_core.hooks import Hooks
from udocker_core.model import (
    Bind,
    Capabilities,
    Container,
    DataFile,
    Device,
    LaunchPlan,
    RunSpec,
    User,
)


def specs(root: str, directory: str, capabilities: Capabilities) -> list[RunSpec]:
    """Specs of many kinds, within what the engine can do. Binds are from `directory`."""
    touch(f"{directory}/data/file", b"")
    volumes = (Bind(f"{directory}/data", "/mnt/data"), Bind(f"{directory}/data/file", "/mnt/file"))
    plain = plain_spec(root, "/bin/echo", "the last")
    found = [
        plain,
        plain._replace(env={}, sysdirs=False),
        plain._replace(cwd="/tmp", cpuset="0", terminal=True),
        plain._replace(files=(DataFile("passwd", b"root:x:0:0::/:\n", "/etc/passwd"),)),
        plain._replace(argv=("echo", "--", "-- é"), env={"A": "é", "B": ""}),
        plain._replace(tmpfs=("/scratch",)),
        plain._replace(binds=volumes),
    ]
    if capabilities.read_only_binds:
        found.append(plain._replace(binds=tuple(b._replace(read_only=True) for b in volumes)))
    if capabilities.any_user:
        found.append(plain._replace(user=User("u", 1000, 100, (100, 101), "/home/u")))
    if capabilities.hostname:
        found.append(plain._replace(hostname="inside"))
    if capabilities.devices:
        found.append(plain._replace(devices=(Device("/dev/null", "/dev/none"),)))
    if capabilities.read_only_root:
        found.append(plain._replace(read_only_root=True))
    return found


def snapshot(directory: str) -> list[tuple[object, ...]]:
    """All that a tree holds: names, kinds, modes, owners, times and content."""
    found: list[tuple[object, ...]] = []
    for parent, directories, files in os.walk(directory):
        for name in sorted([*directories, *files]):
            path = os.path.join(parent, name)
            status = os.lstat(path)
            content: object = None
            if stat.S_ISREG(status.st_mode):
                with open(path, "rb") as file:
                    content = hashlib.sha256(file.read()).digest()
            elif stat.S_ISLNK(status.st_mode):
                content = os.readlink(path)
            found.append((path, status.st_mode, status.st_uid, status.st_gid, status.st_mtime_ns,
                          content))
    return sorted(found, key=lambda entry: str(entry[0]))


def touch(path: str, content: bytes) -> None:
    """Write a file, and make its directory."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)


def plain_spec(root: str, *argv: str) -> RunSpec:
    """A program, /bin/true if none is given, and nothing special."""
    argv = argv or ("/bin/true",)
    env = {"PATH": "/bin", "HOME": "/root", "PS1": "# "}
    return RunSpec(root=root, argv=argv, executable=argv[0], env=env)


def container_of(root: str) -> Container:
    """A container whose root is `root`."""
    return Container("0123456789abcdef", os.path.dirname(root), root)


def plan_of(plugin: Any, spec: RunSpec, container: Container | None = None) -> LaunchPlan:
    """The engine's plan for `spec`."""
    arguments = {"container": container or container_of(spec.root), "spec": spec}
    plan: LaunchPlan = call_hook(plugin, "udocker_run", **arguments)
    return plan


def call_hook(plugin: Any, hook: str, **arguments: Any) -> Any:
    """Call a hook of one plugin as the core does; None if it has nothing to say."""
    result = Hooks([plugin]).call(hook, **arguments)
    if isinstance(result, list):
        return result[0] if result else None
    return result
