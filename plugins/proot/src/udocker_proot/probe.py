"""Can this host trace programs as the mode needs it? Tries it, as settings tell only half."""

from __future__ import annotations

import os
import subprocess
import tempfile

from udocker_core.binaries import host_program, own_program, verify
from udocker_core.model import Bind, Container, LaunchPlan, Probe, RunSpec
from udocker_proot.engine import NO_FILTER_VARIABLE, Engine

TIMEOUT = 20.0  # seconds

_YAMA = "/proc/sys/kernel/yama/ptrace_scope"
#: What its values mean (Documentation/admin-guide/LSM/Yama.rst) from the first that is in the way.
_YAMA_MEANS = {"2": "only administrators may trace (Yama, {})", "3": "nobody may trace (Yama, {})"}
_HOST_ONLY = ("proc", "dev", "sys", "tmp")
_MARKER = "udocker-marker"
_TEXT = "of the container\n"


def probe(engine: Engine, directory: str, tracer: str) -> Probe:
    """Check the tracer against its manifest, then run a program of the host's in a tree.

    Args:
        engine: the engine, which makes the plan.
        directory: the directory of the tracer and its manifest.
        tracer: the tracer's file name.

    Raises:
        EngineError: there is no tracer or no manifest.
    """
    program = engine.program()
    if not program:
        faults = verify(directory)
        if faults:
            return Probe(False, "; ".join(faults))
    reason = _first_line([program or own_program(directory, tracer), "--version"])
    if program:
        reason = f"{reason}, {program}"
    error = _try(engine)
    if error:
        scope = _read(_YAMA).strip()
        return Probe(False, _YAMA_MEANS.get(scope, "").format(_YAMA) or error)
    return Probe(True, reason + _remark(engine, program))


def _try(engine: Engine) -> str:
    """Let a program of the host's read a file of a tree: what went wrong, empty when nothing did.

    The tree has the host's directories, and a file that the host has not: a tracer that translates
    nothing does not find it, and one that hides nothing finds the host's.
    """
    cat = host_program(["cat"])
    if not cat:
        return "there is no program to try it with: cat is not in PATH"
    with tempfile.TemporaryDirectory(prefix="udocker-") as root:
        with open(os.path.join(root, _MARKER), "w", encoding="ascii") as file:
            file.write(_TEXT)
        binds = []
        for name in os.listdir("/"):
            path = os.path.realpath("/" + name)
            if name not in _HOST_ONLY and os.path.isdir(path) and not root.startswith(path + "/"):
                os.mkdir(os.path.join(root, name))
                binds.append(Bind(path, "/" + name))
        spec = RunSpec(root, ("cat", "/" + _MARKER), cat, {}, binds=tuple(binds))
        return _said(engine.udocker_run(Container("probe", root, root), spec))


def _said(plan: LaunchPlan) -> str:
    try:
        done = subprocess.run(
            plan.argv, env=dict(plan.env), cwd=plan.cwd, stdin=subprocess.DEVNULL,
            capture_output=True, timeout=TIMEOUT, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"{plan.argv[0]} did not end within {TIMEOUT:.0f} seconds"
    except OSError as error:
        return f"cannot execute {plan.argv[0]}: {error.strerror}"
    if done.returncode == 0 and done.stdout.decode(errors="replace") == _TEXT:
        return ""
    said = done.stderr.decode(errors="replace").strip().splitlines()
    return said[-1] if said else f"{plan.argv[0]} ended with status {done.returncode}"


def _remark(engine: Engine, program: str) -> str:
    """What is to be known of a mode that works."""
    if engine.mode == "P2":
        return ""
    if not engine.has_filter():
        return f"; without seccomp, so it is as slow as P2 (proot_noseccomp, {NO_FILTER_VARIABLE})"
    if program and "seccomp_filter = no" in "".join(_lines([program, "--version"])):
        return "; this PRoot was built without seccomp, so it is as slow as P2"
    return ""


def _first_line(command: list[str]) -> str:
    """The line of a program's version: the first, or the one below PRoot's letters."""
    lines = [line for line in _lines(command) if any(sign.isdigit() for sign in line)]
    return lines[0].strip(" |_/\\") if lines else command[0]


def _lines(command: list[str]) -> list[str]:
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            timeout=TIMEOUT, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return []
    return done.stdout.decode(errors="replace").splitlines()


def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:
            return file.read()
    except OSError:
        return ""
