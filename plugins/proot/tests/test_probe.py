from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import Any

import pytest

from udocker_core.model import Probe
from udocker_proot import engine, probe
from udocker_proot.engine import Engine


@pytest.fixture
def programs(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A copy of the tracer's directory that the engine uses."""
    directory = tmp_path / "bin"
    if not os.path.exists(engine.PROGRAMS):
        pytest.skip("missing here: the tracer is not built")
    shutil.copytree(engine.PROGRAMS, directory)
    monkeypatch.setattr(engine, "PROGRAMS", str(directory))
    return directory


@pytest.fixture
def proot(tmp_path: Any) -> Any:
    """A function that makes a PRoot of a shell script, and probes it."""

    def proot(script: str, mode: str = "P1") -> Probe:
        path = tmp_path / "proot"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return Engine(mode, {"use_proot_executable": str(path)}).udocker_probe()

    return proot


#: Passes its options by, and runs the command on the host's tree.
FAILS_OPEN = """
case $1 in --version) echo "v5.4.0"; exit;; esac
while [ "${1#-}" != "$1" ]; do case $1 in -0|--*) shift;; *) shift 2;; esac; done
exec "$@"
"""
#: A PRoot that translates the path of one file, which is all that the probe asks for.
WORKS = """
case $1 in --version) printf '|_| 5.1.0\\n\\nbuilt-in accelerators: seccomp_filter = no\\n'; exit;;
esac
root=$2
while [ $# -gt 1 ]; do shift; done
exec cat "$root$1"
"""


def test_a_changed_program_is_found(programs: Any) -> None:
    with open(programs / engine.TRACER, "ab") as file:
        file.write(b"\0")
    found = Engine("P1", {}).udocker_probe()
    assert not found.ok
    assert "SHA-256" in found.reason


def test_a_missing_program_is_found(programs: Any) -> None:
    (programs / engine.TRACER).unlink()
    found = Engine("P1", {}).udocker_probe()
    assert not found.ok
    assert "missing" in found.reason


def test_a_proot_that_translates_nothing_is_found(proot: Any) -> None:
    found = proot(FAILS_OPEN)
    assert not found.ok
    assert "udocker-marker" in found.reason


def test_what_a_proot_says_is_the_reason(proot: Any) -> None:
    assert proot("echo first >&2; echo 'ptrace(TRACEME): refused' >&2; exit 1") == Probe(
        False, "ptrace(TRACEME): refused")
    found = proot("exit 7")
    assert (found.ok, found.reason.endswith("proot ended with status 7")) == (False, True)


def test_a_proot_without_seccomp_is_told(proot: Any, tmp_path: Any) -> None:
    assert proot(WORKS) == Probe(
        True, f"5.1.0, {tmp_path}/proot; this PRoot was built without seccomp, so it is as slow as "
        "P2")  # fmt: skip
    assert proot(WORKS, "P2") == Probe(True, f"5.1.0, {tmp_path}/proot")


def test_what_settings_do_to_p1_is_told(
    programs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not Engine("P2", {}).udocker_probe().ok:
        pytest.skip("missing here: ptrace")
    assert "without seccomp" in Engine("P1", {"proot_noseccomp": "1"}).udocker_probe().reason
    monkeypatch.setenv("PROOT_NO_SECCOMP", "1")
    assert "without seccomp" in Engine("P1", {}).udocker_probe().reason


def test_yama_is_named(
    programs: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting = tmp_path / "ptrace_scope"
    monkeypatch.setattr(probe, "_YAMA", str(setting))
    monkeypatch.setenv("PATH", "/nonexistent")
    for value, reason in (("3", "nobody may trace"), ("2", "only administrators"), ("1", "PATH")):
        setting.write_text(f"{value}\n")
        found = Engine("P1", {}).udocker_probe()
        assert not found.ok
        assert reason in found.reason


#: Installs a filter that refuses system calls, then becomes another program.
_REFUSE = """
import ctypes, os, struct, sys
numbers = [int(number) for number in sys.argv[1].split(",")]
code = struct.pack("HBBI", 0x20, 0, 0, 0)
for number in numbers:
    code += struct.pack("HBBI" * 2, 0x15, 0, 1, number, 6, 0, 0, 0x50001)
code += struct.pack("HBBI", 6, 0, 0, 0x7FFF0000)
buffer = ctypes.create_string_buffer(code, len(code))
count = len(code) // 8
program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", count, ctypes.addressof(buffer)))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, program, 0, 0) == 0
os.execv(sys.argv[2], sys.argv[2:])
"""
_NUMBERS = {
    "x86_64": {"seccomp": 317, "prctl": 157, "ptrace": 101},
    "aarch64": {"seccomp": 277, "prctl": 167, "ptrace": 117},
}[os.uname().machine]


@pytest.fixture
def refused() -> Any:
    """A function that runs the tracer where system calls are refused, as in some containers."""
    if not Engine("P1", {}).udocker_probe().ok:
        pytest.skip("missing here: mode P1")
    tracer = os.path.join(engine.PROGRAMS, engine.TRACER)

    def refused(calls: str, *options: str) -> tuple[int, str, str]:
        numbers = ",".join(str(_NUMBERS[name]) for name in calls.split())
        command = [sys.executable, "-c", _REFUSE, numbers, tracer, *options]
        done = subprocess.run(
            [*command, "-r", "/", "/bin/echo", "it runs"], stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    return refused


def test_without_a_filter_p1_runs_nothing(refused: Any) -> None:
    status, out, error = refused("seccomp prctl")
    assert (status, out) == (125, "")
    assert "P2" in error
    assert refused("seccomp prctl", "--no-seccomp")[:2] == (0, "it runs\n")


def test_without_notifications_p1_runs(refused: Any) -> None:
    assert refused("seccomp")[:2] == (0, "it runs\n")


@pytest.mark.parametrize("options", [(), ("--no-seccomp",)])
def test_without_ptrace_nothing_runs(refused: Any, options: tuple[str, ...]) -> None:
    status, out, error = refused("ptrace", *options)
    assert (status, out) == (125, "")
    assert "R1" in error
