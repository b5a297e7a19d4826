"""The C of ``native/``, tested by freestanding programs.

Each ``test_*.c`` beside this file becomes a program, linked with ``check.c`` and with whatever it
uses of ``native/*.c`` (the linker leaves out the rest, so nothing has to be listed). It is started
with an empty directory as its argument; it has passed if its exit status is 0, and is skipped if
it is 77, with its last line as the reason.
"""

from __future__ import annotations

import glob
import os
import shutil
import subprocess

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
NATIVE = os.path.dirname(HERE)
FLAGS = (
    "-std=c11", "-O2", "-g", "-Wall", "-Wextra", "-Werror", "-ffreestanding", "-nostdlib",
    "-fno-pie", "-fno-stack-protector", "-fno-asynchronous-unwind-tables", "-ffunction-sections",
    "-fdata-sections", "-I", NATIVE, "-I", HERE, '-DPROGRAM="test"',
)  # fmt: skip
LINK = "-static", "-no-pie", "-Wl,--gc-sections"
TESTS = sorted(glob.glob(os.path.join(HERE, "test_*.c")))
SKIPPED = 77


@pytest.fixture(scope="session")
def compiler() -> list[str]:
    """The compiler and its options."""
    for name in ("cc", "gcc", "clang"):
        if shutil.which(name):
            said = subprocess.run([name, "--version"], capture_output=True, text=True).stdout
            # Loops shall stay loops, without a C library to call.
            extra = [] if "clang" in said else ["-fno-tree-loop-distribute-patterns"]
            return [name, *FLAGS, *extra]
    pytest.skip("no C compiler")


@pytest.fixture(scope="session")
def objects(compiler: list[str], tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """All of native/, compiled."""
    directory = tmp_path_factory.mktemp("native")
    sources = [*sorted(glob.glob(os.path.join(NATIVE, "*.c"))), os.path.join(HERE, "check.c")]
    subprocess.run([*compiler, "-c", *sources], cwd=directory, check=True, timeout=300)
    return sorted(glob.glob(str(directory / "*.o")))


@pytest.mark.root
@pytest.mark.parametrize("source", TESTS, ids=os.path.basename)
def test_program(
    source: str, compiler: list[str], objects: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = tmp_path_factory.mktemp("program")
    program = str(place / "program")
    subprocess.run([*compiler, *LINK, source, *objects, "-o", program], check=True, timeout=60)
    tree = place / "tree"
    tree.mkdir()
    done = subprocess.run(
        [program, tree], capture_output=True, text=True, timeout=300, errors="replace"
    )
    output = done.stdout + done.stderr
    if done.returncode == SKIPPED:
        pytest.skip(output.strip().rpartition("\n")[2])
    assert done.returncode == 0, output[-8000:]
