"""Can this host run containers in user namespaces? Tries it, as settings tell only half."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from typing import Any

from udocker_core.binaries import own_program, verify
from udocker_core.model import Container, LaunchPlan, Probe, RunSpec

TIMEOUT = 20.0  # seconds

#: The first releases without the holes of 2025 and 2026 by which an image could reach the host
#: through links under its /dev and /proc.
SAFE_VERSIONS = {"runc": (1, 3, 6), "crun": (1, 28, 0)}


def probe(engine: Any, directory: str, launcher: str, runtime: str) -> Probe:
    """Check the launcher against its manifest, then run it in a container of its own.

    Args:
        engine: the engine, which makes the plan.
        directory: the directory of the launcher and its manifest.
        launcher: the launcher's file name.
        runtime: the path of an OCI runtime, empty for none.

    Raises:
        EngineError: there is no launcher or no manifest.
    """
    faults = verify(directory)
    if faults:
        return Probe(False, "; ".join(faults))
    path = own_program(directory, launcher)
    version = _first_line([path, "--version"])
    if runtime:
        version = f"{_first_line([runtime, '--version'])}, {runtime}"
    with tempfile.TemporaryDirectory(prefix="udocker-") as root:
        for name in ("proc", "dev", "sys"):
            os.mkdir(os.path.join(root, name))
        shutil.copy(path, os.path.join(root, launcher))
        spec = RunSpec(root, ("/" + launcher, "--version"), "/" + launcher, {})
        error = _try(engine.udocker_run(Container("probe", root, root), spec))
    if error:
        return Probe(False, error)
    return Probe(True, version + _warning(version))


def _try(plan: LaunchPlan) -> str:
    """Run the plan: what it said when it failed, else empty."""
    argv, opened = list(plan.argv), []
    try:
        for file in plan.files:
            fd = os.memfd_create(file.name)
            opened.append(fd)
            os.write(fd, file.content)
            os.lseek(fd, 0, os.SEEK_SET)
            argv = [text.replace(f"\0fd:{file.name}\0", str(fd)) for text in argv]
        done = subprocess.run(
            argv, env=dict(plan.env), pass_fds=opened, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=TIMEOUT, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"{argv[0]} did not end within {TIMEOUT:.0f} seconds"
    except OSError as error:
        return f"cannot execute {argv[0]}: {error.strerror}"
    finally:
        for fd in opened:
            os.close(fd)
    if done.returncode == 0:
        return ""
    said = done.stderr.decode(errors="replace").strip().splitlines()
    return said[-1] if said else f"{argv[0]} ended with status {done.returncode}"


def _first_line(command: list[str]) -> str:
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            timeout=TIMEOUT, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return command[0]
    return (done.stdout.decode(errors="replace").splitlines() or [command[0]])[0]


def _warning(version: str) -> str:
    match = re.match(r"(runc|crun) version (\d+)\.(\d+)(?:\.(\d+))?", version)
    if not match:
        return ""
    safe = SAFE_VERSIONS[match[1]]
    if tuple(int(part or 0) for part in match.groups()[1:]) >= safe:
        return ""
    return f" (older than {'.'.join(map(str, safe))}: known holes, for trusted images only)"
