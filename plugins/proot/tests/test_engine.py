from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

from udocker_core.errors import EngineError
from udocker_core.model import (
    Bind,
    Container,
    DataFile,
    Device,
    Port,
    RunSpec,
    User,
    file_descriptor,
)
from udocker_core.testing.engines import EngineConformance
from udocker_proot import engine
from udocker_proot.engine import Engine

TRACER = os.path.join(engine.PROGRAMS, engine.TRACER)
SPEC = RunSpec("/store/ROOT", ("sh", "-c", "x"), "/bin/sh", {"A": "b"}, sysdirs=False)
CONTAINER = Container("c1", "/store", "/store/ROOT")
HOST = os.uname()


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PROOT_NO_SECCOMP", raising=False)


class TestEngine(EngineConformance):
    engine = Engine
    modes = ("P1", "P2")


def arguments(spec: RunSpec, mode: str = "P1", **settings: str) -> list[str]:
    plan = Engine(mode, settings).udocker_run(CONTAINER, spec)
    assert plan.argv[0] == TRACER
    return list(plan.argv[1:])


def options(spec: RunSpec, **settings: str) -> list[str]:
    """What is between the options of every run and the command."""
    found = arguments(spec, **settings)
    assert found[:4] == ["-r", "/store/ROOT", "-w", "/"]
    assert found[-6:] == ["--exec", "/bin/sh", "--", "sh", "-c", "x"]
    return found[4:-6]


def test_plain_run() -> None:
    assert options(SPEC) == ["-0"]
    assert Engine("P1", {}).udocker_run(CONTAINER, SPEC).env == {"A": "b"}


def test_system_directories_are_the_hosts() -> None:
    assert options(SPEC._replace(sysdirs=True)) == [
        "-0", "--bind-pair", "/proc", "/proc", "--bind-pair", "/dev", "/dev",
        "--bind-pair", "/sys", "/sys",
    ]  # fmt: skip


def test_volumes_and_devices() -> None:
    spec = SPEC._replace(
        sysdirs=True, binds=(Bind("/b:c", "/x:y"), Bind("/p", "/proc")),
        devices=(Device("/dev/fuse", "/dev/fuse"), Device("/dev/fuse", "/dev/other")),
    )  # fmt: skip
    found = options(spec)
    assert found[1::3] == ["--bind-pair"] * 5
    assert list(zip(found[2::3], found[3::3])) == [
        ("/dev", "/dev"), ("/sys", "/sys"), ("/b:c", "/x:y"), ("/p", "/proc"),
        ("/dev/fuse", "/dev/other"),
    ]  # fmt: skip
    assert options(SPEC._replace(devices=spec.devices[:1]))[1:] == [
        "--bind-pair", "/dev/fuse", "/dev/fuse"]  # the image's /dev has none


def test_made_up_files_are_descriptors() -> None:
    file = DataFile("passwd", b"x", "/etc/passwd", 0o600)
    plan = Engine("P1", {}).udocker_run(CONTAINER, SPEC._replace(files=(file,)))
    at = plan.argv.index("--bind-fd")
    assert plan.argv[at + 1 : at + 3] == (file_descriptor("passwd"), "/etc/passwd")
    assert plan.mount_points == {"/etc/passwd": False}


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        (User(), ["-0"]),
        (User("u", 7, 8), ["-i", "7:8"]),
        (User("u", 7, 8, (8, 9)), ["-i", "7:8:8,9"]),
        (User("root", 0, 0, (4,)), ["-i", "0:0:4"]),
        (User("root", 0, 5), ["-i", "0:5"]),
    ],
)
def test_ids(user: User, expected: list[str]) -> None:
    assert options(SPEC._replace(user=user)) == expected


def test_kernel_and_host_name() -> None:
    assert options(SPEC._replace(kernel="5.4")) == ["-0", "-k", "5.4"]
    full = f"\\{HOST.sysname}\\inside\\{{}}\\{HOST.version}\\{HOST.machine}\\(none)\\0\\"
    named = SPEC._replace(hostname="inside")
    assert options(named) == ["-0", "-k", full.format(HOST.release)]
    assert options(named._replace(kernel="5.4")) == ["-0", "-k", full.format("5.4")]
    with pytest.raises(EngineError, match="backslash"):
        options(SPEC._replace(hostname="a\\b"))


def test_ports() -> None:
    ports = (Port(8080, 80), Port(2000, 2000), Port(53, 5353, "0.0.0.0", "udp"))
    assert options(SPEC._replace(ports=ports)) == ["-0", "-p", "80:8080", "-p", "5353:53"]
    with pytest.raises(EngineError, match=r"mode P1 cannot publish.*127\.0\.0\.1"):
        options(SPEC._replace(ports=(Port(8080, 80, "127.0.0.1"),)))


def test_without_a_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    with_filter, without = arguments(SPEC), arguments(SPEC, "P2")
    assert without == ["--no-seccomp", *with_filter]
    for text in ("True", "true", "1", "yes"):
        assert arguments(SPEC, proot_noseccomp=text) == without
    for text in ("False", "0", "", "no"):
        assert arguments(SPEC, proot_noseccomp=text) == with_filter
    monkeypatch.setenv("PROOT_NO_SECCOMP", "1")
    assert arguments(SPEC) == without


def test_settings() -> None:
    assert options(SPEC, proot_link2symlink="yes") == ["-0", "--link2symlink"]
    assert arguments(SPEC, use_proot_executable="UDOCKER") == arguments(SPEC)
    with pytest.raises(EngineError, match="no-such-proot"):
        Engine("P1", {"use_proot_executable": "no-such-proot"}).udocker_run(CONTAINER, SPEC)
    with pytest.raises(EngineError, match="invalid proot_noseccomp: perhaps"):
        arguments(SPEC, proot_noseccomp="perhaps")


@pytest.fixture
def path(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A directory that is all of PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def plan_for(architecture: str) -> list[str]:
    container = CONTAINER._replace(config={"architecture": architecture})
    return list(Engine("P1", {}).udocker_run(container, SPEC).argv)


def test_other_architectures_need_an_emulator(path: Any) -> None:
    with pytest.raises(EngineError, match=r"for s390x, .* and qemu-s390x-static is not in PATH"):
        plan_for("s390x")
    for name in ("qemu-s390x", "qemu-i386-static"):
        (path / name).touch(mode=0o755)
    argv = plan_for("s390x")
    assert argv[argv.index("-q") + 1] == str(path / "qemu-s390x")
    argv = plan_for("386")  # the tracer is for 64-bit programs
    assert argv[argv.index("-q") + 1] == str(path / "qemu-i386-static")


def test_native_images_need_none(path: Any) -> None:
    native = {"x86_64": "amd64", "aarch64": "arm64"}[HOST.machine]
    for architecture in ("", native, HOST.machine):
        assert "-q" not in plan_for(architecture)


def test_bytes_that_are_no_text_pass() -> None:
    assert arguments(SPEC._replace(argv=("sh", "\udcff")))[-1] == "\udcff"


def test_inspect_names_the_program() -> None:
    for mode, seccomp in (("P1", True), ("P2", False)):
        section = Engine(mode, {}).udocker_inspect(CONTAINER)
        assert section == {"proot": {"program": TRACER, "seccomp": seccomp}}


def test_planning_imports_little() -> None:
    code = (
        "import sys; before = set(sys.modules)\n"
        "from udocker_proot.engine import Engine\n"
        "from udocker_core.model import *\n"
        "spec = RunSpec('/r', ('a',), '/a', {})\n"
        "Engine('P1', {}).udocker_run(Container('c', '/c', '/r'), spec)\n"
        "print('\\n'.join(sorted(m for m in set(sys.modules) - before if '.' not in m\n"
        "    or m.startswith('udocker'))))"
    )
    path = os.pathsep.join(p for p in sys.path if p)
    done = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": path},
                          stdout=subprocess.PIPE, check=True)
    imported = set(done.stdout.decode().split())
    assert not imported & {"json", "re", "hashlib", "subprocess", "pluggy", "shutil", "pwd"}
    assert {m for m in imported if m.startswith("udocker_proot.")} == {"udocker_proot.engine"}
