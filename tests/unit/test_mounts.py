"""The mounts that engines make of a spec."""

from __future__ import annotations

from udocker_core import mounts
from udocker_core.model import Bind, RunSpec

SPEC = RunSpec("/store/ROOT", ("sh",), "/bin/sh", {})


def test_mount_points_are_those_of_the_root() -> None:
    spec = SPEC._replace(
        binds=(Bind("/", "/data"), Bind("/etc/passwd", "/data/in"), Bind("/etc/group", "/f")),
        tmpfs=("/scratch",),
    )
    assert mounts.mount_points(spec) == {
        "/proc": True, "/dev": True, "/sys": True, "/scratch": True, "/data": True, "/f": False,
    }  # fmt: skip


def test_a_volume_is_in_the_place_of_a_system_directory() -> None:
    spec = SPEC._replace(binds=(Bind("/dev", "/dev"),))
    assert mounts.system_directories(spec) == ["/proc", "/sys"]
    assert mounts.system_directories(spec._replace(sysdirs=False)) == []


def test_a_bind_inside_of_another_comes_later() -> None:
    inner, outer, root = Bind("/b", "/x/y"), Bind("/a", "/x/"), Bind("/c", "/")
    assert mounts.nested_last((inner, outer, root)) == (root, outer, inner)
