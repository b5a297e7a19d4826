"""The build hook: compiles the launcher into src/udocker_runc/bin and writes its manifest.

It uses the system's C compiler where that can build a freestanding program, else the one in
PyPI's ziglang. Environment: ``CC`` names the compiler; ``UDOCKER_BUILD_ARCH`` (x86_64 or aarch64,
default this machine's) is for cross-building, by ziglang.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import subprocess
import sys
import tempfile
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PROGRAM = "udocker-launch"
FLAGS = (
    "-std=c11", "-Os", "-Wall", "-Wextra", "-ffreestanding", "-nostdlib", "-static", "-fno-pie",
    "-fno-ident", "-fno-stack-protector", "-fno-asynchronous-unwind-tables",
    "-Wl,--build-id=none", "-Wl,-z,noexecstack", "-s",
)  # fmt: skip
ARCHITECTURES = ("x86_64", "aarch64")
LICENCE = "Apache-2.0"


class LauncherBuildHook(BuildHookInterface):
    """Puts the launcher into wheels and editable installations."""

    def dependencies(self) -> list[str]:
        """Ask for ziglang only when it is needed: it is a download of 100 MB."""
        with tempfile.TemporaryDirectory() as directory:
            output = os.path.join(directory, PROGRAM)
            found = any(self._compile(compiler, output) for compiler in system_compilers())
        return [] if found else ["ziglang>=0.13"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and say what the wheel runs on."""
        directory = os.path.join(self.root, "src", "udocker_runc", "bin")
        os.makedirs(directory, exist_ok=True)
        path = os.path.join(directory, PROGRAM)
        zig = [sys.executable, "-m", "ziglang", "cc", "-target", f"{architecture()}-linux-none"]
        for compiler in [*system_compilers(), zig]:
            command = self._compile(compiler, path)
            if command:
                break
        else:
            raise RuntimeError("no C compiler can build the launcher: install one, or ziglang")
        os.chmod(path, 0o755)  # noqa: S103
        with open(path, "rb") as file:
            content = file.read()
        shown = ["python" if word == sys.executable else word for word in command]
        manifest = {
            "programs": [
                {
                    "path": PROGRAM,
                    "sha256": hashlib.sha256(content).hexdigest(),
                    "size": len(content),
                    "version": self.metadata.version,
                    "licence": LICENCE,
                    "arch": architecture(),
                    "build": shlex.join(shown),
                }
            ]
        }
        with open(os.path.join(directory, "engines.json"), "w", encoding="utf-8") as file:
            file.write(json.dumps(manifest, indent=2) + "\n")
        arch = architecture()
        tags = ".".join(f"{name}_{arch}" for name in (
            "manylinux_2_17", "manylinux2014", "musllinux_1_1"
        ))  # fmt: skip
        build_data["tag"] = f"py3-none-{tags}"
        build_data["pure_python"] = False

    def _compile(self, compiler: list[str], output: str) -> list[str]:
        """The command that built the program, with relative names; empty when it failed."""
        sources = sorted(name for name in os.listdir(self._sources) if name.endswith(".c"))
        command = [*compiler, *FLAGS, f'-DVERSION="{self.metadata.version}"', *sources]
        try:
            done = subprocess.run(
                [*command, "-o", output], cwd=self._sources, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False,
            )  # fmt: skip
        except OSError:
            return []
        return [*command, "-o", PROGRAM] if done.returncode == 0 else []

    @property
    def _sources(self) -> str:
        return os.path.join(self.root, "csrc")


def architecture() -> str:
    """The architecture to build for, as uname(1) calls it."""
    arch = os.environ.get("UDOCKER_BUILD_ARCH") or os.uname().machine
    if arch not in ARCHITECTURES:
        raise RuntimeError(f"the launcher is for {' and '.join(ARCHITECTURES)}, not for {arch}")
    return arch


def system_compilers() -> list[list[str]]:
    """The compilers to try. They build for this machine only."""
    if architecture() != os.uname().machine:
        return []
    if os.environ.get("CC"):
        return [shlex.split(os.environ["CC"])]
    return [["cc"], ["gcc"], ["clang"]]
