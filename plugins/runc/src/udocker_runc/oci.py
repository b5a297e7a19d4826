"""The same run by the host's runc, crun or another OCI runtime.

The runtime is started by our launcher, in a namespace that shows all of the host's files. That
gives what the runtimes do not have: nothing survives when the front process is killed; the bundle
needs no directory on disk; crun does not see control groups that it cannot work with. In the
container our launcher is process 1, so that a program without a handler for SIGTERM ends by it.

The configuration follows the OCI runtime-spec 1.0 (config.md, config-linux.md).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from udocker_core.errors import EngineError
from udocker_core.model import DataFile, LaunchPlan, RunSpec, file_descriptor
from udocker_core.mounts import mount_points, system_directories
from udocker_runc import profile
from udocker_runc.engine import (
    IDMAP_KEY,
    MASKED_PATHS,
    READ_ONLY_PATHS,
    RUNTIME_KEY,
    bind_option,
    identity_options,
    is_crun,
)

#: A directory of every host that no program needs; the bundle is in memory, mounted there for
#: the runtime alone. In the container it is hidden.
BUNDLE = "/sys/firmware"
CGROUPS = "/sys/fs/cgroup"
#: Where the container has the launcher: in /dev, which is in memory and not the image's.
INIT = "/dev/.udocker-init"

#: Names of the launcher's options for binds -> mount options of the runtime-spec.
_BIND_OPTIONS = {
    "--bind": ["rbind", "nosuid", "nodev"],
    "--ro-bind": ["rbind", "nosuid", "nodev", "ro"],
    "--dev-bind": ["rbind", "nosuid"],
}


def plan(spec: RunSpec, launcher: str, runtime: str, maps: tuple[str, ...]) -> LaunchPlan:
    """Translate `spec` for an OCI runtime.

    Args:
        spec: what to run.
        launcher: the path of our launcher.
        runtime: the path of the runtime.
        maps: the launcher's options for subordinate ids, empty for a map of one id.

    Raises:
        EngineError: the runtime cannot do this.
    """
    if not (maps or spec.user.uid == 0 or is_crun(runtime)):
        raise EngineError(
            f"{runtime} cannot run as user {spec.user.uid} where root is not mapped as well",
            f"set {IDMAP_KEY} to subuid, or leave {RUNTIME_KEY} empty",
        )
    outer = spec._replace(user=spec.user._replace(uid=0, gid=0, gids=()))
    files = [DataFile("config.json", document(spec, launcher, maps), mode=0o600)]
    files += [file for file in spec.files if file.target]
    argv = [launcher, "--root", "/..", "--privileged", *identity_options(outer, maps)]
    argv += ("--proc", "/proc", "--dev-bind", "/dev", "/dev", "--tmpfs", BUNDLE)
    if is_crun(runtime) and os.path.isdir(CGROUPS + "/unified"):
        argv += ("--tmpfs", CGROUPS)  # crun refuses versions 1 and 2 together
    for file in files:
        argv += ("--data", file_descriptor(file.name), f"{BUNDLE}/{file.name}", f"{file.mode:o}")
    # The identifier is for the runtime's list of containers, where this one is alone.
    start = [runtime, "--root", BUNDLE + "/state", "run", "--bundle", BUNDLE]
    last = _last_descriptor()
    if last > 2:
        # Runtimes pass on a number of descriptors, counted from 3, and want all of them open.
        argv += ("--descriptors", str(last))
        start += ("--preserve-fds", str(last - 2))
    argv += ("--exec", runtime, "--", *start, "udocker")
    return LaunchPlan(
        tuple(argv), {"PATH": os.environ.get("PATH", os.defpath)}, files=tuple(files),
        cpuset=spec.cpuset, mount_points=mount_points(spec),
    )  # fmt: skip


def document(spec: RunSpec, launcher: str, maps: tuple[str, ...]) -> bytes:
    """The content of config.json.

    Raises:
        EngineError: an argument, variable or path is not UTF-8, and JSON cannot hold it.
    """
    text = json.dumps(configuration(spec, launcher, maps), indent=1, ensure_ascii=False)
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise EngineError(
            "OCI runtimes take only UTF-8, and this run has other bytes in a name or argument",
            f"use udocker's own launcher: leave {RUNTIME_KEY} empty",
        ) from None


def configuration(spec: RunSpec, launcher: str, maps: tuple[str, ...]) -> dict[str, Any]:
    """The configuration of the runtime-spec for `spec`."""
    config: dict[str, Any] = {
        "ociVersion": "1.0.2",
        "process": _process(spec, bool(maps)),
        "root": {"path": spec.root, "readonly": spec.read_only_root},
        "mounts": _mounts(spec, launcher, bool(maps)),
        "linux": {
            "namespaces": [{"type": kind} for kind in ("user", "mount", "pid", "ipc", "uts")],
            "uidMappings": _mappings("--map-uid", maps, spec.user.uid),
            "gidMappings": _mappings("--map-gid", maps, spec.user.gid),
            "seccomp": profile.seccomp(),
            "maskedPaths": list(MASKED_PATHS),
            "readonlyPaths": list(READ_ONLY_PATHS),
        },
    }
    if spec.hostname:
        config["hostname"] = spec.hostname
    return config


def _process(spec: RunSpec, many_ids: bool) -> dict[str, Any]:
    user: dict[str, Any] = {"uid": spec.user.uid, "gid": spec.user.gid}
    if many_ids and spec.user.gids:
        user["additionalGids"] = list(spec.user.gids)
    kept = list(profile.CAPABILITIES) if spec.user.uid == 0 else []
    return {
        # Runtimes make a session of its own for the program, which then needs a terminal too.
        "terminal": spec.terminal,
        "user": user,
        "args": [INIT, "--init", "--exec", spec.executable, "--", *spec.argv],
        "env": [f"{name}={value}" for name, value in spec.env.items()],
        "cwd": spec.cwd,
        "capabilities": {
            "bounding": list(profile.CAPABILITIES),
            "effective": kept,
            "permitted": kept,
            "inheritable": [],
            "ambient": [],
        },
        "noNewPrivileges": True,
    }


def _mappings(option: str, maps: tuple[str, ...], inside: int) -> list[dict[str, int]]:
    """The map from the container to the launcher's namespace, where the ids are the same ones."""
    if not maps:
        return [{"containerID": inside, "hostID": 0, "size": 1}]
    ranges = [maps[i + 1].split(":") for i in range(len(maps) - 1) if maps[i] == option]
    return [
        {"containerID": int(first), "hostID": int(first), "size": int(count)}
        for first, _, count in ranges
    ]


def _mounts(spec: RunSpec, launcher: str, many_ids: bool) -> list[dict[str, Any]]:
    mounts: list[dict[str, Any]] = []
    # Runtimes put devices into /dev in any case: never into the image's own.
    taken = {bind.target for bind in spec.binds}
    directories = system_directories(spec)
    if "/dev" not in (*taken, *directories):
        directories.append("/dev")
    for directory in directories:
        mounts += _SYSTEM_MOUNTS[directory]
    if "/dev" in directories:
        # The group of terminals, 5, exists only in a map with many ids.
        pts = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]
        mounts.append(_mount("devpts", "/dev/pts", pts + ["gid=5"] * many_ids))
    for target in spec.tmpfs:
        mounts.append(_mount("tmpfs", target, ["nosuid", "nodev", "noexec", "mode=1777"]))
    mounts += [_bind(bind.source, bind.target, bind_option(bind)) for bind in spec.binds]
    mounts += [_bind(device.source, device.target, "--dev-bind") for device in spec.devices]
    mounts += [
        _bind(f"{BUNDLE}/{file.name}", file.target, "--bind") for file in spec.files if file.target
    ]
    mounts.append(_bind(launcher, INIT, "--ro-bind"))
    return mounts


def _mount(kind: str, target: str, options: list[str]) -> dict[str, Any]:
    return {"destination": target, "type": kind, "source": kind, "options": options}


def _bind(source: str, target: str, option: str) -> dict[str, Any]:
    options = _BIND_OPTIONS[option]
    return {"destination": target, "type": "none", "source": source, "options": options}


#: The mounts that make each of the system directories.
_SYSTEM_MOUNTS: Mapping[str, list[dict[str, Any]]] = {
    "/proc": [_mount("proc", "/proc", ["nosuid", "nodev", "noexec"])],
    "/dev": [
        _mount("tmpfs", "/dev", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
        _mount("tmpfs", "/dev/shm", ["nosuid", "nodev", "mode=1777"]),  # noqa: S108
        _mount("mqueue", "/dev/mqueue", ["nosuid", "nodev", "noexec"]),
    ],
    # A fresh sysfs needs a network namespace.
    "/sys": [_bind("/sys", "/sys", "--ro-bind")],
}


def _last_descriptor() -> int:
    """The highest descriptor that the program inherits."""
    return max(filter(_is_inherited, map(int, os.listdir("/proc/self/fd"))), default=0)


def _is_inherited(descriptor: int) -> bool:
    try:
        return os.get_inheritable(descriptor)
    except OSError:
        return False  # it was that of the directory, closed meanwhile
