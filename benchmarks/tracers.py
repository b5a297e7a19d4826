"""The tracing engines that are compared: ours and two PRoots, in both modes."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tests.live.command import which

#: The static PRoot, in a wheel that holds one: the wheel's project, and the file in it.
STATIC_PROOT = ("xcrunner==0.1.8", "xcodon_runtime/_bin/proot-x86_64")
#: With this variable a PRoot, ours too, does without a seccomp filter.
WITHOUT_FILTER = {"PROOT_NO_SECCOMP": "1"}


class Tracer(NamedTuple):
    """A program with PRoot's command line, in one mode."""

    name: str
    program: str
    variables: Mapping[str, str]  #: to add to the environment

    def command(self, root: Path, *argv: str, options: tuple[str, ...] = ()) -> list[str]:
        """What runs `argv` as root in the tree `root`, with the host's /proc and /dev."""
        surroundings = ["-b", "/proc", "-b", "/dev", "-w", "/", "-0"]
        return [self.program, "-r", str(root), *surroundings, *options, *argv]


def own() -> list[Tracer]:
    """Our tracer: the one UDOCKER_USE_PROOT_EXECUTABLE names, else the installed plugin's.

    Raises:
        RuntimeError: there is none.
    """
    program = os.environ.get("UDOCKER_USE_PROOT_EXECUTABLE", "")
    if not program:
        package = importlib.util.find_spec("udocker_proot")
        if package is None or package.origin is None:
            raise RuntimeError("the plugin udocker-proot is not installed")
        program = str(Path(package.origin).parent / "bin" / "udocker-proot")
    return [Tracer("udocker P1", program, {}), Tracer("udocker P2", program, WITHOUT_FILTER)]


def foreign(place: Path) -> list[Tracer]:
    """The PRoots that can be had here; the static one is downloaded into `place` by pip."""
    tracers = []
    static = static_proot(place)
    if static:
        tracers += [
            Tracer("PRoot 5.4.1 P1", static, {}),
            Tracer("PRoot 5.4.1 P2", static, WITHOUT_FILTER),
        ]
    debian = which("proot")
    if debian:
        tracers.append(Tracer("Debian's PRoot P2", debian, WITHOUT_FILTER))
    return tracers


def static_proot(place: Path) -> str:
    """The path of PRoot 5.4.1's static program in `place`; empty if pip cannot get it."""
    requirement, member = STATIC_PROOT
    program = place / Path(member).name
    if not program.exists():
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        done = subprocess.run([*pip, "--dest", str(place), requirement], check=False)
        if done.returncode:
            return ""
        (wheel,) = place.glob("xcrunner-*.whl")
        with zipfile.ZipFile(wheel) as archive:
            program.write_bytes(archive.read(member))
        program.chmod(0o755)
    return str(program)
