"""Imports point one way, and plugins use the public interface only."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORE = ROOT / "udocker_core"

#: The parts of the core, the lowest first. A part may import its own tier and those before it.
TIERS = (
    {"namedtuple", "quickjson"},
    {"__init__", "errors", "model", "names", "digest", "platform", "hookmarker"},
    {"manifest", "config", "files", "locks", "binaries", "mounts"},
    {"registry", "layers"},
    {"workspace"},
    {"images", "containers"},
    {"run", "entrypoints", "plugins", "engines", "hookspecs", "hooks"},
    {"provision", "execution"},
    {"cli", "__main__"},
)
RANKS = {part: rank for rank, tier in enumerate(TIERS) for part in tier}
#: For whoever tests the core or a plugin; it may import anything, and only tests import it.
KIT = "testing"

#: What a plugin may import of the core, and what its tests may besides.
PUBLIC = {"__init__", "hookmarker", "model", "errors", "binaries", "mounts"}
PUBLIC_FOR_TESTS = {"testing", "run.launch"}


def imported(path: Path) -> set[str]:
    """The dotted names that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: a relative import"
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def modules_imported(path: Path) -> set[str]:
    """The modules below udocker_core that a file imports: ``run.launch``."""
    names = (name.partition(".") for name in imported(path))
    return {module_of(rest) for package, _, rest in names if package == "udocker_core"}


def module_of(dotted: str) -> str:
    """``run.launch`` of ``run.launch.execute``; ``__init__`` of what the package itself has."""
    words = dotted.split(".")
    while words and not (
        CORE.joinpath(*words).with_suffix(".py").exists() or CORE.joinpath(*words).is_dir()
    ):
        words.pop()
    return ".".join(words) or "__init__"


def part_of(path: Path) -> str:
    return path.relative_to(CORE).parts[0].removesuffix(".py")


MODULES = [path for path in sorted(CORE.rglob("*.py")) if part_of(path) != KIT]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(CORE)))
def test_a_module_imports_nothing_above_it(path: Path) -> None:
    part = part_of(path)
    assert part in RANKS, f"give {part} its place in TIERS"
    above = {
        name
        for name in modules_imported(path)
        if name.partition(".")[0] == KIT or RANKS[name.partition(".")[0]] > RANKS[part]
    }
    assert not above


def test_no_two_parts_import_each_other() -> None:
    graph: dict[str, set[str]] = {}
    for path in MODULES:
        parts = {name.partition(".")[0] for name in modules_imported(path)}
        graph.setdefault(part_of(path), set()).update(parts - {part_of(path)})
    while graph:
        leaves = {part for part, below in graph.items() if not below & graph.keys()}
        assert leaves, f"they import each other: {sorted(graph)}"
        graph = {part: below for part, below in graph.items() if part not in leaves}


def test_the_core_imports_no_plugin() -> None:
    plugins = {path.name for path in ROOT.glob("plugins/*/src/*") if path.is_dir()}
    assert plugins
    for path in MODULES:
        assert not {name.partition(".")[0] for name in imported(path)} & plugins, path


def test_plugins_use_the_public_interface() -> None:
    for source in ROOT.glob("plugins/*/src/**/*.py"):
        assert modules_imported(source) <= PUBLIC, source
    for source in ROOT.glob("plugins/*/tests/**/*.py"):
        private = modules_imported(source) - PUBLIC - PUBLIC_FOR_TESTS
        assert not {name for name in private if not name.startswith("testing.")}, source
