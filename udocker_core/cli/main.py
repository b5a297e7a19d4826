"""The entry point: general options, the command, and the one place where errors are printed."""

from __future__ import annotations

import os
import sys

from udocker_core import files
from udocker_core.cli import quick, table
from udocker_core.cli.declare import Command, Option, Values
from udocker_core.cli.session import DEBUG, MESSAGE, Session, describe
from udocker_core.config import load as load_config
from udocker_core.errors import UdockerError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

#: Commands that look at nothing, so that they are allowed to root.
_HARMLESS = frozenset({"help", "version"})

GENERAL = (
    Option(("-h", "--help"), "Print help and exit"),
    Option(("-V", "--version"), "Print the version and exit"),
    Option(("-q", "--quiet"), "Say nothing but errors"),
    Option(("-D", "--debug"), "Say everything; show where errors come from"),
    Option(("--insecure",), "Do not check the certificates of registries"),
    Option(("--repo",), "The store to use in place of ~/.udocker", "DIR"),
    Option(("--allow-root",), "Allow root, who needs udocker least"),
    Option(("--config",), "A configuration file to read besides the usual ones", "FILE"),
    Option(("--no-plugins",), "Use engines, but no other plugins"),
)


def _general(session: Session, values: Values) -> int:
    raise AssertionError("never called: general options only")


_UDOCKER = Command("", "Run docker images as an ordinary user", _general, GENERAL,
                   "COMMAND ...", most=None, passthrough=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Run udocker.

    Args:
        argv: the arguments, the program's name left out; the process's own when None.

    Returns:
        the exit status.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # the caller has closed it
            setattr(sys, name, open(os.devnull, "w"))
    failure = 1
    debug = False
    try:
        values = _parse(_UDOCKER, words)
        debug = values["debug"]
        name, command_words = _command(values)
        if os.geteuid() == 0 and not values["allow_root"] and name not in _HARMLESS:
            raise UdockerError("do not run as root !", "use an ordinary user, or --allow-root")
        command = table.load(name)
        failure = command.failure
        session = _session(values)
        status = command.main(session, _parse(command, command_words))
        sys.stdout.flush()
    except UdockerError as error:
        return _report(error, failure, debug)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        _give_up_output()
        return 128 + 13
    except OSError as error:
        _give_up_output()
        where = f": {os.fsdecode(error.filename)}" if error.filename else ""
        return _report(UdockerError(f"{error.strerror or error}{where}"), failure, debug)
    return status


def _parse(command: Command, words: Sequence[str]) -> Values:
    values = quick.parse(command, words)
    if values is None:
        from udocker_core.cli import full  # which imports click

        values = full.parse(command, words)
    return values


def _give_up_output() -> None:
    """Keep the interpreter from complaining at its end of what it cannot write."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _command(values: Values) -> tuple[str, Sequence[str]]:
    """The command's name and its words."""
    words = values["arguments"]
    if values["version"]:
        return "version", ()
    if values["help"] or not words:
        return "help", ()
    name = words[0]
    if name not in table.COMMANDS:
        import difflib

        close = difflib.get_close_matches(name, table.COMMANDS, 1)
        raise UdockerError(
            f"invalid command: {name}",
            f"did you mean {close[0]}?" if close else "see udocker help",
        )
    return name, words[1:]


def _session(values: Values) -> Session:
    options = {}
    if values["repo"]:
        if not os.path.isdir(values["repo"]):
            raise UdockerError(f"invalid udocker repository: {values['repo']}", "check --repo")
        options["topdir"] = values["repo"]
    if values["quiet"]:
        options["verbose_level"] = str(MESSAGE)
    if values["debug"]:
        options["verbose_level"] = str(DEBUG)
    if values["insecure"]:
        options["http_insecure"] = "yes"
    if values["no_plugins"]:
        options["enable_plugins"] = ""
    warnings: list[str] = []
    config = load_config(options, values["config"], warnings.append)
    session = Session(config, config.number("verbose_level"))
    for text in warnings:
        session.warn(text)
    files.set_fsync(config.flag("fsync"))
    return session


def _report(error: UdockerError, failure: int, debug: bool) -> int:
    if debug:
        import traceback

        traceback.print_exc()
    print(describe(error), file=sys.stderr)
    return failure if error.exit_code == 1 else error.exit_code


if __name__ == "__main__":
    sys.exit(main())
