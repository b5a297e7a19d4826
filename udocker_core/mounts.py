"""What engines need to know of a spec's mounts: the system directories, and the mount points."""

from __future__ import annotations

import os

from udocker_core.model import Bind, RunSpec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

#: The directories that each engine makes in its own way, or shows from the host.
SYSTEM_DIRECTORIES = ("/proc", "/dev", "/sys")


def nested_last(binds: tuple[Bind, ...]) -> tuple[Bind, ...]:
    """Order binds as docker does: one inside another's target comes after it."""
    return tuple(sorted(binds, key=lambda bind: bind.target.rstrip("/").count("/")))


def system_directories(spec: RunSpec) -> list[str]:
    """Those of the system directories that the engine has to provide: no volume is there."""
    taken = {bind.target for bind in spec.binds}
    return [path for path in SYSTEM_DIRECTORIES if spec.sysdirs and path not in taken]


def mount_points(spec: RunSpec) -> dict[str, bool]:
    """The mount points that the root itself must have: those not inside of another mount.

    Returns:
        the value of ``LaunchPlan.mount_points``: container path -> True for a directory.
    """
    points = dict.fromkeys(SYSTEM_DIRECTORIES if spec.sysdirs else (), True)
    points.update(dict.fromkeys(spec.tmpfs, True))
    points.update((bind.target, os.path.isdir(bind.source)) for bind in spec.binds)
    points.update((device.target, False) for device in spec.devices)
    points.update((file.target, False) for file in spec.files if file.target)
    return {path: kind for path, kind in points.items() if not _inside_another(path, points)}


def _inside_another(path: str, points: Mapping[str, bool]) -> bool:
    parent = os.path.dirname(path)
    while parent != "/":
        if points.get(parent):
            return True
        parent = os.path.dirname(parent)
    return False
