"""What the documentation shows works as shown."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from udocker_core.cli import quick, table
from udocker_core.cli.declare import Command
from udocker_core.cli.main import GENERAL
from udocker_core.hooks import Hooks
from udocker_core.model import Bind, Capabilities, Container, Contribution, RunSpec
from udocker_core.testing.fixtures import write_distribution

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("plugins/*/README.md")]
TEXT = (ROOT / "docs/plugins.md").read_text()
ENGINE, PLUGIN, *_ = re.findall(r"^```python\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
TESTS, *_ = re.findall(r"^  ```python\n(.*?)^  ```", TEXT, re.DOTALL | re.MULTILINE)
_LINE = re.compile(r"^(?:    |\$ )((?:[A-Z_]+=\S+ )*udocker .*)$", re.MULTILINE)
_UDOCKER = Command("", "", lambda session, values: 0, GENERAL, most=None, passthrough=True)


def shown() -> list[str]:
    """The command lines in blocks of code."""
    return [line for page in PAGES for line in _LINE.findall(page.read_text())]


@pytest.mark.parametrize("line", shown())
def test_command_lines_are_well_formed(line: str) -> None:
    words = shlex.split(line, comments=True)
    values = quick.parse(_UDOCKER, words[words.index("udocker") + 1 :])
    assert values is not None
    name, *rest = values["arguments"]
    assert quick.parse(table.load(name), rest) is not None


def load(code: str, name: str) -> Any:
    namespace: dict[str, Any] = {"__name__": "example"}
    exec(compile(code, "docs/plugins.md", "exec"), namespace)
    return namespace[name]


def bubblewrap_works() -> bool:
    command = ["bwrap", "--unshare-user", "--unshare-pid", "--bind", "/", "/", "true"]
    try:
        return subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0
    except OSError:
        return False


@pytest.mark.parametrize(
    "tests",
    [
        "TestEngine",
        pytest.param(
            "TestRuns",
            marks=pytest.mark.skipif(not bubblewrap_works(), reason="missing here: bwrap"),
        ),
    ],
)
def test_the_engine(tmp_path: Path, tests: str) -> None:
    """The engine and its tests are installed and run as they are printed."""
    found = re.search(r'^\[project\.entry-points\."(.*)"\]\n(\w+) = "(.*)"', TEXT, re.MULTILINE)
    assert found
    group, mode, value = found.groups()
    write_distribution(
        tmp_path, "udocker-bwrap", {group: {mode: value}},
        {"udocker_bwrap.py": ENGINE, "test_bwrap.py": textwrap.dedent(TESTS)},
    )  # fmt: skip
    if not shutil.which("bwrap"):
        (tmp_path / "bwrap").touch(mode=0o755)
    environment = {
        **os.environ,
        "PATH": f"{os.environ['PATH']}{os.pathsep}{tmp_path}",
        "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT), *filter(None, sys.path)]),
    }
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-ra", "-c", os.devnull, f"--rootdir={tmp_path}",
         "-p", "no:cacheprovider", f"test_bwrap.py::{tests}"],
        cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "not installed" not in done.stdout


def test_the_plugin(tmp_path: Path) -> None:
    plugin = load(PLUGIN, "Plugin")({"scratch_directory": str(tmp_path)})
    contributions = Hooks([plugin]).call(
        "udocker_prepare_run",
        container=Container("id", "", ""),
        spec=RunSpec("/", ("true",), "/bin/true", {}),
        capabilities=Capabilities(),
    )
    binds = (Bind(str(tmp_path), "/scratch"),)
    assert contributions == [Contribution(binds, env={"SCRATCH": "/scratch"})]
