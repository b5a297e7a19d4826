from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import Any

import pytest

from udocker_core.errors import EngineError
from udocker_core.model import Bind, Container, DataFile, RunSpec, User, file_descriptor
from udocker_core.testing.engines import EngineConformance, LiveEngineConformance
from udocker_runc import engine
from udocker_runc.engine import Engine

SPEC = RunSpec("/store/ROOT", ("sh", "-c", "x"), "/bin/sh", {"A": "b"})
CONTAINER = Container("c1", "/store", "/store/ROOT")


class TestLauncher(EngineConformance):
    engine = Engine
    modes = ("R1",)


class TestRuntime(EngineConformance):
    engine = Engine
    modes = ("R1",)
    settings = {"use_runc_executable": "runc"}  # noqa: RUF012

    @pytest.fixture(autouse=True)
    def _installed(self) -> None:
        if not shutil.which("runc"):
            pytest.skip("missing here: runc")


class TestLauncherRuns(LiveEngineConformance):
    engine = Engine
    modes = ("R1",)


class TestSubordinateIdsRun(LiveEngineConformance):
    engine = Engine
    modes = ("R1",)
    settings = {"runc_idmap": "subuid"}  # noqa: RUF012


class RuntimeRuns(LiveEngineConformance):
    engine = Engine
    modes = ("R1",)

    # Runtimes hold the program's standard output until it ends, make /dev in any case, and give
    # the program a terminal and a session of its own, which the caller's shell cannot stop.
    test_end_of_output = None
    test_no_system_directories = None
    test_job_control = None

    def without_user(self, mode: str) -> None:
        """runc needs root in the map of ids."""
        with pytest.raises(EngineError, match="cannot run as user 7"):
            Engine(mode, self.settings).udocker_run(CONTAINER, SPEC._replace(user=User("u", 7, 7)))

    def test_the_launchers_file_cannot_be_changed(self, run: Any) -> None:
        """It is process 1 of the container, and belongs to the user."""
        ended = run("/bin/sh", "-c", "chmod 755 /proc/1/exe; chmod 755 /dev/.udocker-init")
        via_process, via_mount = ended.err.decode().splitlines()
        assert "ermission denied" in via_process
        assert "ead-only file system" in via_mount


class TestRuncRuns(RuntimeRuns):
    settings = {"use_runc_executable": "runc"}  # noqa: RUF012
    test_any_user = RuntimeRuns.without_user


class TestCrunRuns(RuntimeRuns):
    settings = {"use_runc_executable": "crun"}  # noqa: RUF012


class TestRuncSubordinateIdsRun(RuntimeRuns):
    settings = {"use_runc_executable": "runc", "runc_idmap": "subuid"}  # noqa: RUF012


def arguments(spec: RunSpec, **settings: str) -> list[str]:
    return list(Engine("R1", settings).udocker_run(CONTAINER, spec).argv[1:])


def test_plain_run() -> None:
    assert arguments(SPEC._replace(sysdirs=False)) == [
        "--root", "/store/ROOT", "--uid", "0", "--gid", "0",
        "--chdir", "/", "--exec", "/bin/sh", "--", "sh", "-c", "x",
    ]  # fmt: skip


def test_binds_are_ordered_and_devices_stay_devices() -> None:
    binds = (Bind("/b", "/x/y"), Bind("/a", "/x", True), Bind("/dev/dri", "/dev/dri"))
    argv = arguments(SPEC._replace(sysdirs=False, binds=binds))
    start = argv.index("--ro-bind")
    assert argv[start : start + 9] == [
        "--ro-bind", "/a", "/x", "--bind", "/b", "/x/y", "--dev-bind", "/dev/dri", "/dev/dri",
    ]  # fmt: skip


def test_a_volume_replaces_a_system_directory() -> None:
    argv = arguments(SPEC._replace(binds=(Bind("/dev", "/dev"),)))
    assert "--dev" not in argv
    assert argv[argv.index("--dev-bind") + 1 :][:2] == ["/dev", "/dev"]


def test_files_are_descriptors() -> None:
    file = DataFile("passwd", b"x", "/etc/passwd", 0o600)
    argv = arguments(SPEC._replace(files=(file,)))
    at = argv.index("--data")
    assert argv[at + 1 : at + 4] == [file_descriptor("passwd"), "/etc/passwd", "600"]


def test_ids_of_a_user() -> None:
    argv = arguments(SPEC._replace(user=User("u", 7, 8, (9,))))
    assert argv[2:6] == ["--uid", "7", "--gid", "8"]
    assert "--groups" not in argv  # one id is all that there is


def test_bytes_that_are_no_text_pass() -> None:
    assert arguments(SPEC._replace(argv=("sh", "\udcff")))[-1] == "\udcff"
    with pytest.raises(EngineError, match="UTF-8"):
        arguments(SPEC._replace(argv=("sh", "\udcff")), use_runc_executable="sh")


def test_wrong_settings() -> None:
    with pytest.raises(EngineError, match="no-such-runtime"):
        arguments(SPEC, use_runc_executable="no-such-runtime")
    with pytest.raises(EngineError, match="invalid runc_idmap: many"):
        arguments(SPEC, runc_idmap="many")


def test_the_setting_of_udocker_1_3_for_its_own_program() -> None:
    assert arguments(SPEC, use_runc_executable="UDOCKER") == arguments(SPEC)


def test_inspect_names_the_program() -> None:
    section = Engine("R1", {}).udocker_inspect(CONTAINER)["runc"]
    assert section == {"program": os.path.join(engine.PROGRAMS, "udocker-launch"),
                       "idmap": "single"}


def test_planning_imports_little() -> None:
    code = (
        "import sys; before = set(sys.modules)\n"
        "from udocker_runc.engine import Engine\n"
        "from udocker_core.model import *\n"
        "spec = RunSpec('/r', ('a',), '/a', {})\n"
        "Engine('R1', {}).udocker_run(Container('c', '/c', '/r'), spec)\n"
        "print('\\n'.join(sorted(m for m in set(sys.modules) - before if '.' not in m\n"
        "    or m.startswith('udocker'))))"
    )
    path = os.pathsep.join(p for p in sys.path if p)
    done = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": path},
                          stdout=subprocess.PIPE, check=True)
    imported = set(done.stdout.decode().split())
    assert not imported & {"json", "hashlib", "subprocess", "pluggy", "shutil", "pwd"}
    assert {m for m in imported if m.startswith("udocker_runc.")} == {"udocker_runc.engine"}


@pytest.fixture
def broken_programs(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    directory = tmp_path / "bin"
    shutil.copytree(engine.PROGRAMS, directory)
    monkeypatch.setattr(engine, "PROGRAMS", str(directory))
    return directory


def test_probe_finds_a_changed_program(broken_programs: Any) -> None:
    with open(broken_programs / "udocker-launch", "ab") as file:
        file.write(b"\0")
    probe = Engine("R1", {}).udocker_probe()
    assert not probe.ok
    assert "SHA-256" in probe.reason


def test_probe_finds_a_missing_program(broken_programs: Any) -> None:
    (broken_programs / "udocker-launch").unlink()
    probe = Engine("R1", {}).udocker_probe()
    assert not probe.ok
    assert "missing" in probe.reason
