"""What is shipped: every distribution by itself, with what it says of itself, and no more."""

from __future__ import annotations

import configparser
import email
import hashlib
import json
import re
import stat
import subprocess
import sys
import zipfile
from email.message import Message
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
PLUGINS = sorted(path.parent for path in TOP.glob("plugins/*/pyproject.toml"))
IGNORED = re.compile(r"\.git|\.venv.*|build|dist|bin|.*_cache|__pycache__")


class Wheel:
    """A wheel that was built from the checkout."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.archive = zipfile.ZipFile(path)
        self.names = self.archive.namelist()
        self.metadata: Message = email.message_from_bytes(self._info("METADATA"))

    def entry_points(self) -> configparser.ConfigParser:
        parser = configparser.ConfigParser()
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        parser.read_string(self._info("entry_points.txt").decode())
        return parser

    def _info(self, name: str) -> bytes:
        (found,) = (n for n in self.names if n.endswith(f".dist-info/{name}"))
        return self.archive.read(found)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Wheel]:
    """All wheels by the names of their distributions."""
    target = tmp_path_factory.mktemp("wheels")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(target)]
    subprocess.run([*pip, str(TOP), *map(str, PLUGINS)], check=True)
    return {w.metadata["Name"]: w for w in map(Wheel, target.iterdir())}


def test_every_distribution_is_there(wheels: dict[str, Wheel]) -> None:
    assert wheels.keys() == {"udocker-core", *(f"udocker-{path.name}" for path in PLUGINS)}


def test_each_says_where_it_runs_and_under_which_licence(wheels: dict[str, Wheel]) -> None:
    for wheel in wheels.values():
        assert wheel.metadata["Requires-Python"] == ">=3.9"
        assert wheel.metadata["License-Expression"] == "Apache-2.0"
        assert wheel.metadata["Description-Content-Type"] == "text/markdown"
        assert wheel.metadata.get_payload()


def test_the_core_is_pure_and_has_no_plugin(wheels: dict[str, Wheel]) -> None:
    core = wheels["udocker-core"]
    assert core.path.name.endswith("-py3-none-any.whl")
    assert {name.split("/")[0].split("-")[0] for name in core.names} == {"udocker_core"}
    assert any(name.endswith("/licenses/LICENSE") for name in core.names)
    points = core.entry_points()
    assert points["console_scripts"]["udocker"] == "udocker_core.cli.main:main"
    assert points.sections() == ["console_scripts"]


def test_the_core_offers_each_plugin_as_an_extra(wheels: dict[str, Wheel]) -> None:
    core = wheels["udocker-core"]
    offered = core.metadata.get_all("Provides-Extra")
    required = core.metadata.get_all("Requires-Dist")
    for plugin in PLUGINS:
        assert plugin.name in offered
        for extra in (plugin.name, "all"):
            assert any(
                re.fullmatch(rf"udocker-{plugin.name}; extra == ['\"]{extra}['\"]", line)
                for line in required
            )


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda path: path.name)
def test_a_plugin_needs_only_the_core(plugin: Path, wheels: dict[str, Wheel]) -> None:
    wheel = wheels[f"udocker-{plugin.name}"]
    needed = wheel.metadata.get_all("Requires-Dist")
    assert [re.split(r"[^a-z-]", line)[0] for line in needed] == ["udocker-core"]
    tops = {name.split("/")[0].split("-")[0] for name in wheel.names}
    assert tops == {f"udocker_{plugin.name}"}
    assert any(section.startswith("udocker.") for section in wheel.entry_points().sections())


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda path: path.name)
def test_engine_programs_are_what_their_manifest_says(
    plugin: Path, wheels: dict[str, Wheel]
) -> None:
    wheel = wheels[f"udocker-{plugin.name}"]
    inside = f"udocker_{plugin.name}/bin/"
    shipped = {n[len(inside) :] for n in wheel.names if n.startswith(inside)} - {"engines.json"}
    if not (plugin / "csrc").is_dir():
        assert not shipped
        return
    assert re.search(r"-py3-none-manylinux_2_17_\w+\.manylinux2014_\w+\.musl", wheel.path.name)
    described = json.loads(wheel.archive.read(f"{inside}engines.json"))["programs"]
    assert {program["path"] for program in described} == shipped
    for program in described:
        content = wheel.archive.read(inside + program["path"])
        assert hashlib.sha256(content).hexdigest() == program["sha256"]
        assert {"version", "licence", "build", "arch"} <= program.keys()
        assert program["arch"] in wheel.path.name
        mode = wheel.archive.getinfo(inside + program["path"]).external_attr >> 16
        assert stat.S_IMODE(mode) == 0o755
        assert str(TOP) not in content.decode("latin-1")


def test_no_compiled_file_is_in_the_sources() -> None:
    compiled = [
        path
        for path in files_below(TOP)
        if path.open("rb").read(4) in (b"\x7fELF", b"!<ar") or path.suffix in (".pyc", ".so", ".o")
    ]
    assert compiled == []


def files_below(directory: Path) -> list[Path]:
    """The files of the checkout, without what git ignores."""
    found = []
    for path in directory.iterdir():
        if IGNORED.fullmatch(path.name) or path.is_symlink():
            continue
        found += files_below(path) if path.is_dir() else [path]
    return found
