import pytest

from udocker_core.cli.session import WARNING, Session, describe, printable
from udocker_core.config import load
from udocker_core.errors import StoreError


@pytest.mark.parametrize(
    ("text", "shown"),
    [("ubuntu:24.04 été", "ubuntu:24.04 été"), ("\x1b[2J", r"\x1b[2J"), ("a\nb\r", r"a\nb\r"),
     ("\u202eb", r"\u202eb"), ("\udcff", r"\udcff"), ("\x9b", r"\x9b")],
)
def test_nothing_commands_the_terminal(text, shown):
    assert printable(text) == shown


def test_messages_are_one_line_that_is_printable(capsys):
    error = StoreError("no \x1b[2J", "do\nthis")
    assert describe(error) == r"Error: no \x1b[2J. Hint: do\nthis"
    Session(load({}, environ={}), WARNING).warn("odd \x07")
    assert capsys.readouterr().err == "Warning: odd \\x07\n"
