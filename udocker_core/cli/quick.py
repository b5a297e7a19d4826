"""The quick parser: a well-formed command line to values, without importing click.

What is not well-formed is left to click (``cli.full``), which says what is wrong. A test holds
the two to the same values.
"""

from __future__ import annotations

from udocker_core.cli.declare import Command, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


def parse(command: Command, argv: Sequence[str]) -> dict[str, Any] | None:
    """The values of a command line, or None if it is not well-formed.

    Args:
        command: the declaration.
        argv: what follows the command's name.
    """
    options = {name: option for option in command.options for name in option.names}
    values: dict[str, Any] = {option.key: option.default for option in command.options}
    rest = list(reversed(argv))
    arguments: list[str] = []
    while rest:
        word = rest.pop()
        if word == "--":
            arguments += reversed(rest)
            break
        if word[:1] != "-" or word == "-":
            arguments.append(word)
            if command.passthrough:
                arguments += reversed(rest)
                break
        elif not _take(word, rest, options, values):
            return None
    most = len(arguments) if command.most is None else command.most
    if not command.least <= len(arguments) <= most:
        return None
    values["arguments"] = tuple(arguments)
    return values


def _take(
    word: str, rest: list[str], options: dict[str, Option], values: dict[str, Any]
) -> bool:
    """One word with options; what is left of the line is reversed in `rest`."""
    if word.startswith("--"):
        name, equals, value = word.partition("=")
        option = options.get(name)
        if option is None or (equals and not option.metavar):
            return False
        return _store(option, value if equals else None, rest, values)
    while len(word) > 1:
        option = options.get(word[:2])
        if option is None:
            return False
        if option.metavar:
            attached = word[3:] if word[2:3] == "=" else word[2:] or None
            return _store(option, attached, rest, values)
        _store(option, None, rest, values)
        word = "-" + word[2:]
    return True


def _store(
    option: Option, value: str | None, rest: list[str], values: dict[str, Any]
) -> bool:
    if not option.metavar:
        values[option.key] = True
        return True
    if value is None:
        if not rest:
            return False
        value = rest.pop()
    if option.multiple:
        values[option.key] += (value,)
    else:
        values[option.key] = value
    return True
