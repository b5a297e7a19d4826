"""Hooks: specified, documented, called, and marked as pluggy marks them."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pluggy
import pytest

from udocker_core import hookimpl, hookspecs
from udocker_core.hookmarker import ATTRIBUTE, PROJECT
from udocker_core.hooks import Hooks

ROOT = Path(__file__).parents[2]
SPECS: dict[str, Callable[..., Any]] = {
    name: function for name, function in vars(hookspecs).items() if name.startswith("udocker_")
}

each_hook = pytest.mark.parametrize("name", SPECS)


@each_hook
def test_a_hook_tells_all_about_itself(name: str) -> None:
    text = inspect.getdoc(SPECS[name]) or ""
    parameters = inspect.signature(SPECS[name]).parameters
    assert "\nCalled by: " in text
    assert "\nExample" in text
    assert ("\nArgs:\n" in text) == bool(parameters)
    assert all(f"\n    {parameter}: " in text for parameter in parameters)
    returns = inspect.signature(SPECS[name]).return_annotation
    assert ("\nReturns:\n" in text) == (returns != "None")


@each_hook
def test_a_hook_is_in_the_manual(name: str) -> None:
    _, heading, rest = (ROOT / "docs/plugins.md").read_text().partition(f"\n### `{name}`\n")
    assert heading, f"docs/plugins.md has no section {name}"
    section = rest.partition("\n#")[0]
    assert f"def {name}(self" in section
    assert "Called by" in section


def test_every_hook_is_called_and_no_other() -> None:
    called = set()
    for path in (ROOT / "udocker_core").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                first = node.args[0] if node.func.attr == "call" and node.args else None
                if isinstance(first, ast.Constant):
                    called.add(first.value)
    assert called == set(SPECS)


def test_the_marker_is_pluggys() -> None:
    def ours(self: object) -> None: ...

    def theirs(self: object) -> None: ...

    hookimpl(ours)
    pluggy.HookimplMarker(PROJECT)(theirs)
    assert getattr(ours, ATTRIBUTE) == getattr(theirs, ATTRIBUTE)


@each_hook
def test_one_result_or_all_with_one_plugin_or_several(name: str) -> None:
    plugin = type("Plugin", (), {name: hookimpl(lambda self: "result")})
    first = SPECS[name].udocker_spec["firstresult"]  # type: ignore[attr-defined]
    arguments = dict.fromkeys(inspect.signature(SPECS[name]).parameters)
    assert Hooks([plugin()]).call(name, **arguments) == ("result" if first else ["result"])
    several = Hooks([plugin(), plugin()]).call(name, **arguments)
    assert several == ("result" if first else ["result", "result"])
