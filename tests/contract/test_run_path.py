"""``run`` of an existing container imports next to nothing, in a fresh interpreter."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import udocker_core

ROOT = Path(__file__).parents[2]
CORE = Path(udocker_core.__file__).parents[1]

FORBIDDEN = frozenset(
    (
        *("requests", "urllib3", "certifi", "rich", "stevedore", "click", "pluggy", "isal"),
        *("http", "urllib", "ssl", "socket", "email", "logging", "asyncio", "concurrent"),
        *("importlib.metadata", "importlib.resources", "dataclasses", "inspect", "argparse"),
        *("tempfile", "subprocess", "shutil", "pathlib", "tarfile", "zipfile", "hashlib"),
        *("threading", "queue", "random", "uuid", "configparser", "platform", "traceback"),
        *("re", "enum", "typing", "json", "collections", "functools", "contextlib", "signal"),
        *("gzip", "bz2", "lzma", "ctypes", "pwd", "grp"),
        *("udocker_core.registry", "udocker_core.images", "udocker_core.layers"),
        *("udocker_core.names", "udocker_core.workspace", "udocker_core.run.child"),
        *("udocker_core.provision", "udocker_core.hookspecs", "udocker_core.cli.full"),
    )
)

ENGINE = """
from udocker_core import hookimpl
from udocker_core.model import Capabilities, LaunchPlan

class Engine:
    capabilities = Capabilities()

    def __init__(self, mode, settings):
        pass

    @hookimpl
    def udocker_run(self, spec):
        return LaunchPlan(("/bin/sh", "-c", "echo started"), spec.env)
"""


def imported(code: str, *argv: str, path: str, home: Path) -> tuple[str, set[str]]:
    """The standard output of a fresh interpreter, and all that it imported.

    Without ``site``, so that an environment's ``.pth`` files do not count. The interpreter tells
    on standard error while it imports, so this sees what was imported before an ``execve``.
    """
    done = subprocess.run(
        [sys.executable, "-S", "-v", "-c", code, *argv],
        env={**os.environ, "PYTHONPATH": path, "HOME": str(home), "PATH": os.defpath},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    names = re.findall(r"^import '([\w.]+)' #", done.stderr, re.MULTILINE)
    return done.stdout, set(names)


@pytest.fixture
def engines(tmp_path: Path) -> Path:
    """A directory as pip fills it, with two engines."""
    directory = tmp_path / "installed"
    metadata = directory / "udocker_fake-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "entry_points.txt").write_text(
        "[udocker.engines.v1]\nX1 = fake_engine:Engine\nX2 = other_engine:Engine\n"
    )
    (directory / "fake_engine.py").write_text(ENGINE)
    (directory / "other_engine.py").write_text(ENGINE)
    return directory


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a container in mode X1."""
    identifier = "00000000-0000-4000-8000-000000000000"
    container = tmp_path / "home" / ".udocker" / "containers" / identifier
    program = container / "ROOT" / "bin" / "true"
    program.parent.mkdir(parents=True)
    program.touch(mode=0o755)
    (container / "container.json").write_text('{"config": {"Env": ["PATH=/bin"]}}')
    (container / "execmode").write_text("X1")
    (container.parent / "name").symlink_to(identifier)
    return tmp_path / "home"


def test_run_of_an_existing_container(home: Path, engines: Path) -> None:
    code = "import sys; from udocker_core.cli.main import main; sys.exit(main())"
    command = ("--allow-root", "run", "--env=A=b", "-w", "/bin", "name", "true")
    path = f"{CORE}:{engines}"
    output, names = imported(code, *command, path=path, home=home)
    assert output == "started\n"
    assert {"fake_engine", "udocker_core.run.launch"} <= names
    assert not names & FORBIDDEN
    assert "other_engine" not in names


def first_party() -> list[tuple[str, str]]:
    """The source folder and module of each engine in this repository."""
    found = set()
    for file in ROOT.glob("plugins/*/pyproject.toml"):
        _, _, section = file.read_text().partition('[project.entry-points."udocker.engines.v1"]')
        for module in re.findall(r'^\w+ = "([\w.]+):', section.partition("\n[")[0], re.MULTILINE):
            found.add((str(file.parent / "src"), module))
    return sorted(found)


@pytest.mark.parametrize(("source", "module"), first_party())
def test_an_engine_imports_as_little(source: str, module: str, tmp_path: Path) -> None:
    _, names = imported(f"import {module}", path=f"{CORE}:{source}", home=tmp_path)
    assert module in names
    assert not names & FORBIDDEN
