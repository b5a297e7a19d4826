"""The tools that are compared, and the environments in which they run."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.live.command import SYSTEM_PATH
from tests.live.parts import PARTS

UDOCKER = str(Path(sys.executable).with_name("udocker"))
RELEASED = str(PARTS / "released" / "bin" / "udocker")


def environment(place: Path, **more: str) -> dict[str, str]:
    """An environment with a home of its own in `place`."""
    home = place / "home"
    runtime = place / "runtime"
    for directory in (home, runtime):
        directory.mkdir(mode=0o700, exist_ok=True)
    return {
        "HOME": str(home),
        "PATH": SYSTEM_PATH,
        "LANG": "C.UTF-8",
        "USER": os.environ.get("USER", "user"),
        "XDG_RUNTIME_DIR": str(runtime),
        **more,
    }


def released_environment(place: Path, store: Path) -> dict[str, str]:
    """The environment of udocker 1.3, with the engines of the host and no downloads of its own."""
    (store / "lib").mkdir(parents=True, exist_ok=True)
    (store / "lib" / "VERSION").write_text("1.2.11\n")
    return environment(
        place,
        UDOCKER_DIR=str(store),
        UDOCKER_TARBALL="",
        UDOCKER_USE_PROOT_EXECUTABLE="/usr/bin/proot",
    )


def podman(place: Path) -> list[str]:
    """The podman command with its store in `place`."""
    return [
        "podman",
        "--root", str(place / "podman"),
        "--runroot", str(place / "podman-run"),
        "--cgroup-manager", "cgroupfs",
        "--events-backend", "none",
        "--runtime", "runc",  # crun refuses the mixed cgroups that some machines have
    ]  # fmt: skip
