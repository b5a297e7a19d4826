"""The same runs by a PRoot of the host: ``UDOCKER_USE_PROOT_EXECUTABLE``, or what PATH has."""

from __future__ import annotations

import os
import shutil
from typing import Any

import pytest

from udocker_core.errors import EngineError
from udocker_core.model import Bind, Container, DataFile, Port, RunSpec, User, file_path
from udocker_core.testing.engines import EngineConformance, LiveEngineConformance
from udocker_proot.engine import Engine

PROOT = os.environ.get("UDOCKER_USE_PROOT_EXECUTABLE") or "proot"
SPEC = RunSpec("/store/ROOT", ("sh", "-c", "x"), "/bin/sh", {"A": "b"}, sysdirs=False)
CONTAINER = Container("c1", "/store", "/store/ROOT")


class TestForeign(EngineConformance):
    engine = Engine
    modes = ("P1", "P2")
    settings = {"use_proot_executable": PROOT}  # noqa: RUF012

    @pytest.fixture(autouse=True)
    def _installed(self) -> None:
        if not shutil.which(PROOT):
            pytest.skip(f"missing here: {PROOT}")


class TestForeignRuns(LiveEngineConformance):
    engine = Engine
    modes = ("P1", "P2")
    settings = {"use_proot_executable": PROOT}  # noqa: RUF012

    test_environment_is_exact = None  # it adds PROOT_NO_SECCOMP, or PWD
    # 255 and 1, whatever happened:
    test_death_by_signal = None
    test_command_not_found = test_command_not_executable = None
    # It waits for what the program leaves behind, and leaves all alone when it is killed itself:
    test_children_end_with_the_program = test_no_orphans = None
    test_host_does_not_see_the_mounts = test_end_of_output = None
    test_zombies_are_reaped = None  # processes without a parent are the host's matter
    # It passes no signals on, and does not stop with the program:
    test_signals_reach_the_program = test_job_control = test_interactive_shell = None


class Host:
    """A directory that is all of PATH, with a file for a PRoot, which is never started."""

    def __init__(self, path: Any) -> None:
        self.proot = path / "proot"
        self.proot.touch(mode=0o755)

    def plan(self, spec: RunSpec, mode: str = "P1", **settings: str) -> Any:
        engine = Engine(mode, {"use_proot_executable": "proot", **settings})
        return engine.udocker_run(CONTAINER, spec)

    def options(self, spec: RunSpec, **settings: str) -> list[str]:
        """What is between the options of every run and the command."""
        argv = list(self.plan(spec, **settings).argv)
        assert argv[:5] == [str(self.proot), "-r", "/store/ROOT", "-w", "/"]
        assert argv[-3:] == ["/bin/sh", "-c", "x"]
        return argv[5:-3]


@pytest.fixture
def host(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("PROOT_NO_SECCOMP", "PROOT_TMP_DIR", "PROOT_LOADER"):
        monkeypatch.delenv(name, raising=False)
    return Host(tmp_path)


def test_it_gets_only_options_that_it_has(host: Host) -> None:
    wish = {"proot_link2symlink": "yes"}
    assert host.options(SPEC, **wish) == ["-0"]
    host.proot.write_bytes(b"\0  --kill-on-exit\n\0  -l, --link2symlink\n\0")
    assert host.options(SPEC, **wish) == ["-0", "--kill-on-exit", "--link2symlink"]
    assert host.options(SPEC, proot_killonexit="False") == ["-0"]


def test_ports_are_a_capability_of_some(host: Host) -> None:
    settings = {"use_proot_executable": "proot"}
    assert not Engine("P1", settings).capabilities.ports
    host.proot.write_bytes(b"-p *string*, --port=*string*")
    assert Engine("P1", settings).capabilities.ports
    assert host.options(SPEC._replace(ports=(Port(8080, 80),))) == ["-0", "-p", "80:8080"]
    assert not Engine("P1", {"use_proot_executable": "missing"}).capabilities.ports


def test_binds_and_files_and_ids(host: Host) -> None:
    spec = SPEC._replace(
        binds=(Bind("/a", "/x"),), files=(DataFile("passwd", b"x", "/etc/passwd"),),
        user=User("u", 7, 8, (9,)),
    )  # fmt: skip
    token = file_path("passwd")
    assert host.options(spec) == ["-i", "7:8", "-b", "/a:/x", "-b", f"{token}:/etc/passwd"]
    for bind in (Bind("/a:b", "/x"), Bind("/a", "/x:y"), Bind("/a", "/x!")):
        with pytest.raises(EngineError, match="cannot show a path"):
            host.options(SPEC._replace(binds=(bind,)))


def test_its_variables(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    assert host.plan(SPEC).env == {"A": "b"}
    assert host.plan(SPEC, "P2").env == {"A": "b", "PROOT_NO_SECCOMP": "1"}
    assert host.plan(SPEC, tmpdir="/scratch").env["PROOT_TMP_DIR"] == "/scratch"
    monkeypatch.setenv("PROOT_TMP_DIR", "/other")
    assert host.plan(SPEC, tmpdir="/scratch").env["PROOT_TMP_DIR"] == "/other"


def test_it_runs_programs_of_32_bits(host: Host) -> None:
    other = {"x86_64": "386", "aarch64": "arm"}[os.uname().machine]
    container = CONTAINER._replace(config={"architecture": other})
    engine = Engine("P1", {"use_proot_executable": "proot"})
    assert "-q" not in engine.udocker_run(container, SPEC).argv
