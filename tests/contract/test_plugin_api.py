"""The interface that plugins are written against does not change unseen.

plugin_api.txt is that interface. When a change to it is meant, write it anew, and say so in
CHANGELOG.md; a change that breaks plugins needs new entry point groups as well (``.v2``)::

    python tests/contract/test_plugin_api.py > tests/contract/plugin_api.txt
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

CORE = Path(__file__).parents[2] / "udocker_core"
SNAPSHOT = Path(__file__).with_name("plugin_api.txt")
MODULES = (
    "__init__", "hookmarker", "model", "errors", "binaries", "mounts", "entrypoints", "hookspecs",
)  # fmt: skip
#: Of these modules only so much is for plugins.
ONLY = {
    "__init__": {"__all__"},
    "hookmarker": {"hookimpl"},
    "entrypoints": {"ENGINES", "PLUGINS"},
}


def interface() -> str:
    """The public names of the modules, with fields, defaults and signatures, as in the source."""
    return "\n".join(line for name in MODULES for line in (f"[{name}]", *module(name), ""))


def module(name: str) -> Iterator[str]:
    source = (CORE / f"{name}.py").read_text()
    for node in ast.parse(source).body:
        if name not in ONLY or defined(node) in ONLY[name]:
            yield from statement(source, node)


def defined(node: ast.stmt) -> str:
    """The name that a statement defines, if it is a public one."""
    if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
        name = node.name
    elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        name = node.targets[0].id
        if name in ("hookspec", "TYPE_CHECKING"):  # not for plugins
            return ""
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        name = node.target.id
    else:
        return ""
    return name if not name.startswith("_") or name in ("__all__", "__init__") else ""


def statement(source: str, node: ast.stmt) -> list[str]:
    if not defined(node):
        return []
    text = " ".join((ast.get_source_segment(source, node) or "").split())
    if isinstance(node, ast.FunctionDef):
        result = text_of(source, node.returns)
        arguments = text_of(source, node.args) if has_arguments(node) else ""
        marks = [f"@{text_of(source, mark)} " for mark in node.decorator_list]
        return [f"{''.join(marks)}def {node.name}({arguments}) -> {result}"]
    if isinstance(node, ast.ClassDef):
        bases = ", ".join(text_of(source, base) for base in node.bases)
        inner = [line for part in node.body for line in statement(source, part)]
        return [f"class {node.name}({bases})", *(f"    {line}" for line in inner)]
    return [text]


def has_arguments(node: ast.FunctionDef) -> bool:
    return bool(node.args.args or node.args.kwonlyargs or node.args.vararg or node.args.kwarg)


def text_of(source: str, node: ast.AST | None) -> str:
    """The source text of a node; ``ast.arguments`` have no place of their own."""
    if node is None:
        return "None"
    if not isinstance(node, ast.arguments):
        return " ".join((ast.get_source_segment(source, node) or "").split())
    defaults = [*[None] * (len(node.args) - len(node.defaults)), *node.defaults]
    pairs = [*zip(node.args, defaults), *zip(node.kwonlyargs, node.kw_defaults)]
    return ", ".join(
        text_of(source, argument) + (f" = {text_of(source, default)}" if default else "")
        for argument, default in pairs
    )


def test_the_interface_is_what_was_agreed() -> None:
    assert interface() == SNAPSHOT.read_text(), __doc__


if __name__ == "__main__":
    print(interface(), end="")
