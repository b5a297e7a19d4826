"""The documentation names all there is, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from udocker_core import config, errors
from udocker_core.cli import table
from udocker_core.cli.declare import Option
from udocker_core.cli.main import GENERAL

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md")),
    *sorted(DOCS.rglob("*.md")),
    *sorted(ROOT.glob("plugins/*/README.md")),
]
COMMANDS = (DOCS / "commands.md").read_text()
SETTINGS = (DOCS / "configuration.md").read_text()

_OPTION = re.compile(r"^- (`-[^`]*`(?:, `-[^`]*`)*):", re.MULTILINE)
_LINK = re.compile(r"\[[^][]*\]\(([^()\s]+)\)")


def section(heading: str) -> str:
    """What follows a heading of commands.md, to the next one."""
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^#|\Z)", COMMANDS, re.DOTALL | re.M)
    assert found, f"docs/commands.md has no section {heading}"
    return found[1]


def documented(text: str) -> set[str]:
    """The options of a section, as ``-v, --volume HOST``."""
    return {found.replace("`", "") for found in _OPTION.findall(text)}


def declared(options: tuple[Option, ...]) -> set[str]:
    return {" ".join([", ".join(o.names), *filter(None, [o.metavar])]) for o in options}


def test_general_options() -> None:
    assert documented(section("General options")) == declared(GENERAL)


@pytest.mark.parametrize("name", table.COMMANDS)
def test_command(name: str) -> None:
    command = table.load(name)
    text = section(f"`{' '.join(filter(None, ['udocker', name, command.arguments]))}`")
    assert documented(text) == declared(command.options)
    assert command.summary == table.COMMANDS[name][1]


def test_no_other_command() -> None:
    assert set(re.findall(r"^## `udocker (\S+?)[ `]", COMMANDS, re.MULTILINE)) == set(
        table.COMMANDS
    )


def test_settings() -> None:
    rows = dict(re.findall(r"^\| `([a-z0-9_]+)` \| (.*?) \|", SETTINGS, re.MULTILINE))
    of_engines = {
        key
        for path in ROOT.glob("plugins/*/src/**/*.py")
        for key in re.findall(r'^[A-Z]+_KEY = "(\w+)"', path.read_text(), re.MULTILINE)
    }
    assert rows.keys() == config.DEFAULTS.keys() | of_engines
    for key, default in config.DEFAULTS.items():
        assert rows[key] == (f"`{default}`" if default else ""), key


def test_variables() -> None:
    named = set(re.findall(r"`(UDOCKER_[A-Z_]+)`", SETTINGS))
    assert named >= set(config.VARIABLES)


def test_exit_statuses_and_errors() -> None:
    statuses = section("Exit status")
    manual = (DOCS / "plugins.md").read_text()
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    assert errors.UdockerError in kinds
    for kind in kinds:
        assert f"| {kind.exit_code} |" in statuses
        assert f"`{kind.__name__}`" in manual


def anchors(page: Path) -> set[str]:
    """The headings of a page, as they appear in links."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-") for text in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in _LINK.findall(page.read_text()):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{link} in {page}"
        assert not anchor or anchor in anchors(target), f"{link} in {page}"


def test_pages_that_the_code_names_exist() -> None:
    sources = [*ROOT.glob("udocker_core/**/*.py"), *ROOT.glob("plugins/*/src/**/*.py")]
    named = {name for path in sources for name in re.findall(r"docs/[\w/.-]*\w", path.read_text())}
    assert named
    assert not {name for name in named if not [*ROOT.glob(f"{name}*")]}
