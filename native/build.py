"""Compiles the freestanding C program of a plugin.

``python native/build.py plugins/NAME [OUT]`` builds it for this machine, without pip, into the
plugin's package or as OUT. The plugins' build hooks, which make wheels, call :func:`build_wheel`.

A plugin describes its program in ``csrc/program.json``:

* ``program``: its file name;
* ``package``: the Python package that ships it, in ``bin``;
* ``shared``: which sources of ``native`` it needs, as patterns; its own are all of ``csrc/*.c``;
* ``optimize``: the compiler's ``-O`` option;
* ``fixed_address``: whether it lies at the same unusual address in every process (ADDRESSES).

Environment: ``CC`` names the compiler; ``UDOCKER_BUILD_ARCH`` (x86_64 or aarch64, default this
machine's) is for cross-building, by PyPI's ziglang.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from typing import Any

NATIVE = os.path.dirname(os.path.abspath(__file__))
FLAGS = (
    "-std=c11", "-Wall", "-Wextra", "-ffreestanding", "-nostdlib", "-static",
    "-fno-ident", "-fno-stack-protector", "-fno-asynchronous-unwind-tables",
    "-fno-sanitize=all",
    "-Wl,--build-id=none", "-Wl,-z,noexecstack", "-s",
)  # fmt: skip
# The kernel puts nothing there by itself, and no program that is known to be choosy about
# addresses (AddressSanitizer, ThreadSanitizer, Java, Go) wants to have the place. For x86_64 it is
# below the addresses of position-independent programs. For aarch64 it is valid with 39 bits too.
ADDRESSES = {"x86_64": 0x550000000000, "aarch64": 0xE00000000}
# Code that does not care where it lies, linked at an address for good: with GNU ld or with lld. It
# runs inside of other programs, whose vector registers are not its own.
FIXED = "-fpic", "-mgeneral-regs-only"
LINKERS = "-Wl,-Ttext-segment={:#x}", "-Wl,--image-base={:#x}"
# Loops shall stay loops, without a C library to call; clang knows that by -ffreestanding.
GCC = "-fno-tree-loop-distribute-patterns"
LICENCE = "Apache-2.0"
ZIGLANG = "ziglang>=0.13"
PROBE = "void _start(void) { for (;;) {} }\n"


class Program:
    """What is to be built.

    Args:
        project: directory of the plugin.
    """

    def __init__(self, project: str) -> None:
        self.directory = os.path.join(os.path.abspath(project), "csrc")
        with open(os.path.join(self.directory, "program.json"), encoding="utf-8") as file:
            described = json.load(file)
        self.name: str = described["program"]
        self.package = os.path.join(os.path.abspath(project), "src", described["package"])
        native = os.path.relpath(NATIVE, self.directory)
        self.sources = names(os.path.join(self.directory, "*.c"))
        for pattern in described["shared"]:
            found = names(os.path.join(NATIVE, pattern))
            if not found:
                raise FileNotFoundError(f"no such source: native/{pattern}")
            self.sources += [os.path.join(native, name) for name in found]
        self.flags = [described["optimize"], *FLAGS, "-I", native, f'-DPROGRAM="{self.name}"']
        self.flags += ["-include", os.path.join(native, "hidden.h")]
        self.address = ADDRESSES[architecture()] if described["fixed_address"] else 0

    def compile(self, version: str, output: str) -> list[str]:
        """Build the program.

        Args:
            version: what ``--version`` will say.
            output: path of the program.

        Returns:
            The command, with relative names.

        Raises:
            RuntimeError: no compiler was found, or it failed (which it has said on stderr).
        """
        compiler = find_compiler(self.address)
        if not compiler:
            raise RuntimeError(f"no C compiler can build {self.name}: install one, or ziglang")
        command = [*compiler, *self.flags, f'-DVERSION="{version}"', *self.sources, "-o"]
        done = subprocess.run(
            [*command, os.path.abspath(output)], cwd=self.directory, stdin=subprocess.DEVNULL,
            check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{compiler[0]} cannot build {self.name}")
        os.chmod(output, 0o755)  # noqa: S103
        if not is_placed(output, self.address):
            raise RuntimeError(f"{compiler[0]} did not put {self.name} at {self.address:#x}")
        shown = ["python" if word == sys.executable else word for word in command]
        return [*shown, self.name]


def build_wheel(project: str, version: str) -> dict[str, Any]:
    """Build a plugin's program into its package, with the manifest.

    Args:
        project: directory of the plugin.
        version: the plugin's.

    Returns:
        The build data (hatchling's term) of a wheel for the architecture.
    """
    program = Program(project)
    directory = os.path.join(program.package, "bin")
    os.makedirs(directory, exist_ok=True)
    path = os.path.join(directory, program.name)
    command = program.compile(version, path)
    with open(path, "rb") as file:
        content = file.read()
    arch = architecture()
    manifest = {
        "programs": [
            {
                "path": program.name,
                "sha256": hashlib.sha256(content).hexdigest(),
                "size": len(content),
                "version": version,
                "licence": LICENCE,
                "arch": arch,
                "build": shlex.join(command),
            }
        ]
    }
    with open(os.path.join(directory, "engines.json"), "w", encoding="utf-8") as file:
        file.write(json.dumps(manifest, indent=2) + "\n")
    systems = ("manylinux_2_17", "manylinux2014", "musllinux_1_1")
    return {
        "tag": "py3-none-" + ".".join(f"{system}_{arch}" for system in systems),
        "pure_python": False,
    }


def dependencies(project: str) -> list[str]:
    """What has to be installed for the build: ziglang, a download of 100 MB, only if needed."""
    address = Program(project).address
    found = any(linking(compiler, address) is not None for compiler in system_compilers())
    return [] if found else [ZIGLANG]


def architecture() -> str:
    """The architecture to build for, as uname(1) calls it."""
    arch = os.environ.get("UDOCKER_BUILD_ARCH") or os.uname().machine
    if arch not in ADDRESSES:
        raise RuntimeError(f"the programs are for {' and '.join(ADDRESSES)}, not for {arch}")
    return arch


def system_compilers() -> list[list[str]]:
    """The compilers to try. They build for this machine only."""
    if architecture() != os.uname().machine:
        return []
    if os.environ.get("CC"):
        return [shlex.split(os.environ["CC"])]
    return [["cc"], ["gcc"], ["clang"]]


def find_compiler(address: int) -> list[str]:
    """The first compiler that can do it, with the options that depend on it; or nothing."""
    zig = [sys.executable, "-m", "ziglang", "cc", "-target", f"{architecture()}-linux-none"]
    for compiler in [*system_compilers(), zig]:
        options = linking(compiler, address)
        if options is not None:
            return [*compiler, *options]
    return []


def linking(compiler: list[str], address: int) -> list[str] | None:
    """The options with which the compiler makes a freestanding program at an address.

    Args:
        compiler: its command.
        address: 0 for the usual one.

    Returns:
        The options; None when it cannot do it.
    """
    forms = [[*FIXED, form.format(address)] for form in LINKERS] if address else [["-fno-pie"]]
    with tempfile.TemporaryDirectory() as directory:
        source, output = os.path.join(directory, "probe.c"), os.path.join(directory, "probe")
        with open(source, "w", encoding="utf-8") as file:
            file.write(PROBE)
        for options in [[GCC, *form] for form in forms] + forms:
            try:
                done = subprocess.run(
                    [*compiler, *options, *FLAGS, source, "-o", output],
                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL, check=False,
                )  # fmt: skip
            except OSError:
                return None
            if done.returncode == 0 and is_placed(output, address):
                return options
    return None


def names(pattern: str) -> list[str]:
    """The names of the files that a pattern of paths finds, in order."""
    return sorted(os.path.basename(path) for path in glob.glob(pattern))


def is_placed(path: str, address: int) -> bool:
    """Whether the entry point of an ELF64 program (elf(5): e_entry) is within 16 MiB of address.

    Linkers may ignore options that they do not know. Address 0 stands for any.
    """
    with open(path, "rb") as file:
        entry = int.from_bytes(file.read(64)[24:32], "little")
    return not address or 0 <= entry - address < 1 << 24


def source_version(package: str) -> str:
    """The version that a package's source gives, "0" when it has none yet."""
    try:
        with open(os.path.join(package, "__init__.py"), encoding="utf-8") as file:
            found = re.search(r'^__version__ = "([^"]+)"', file.read(), re.MULTILINE)
    except FileNotFoundError:
        found = None
    return found[1] if found else "0"


def main(arguments: list[str]) -> int:
    """Build for a developer. Returns the exit status."""
    if not 1 <= len(arguments) <= 2:
        sys.stderr.write("usage: build.py PROJECT [OUT]\n")
        return 2
    version = source_version(Program(arguments[0]).package)
    if len(arguments) == 1:
        build_wheel(arguments[0], version)
    else:
        Program(arguments[0]).compile(version, arguments[1])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
