from __future__ import annotations

import json
from typing import Any

import pytest

from udocker_core.errors import EngineError
from udocker_core.model import Bind, DataFile, Device, LaunchPlan, RunSpec, User, file_descriptor
from udocker_runc import oci

SPEC = RunSpec("/store/ROOT", ("sh", "-c", 'a "quoted" é'), "/bin/sh", {"A": "b=c", "B": ""})
MAPS = ("--newuidmap", "/usr/bin/newuidmap", "--map-uid", "0:1001:1", "--map-uid",
        "1:100000:65536", "--newgidmap", "/usr/bin/newgidmap", "--map-gid", "0:1002:1")  # fmt: skip


def plan(spec: RunSpec, runtime: str = "/usr/bin/runc", maps: tuple[str, ...] = ()) -> LaunchPlan:
    return oci.plan(spec, "/opt/udocker-launch", runtime, maps)


def config(spec: RunSpec, maps: tuple[str, ...] = ()) -> dict[str, Any]:
    content = plan(spec, maps=maps).files[0].content
    return dict(json.loads(content.decode()))


def mounts(spec: RunSpec) -> dict[str, list[str]]:
    return {m["destination"]: [m["source"], *m["options"]] for m in config(spec)["mounts"]}


def test_process() -> None:
    process = config(SPEC._replace(cwd="/w", user=User("root", 0, 0)))["process"]
    assert process["args"][-3:] == list(SPEC.argv)
    assert process["args"][:5] == ["/dev/.udocker-init", "--init", "--exec", "/bin/sh", "--"]
    assert process["env"] == ["A=b=c", "B="]
    assert (process["cwd"], process["terminal"]) == ("/w", False)
    assert process["noNewPrivileges"] is True
    assert len(process["capabilities"]["effective"]) == 14
    assert process["capabilities"]["ambient"] == process["capabilities"]["inheritable"] == []
    assert "rlimits" not in process


def test_ordinary_users_have_no_capabilities() -> None:
    user = User("u", 1000, 100, (100, 27))
    process = config(SPEC._replace(user=user), MAPS)["process"]
    assert process["user"] == {"uid": 1000, "gid": 100, "additionalGids": [100, 27]}
    assert process["capabilities"]["effective"] == process["capabilities"]["permitted"] == []


def test_namespaces_and_maps() -> None:
    linux = config(SPEC)["linux"]
    assert [n["type"] for n in linux["namespaces"]] == ["user", "mount", "pid", "ipc", "uts"]
    assert linux["uidMappings"] == [{"containerID": 0, "hostID": 0, "size": 1}]
    assert "cgroupsPath" not in linux
    assert "resources" not in linux
    many = config(SPEC, MAPS)["linux"]
    assert many["uidMappings"] == [
        {"containerID": 0, "hostID": 0, "size": 1},
        {"containerID": 1, "hostID": 1, "size": 65536},
    ]


def test_mounts() -> None:
    spec = SPEC._replace(
        binds=(Bind("/a", "/x", True), Bind("/b", "/x/y")), tmpfs=("/scratch",),
        devices=(Device("/dev/fuse", "/dev/fuse"),),
        files=(DataFile("passwd", b"", "/etc/passwd"),),
    )  # fmt: skip
    found = mounts(spec)
    assert found["/x"] == ["/a", "rbind", "nosuid", "nodev", "ro"]
    assert found["/x/y"] == ["/b", "rbind", "nosuid", "nodev"]
    assert found["/dev/fuse"] == ["/dev/fuse", "rbind", "nosuid"]
    assert found["/etc/passwd"][0] == "/sys/firmware/passwd"
    assert found["/sys"] == ["/sys", "rbind", "nosuid", "nodev", "ro"]
    assert "gid=5" not in found["/dev/pts"]
    assert list(found).index("/dev") < list(found).index("/x") < list(found).index("/x/y")
    assert {"/proc", "/dev/shm", "/dev/mqueue", "/scratch"} <= set(found)


def test_the_image_never_gets_device_nodes() -> None:
    found = mounts(SPEC._replace(sysdirs=False))
    assert "/dev" in found
    assert "/proc" not in found
    assert mounts(SPEC._replace(binds=(Bind("/dev", "/dev"),)))["/dev"][0] == "/dev"


def test_bundle_needs_no_directory() -> None:
    made = plan(SPEC)
    argv = list(made.argv)
    at = argv.index("--data")
    assert argv[at + 1 : at + 4] == [
        file_descriptor("config.json"), "/sys/firmware/config.json", "600"]
    runtime = argv[argv.index("--") + 1 :]
    assert runtime[:4] == ["/usr/bin/runc", "--root", "/sys/firmware/state", "run"]
    assert runtime[4:6] == ["--bundle", "/sys/firmware"]
    assert runtime[-1] == "udocker"


def test_runc_needs_root_in_the_map() -> None:
    spec = SPEC._replace(user=User("u", 1000, 100))
    with pytest.raises(EngineError, match="cannot run as user 1000"):
        plan(spec)
    plan(spec, maps=MAPS)
    plan(spec, runtime="/usr/bin/crun")
