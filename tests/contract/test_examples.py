"""What the documentation shows works as shown."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from udocker_core.cli import quick, table
from udocker_core.cli.declare import Command
from udocker_core.cli.main import GENERAL
from udocker_core.hooks import Hooks
from udocker_core.model import Bind, Capabilities, Container, Contribution, RunSpec
from udocker_core.testing.engines import EngineConformance

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("plugins/*/README.md")]
ENGINE, PLUGIN, *_ = re.findall(
    r"^```python\n(.*?)^```", (ROOT / "docs/plugins.md").read_text(), re.DOTALL | re.MULTILINE
)
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


class TestTheEngine(EngineConformance):
    engine = load(ENGINE, "Engine")
    modes = ("B1",)
    test_entry_points_are_the_modes = None  # type: ignore[assignment]  # nobody installs it

    @pytest.fixture(autouse=True)
    def _bubblewrap(self, tmp_path_factory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        directory = tmp_path_factory.mktemp("bin")
        (directory / "bwrap").touch(mode=0o755)
        monkeypatch.setenv("PATH", str(directory))


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
