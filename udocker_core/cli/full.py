"""The full parser: click's commands made from the declarations, for help and for errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from udocker_core.cli.declare import Command, Option
from udocker_core.errors import UsageError


class _Command(click.Command):
    """click's command, which also reads ``-v=VALUE``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        valued = {
            name
            for parameter in self.params
            if isinstance(parameter, click.Option) and not parameter.is_flag
            for name in parameter.opts
        }
        return super().parse_args(ctx, _split_equals(args, valued, not ctx.allow_interspersed_args))


def _split_equals(
    args: list[str], valued: set[str], passthrough: bool
) -> list[str]:
    """Write ``-v=VALUE`` and ``-itv=VALUE`` as ``-v VALUE``, up to where options end."""
    result: list[str] = []
    words = iter(args)
    for word in words:
        if word == "--" or (passthrough and (word[:1] != "-" or word == "-")):
            return [*result, word, *words]
        end = 0  # of the option that takes a value
        if word.startswith("--"):
            end = len(word) if word in valued else 0
        elif word.startswith("-"):
            letters = range(1, len(word))
            end = next((at + 1 for at in letters if f"-{word[at]}" in valued), 0)
        if end and word[end : end + 1] == "=":
            result += [word[:end], word[end + 1 :]]
            continue
        result.append(word)
        if end and end == len(word):
            result += [value for value in [next(words, None)] if value is not None]
    return result


def parse(command: Command, argv: Sequence[str]) -> dict[str, Any]:
    """The values of a command line.

    Raises:
        UsageError: it is wrong.
        SystemExit: ``--help`` was printed.
    """
    try:
        context = build(command).make_context(f"udocker {command.name}", list(argv))
    except click.exceptions.Exit as done:
        raise SystemExit(done.exit_code) from None
    except click.UsageError as error:
        text = error.format_message().rstrip(".?").replace("\n", " ")
        raise _usage(command, text[:1].lower() + text[1:]) from None
    values = dict(context.params)
    arguments = values["arguments"] = tuple(values["arguments"])
    if len(arguments) < command.least:
        raise _usage(command, f"missing argument: {command.arguments}")
    if command.most is not None and len(arguments) > command.most:
        raise _usage(command, f"unexpected argument: {arguments[command.most]}")
    return values


def _usage(command: Command, text: str) -> UsageError:
    place = f"{command.name}: " if command.name else ""
    return UsageError(place + text, f"see udocker {command.name} --help".replace("  ", " "))


def build(command: Command) -> click.Command:
    """Make click's command from a declaration."""
    parameters: list[click.Parameter] = [_option(option) for option in command.options]
    parameters.append(
        click.Argument(["arguments"], nargs=-1, type=click.UNPROCESSED, metavar=command.arguments)
    )
    return _Command(
        command.name,
        params=parameters,
        help=command.summary + "\n\n" + command.details,
        context_settings={
            "allow_interspersed_args": not command.passthrough,
            # The general options declare their own.
            "help_option_names": [] if command.name == "" else ["--help"],
            "max_content_width": 100,
        },
    )


def _option(option: Option) -> click.Option:
    names = [*option.names, option.key]
    if not option.metavar:
        return click.Option(names, is_flag=True, default=False, help=option.help,
                            hidden=option.hidden)
    return click.Option(
        names,
        metavar=option.metavar,
        multiple=option.multiple,
        default=option.default,
        help=option.help,
        hidden=option.hidden,
        type=click.UNPROCESSED,
    )
