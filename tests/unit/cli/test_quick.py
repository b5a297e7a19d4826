"""The quick parser and click give the same values, or the quick one leaves the line to click."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from udocker_core.cli import full, main, quick, table
from udocker_core.cli.declare import Command
from udocker_core.errors import UsageError

COMMANDS = {name: table.load(name) for name in table.COMMANDS}
GENERAL = Command("", "", lambda session, values: 0, main.GENERAL, "COMMAND", most=None,
                  passthrough=True)


def agree(command, argv):
    """Compare the two on a line; give the values, or None if click refuses the line."""
    found = quick.parse(command, argv)
    try:
        expected = full.parse(command, argv)
    except (UsageError, SystemExit):
        expected = None
    if found is not None:
        assert found == expected
    return expected


LINES = """
pull x:1
pull --platform linux/arm64 x:1
pull --platform=linux/arm64 x:1
pull x:1 --platform linux/arm64
pull --registry= x:1
pull --platform
pull x y
pull
pull --nothing x
pull --help
pull --force x:1
images
images -lp
images -l -p --no-trunc --all
images -a
images -la x
images --long=yes
rmi -f a b c
rmi
create --name=n --force x
create --name n x
create x --name n
create --name= x
create --pull always --pull=never x
ps -a -s -m -p
ps -asmp
ps -amx
setup --execmode=R1 c
setup --execmode R1 c
setup c --execmode=R1 --force
setup --EXECMODE=R1 c
inspect -p c
inspect c -p
rm -f a b
rm -- -a
rm -
name c n
name c
rename a b
rmname a
load -i f
load -if
load hi=5
load hi -i=f
load -i=f
load -i
load --input=f n
load --input - n
load
import - x:1
import --tocontainer --name=n f
import --mv f x:1
version
version x
install --force --purge
help run
run x
run x --rm -v
run -- x -v
run x -- ls
run --rm -it x sh
run -ti x
run -it=x y
run -itv /a:/b x
run -itv/a:/b x
run -itv=/a:/b x
run -ie -v=x y
run -v/a x
run -v /a:/b -v=/c -v/d --volume=/e --volume /f x
run -v= x y
run -w= x
run -w x
run -w
run -e A=1 -e=B=2 -eC=3 --env=D=4 --env E=5 x
run -e= x
run -e -it x
run -e --rm x
run -e -v=/a x
run --env -v=/a x
run --entrypoint= x
run --entrypoint sh x
run --entrypoint
run --entrypoint=a --entrypoint=b x
run -u a -u b x
run --rm=true x
run --r x
run -rm x
run -vol x
run -x
run - x
run -h h x
run -p 1:2 -P --netcoop --dns=1 x
run --user=0:0 --workdir /w --cpuset-cpus 0-3 --pull=reuse --name n x a b c
run --env= x
run -e=- x
run -w=-x x
run -v - x
run -v -- x
run --env -- x
run --env=a=b=c x
"""


@pytest.mark.parametrize("line", LINES.strip().splitlines())
def test_a_command_line(line):
    name, *argv = line.split()
    agree(COMMANDS[name], argv)


@pytest.mark.parametrize(
    "argv",
    [["x", ""], ["", "x"], ["-e", "", "x"], ["--env=", "x"], ["-v", "a b", "x", "c d"],
     ["-w=", "x"], ["-w", "", "x"], ["-e=A= b ", "x"], ["-e", "\udcff", "x"], ["-w=\n", "x"]],
)
def test_words_that_are_empty_or_odd(argv):
    assert agree(COMMANDS["run"], argv) is not None


@pytest.mark.parametrize(
    ("argv", "values"),
    [
        (["-v=/a:/b", "x"], {"volume": ("/a:/b",), "arguments": ("x",)}),
        (["-w=", "x", "y"], {"workdir": "", "arguments": ("x", "y")}),
        (["-e=", "x"], {"env": ("",), "arguments": ("x",)}),
        (["-itv=/a", "x"], {"volume": ("/a",), "tty": True, "interactive": True}),
        (["-ie", "-v=x", "y"], {"env": ("-v=x",), "volume": (), "arguments": ("y",)}),
        (["--entrypoint=", "x"], {"entrypoint": ""}),
        (["x"], {"entrypoint": None, "env": (), "user": "", "rm": False}),
        (["x", "-v", "--rm"], {"volume": (), "rm": False, "arguments": ("x", "-v", "--rm")}),
    ],
)
def test_what_a_line_means(argv, values):
    for found in (quick.parse(COMMANDS["run"], argv), full.parse(COMMANDS["run"], argv)):
        assert {key: found[key] for key in values} == values


@pytest.mark.parametrize("line", [
    "-q ps", "-D --allow-root run -v x", "--repo=/x --config f images", "--repo /x", "-qD ps -q",
    "--help", "-h", "-V", "", "--nothing ps", "--repo", "-- ps", "--quiet=1 ps", "ps --help",
])  # fmt: skip
def test_general_options(line):
    agree(GENERAL, line.split())


def words(command):
    """Words that may stand in a command line, most of them with meaning."""
    options = [name for option in command.options for name in option.names]
    short = [name[1] for name in options if len(name) == 2] or ["x"]
    names = st.sampled_from(options or ["--x"])
    values = st.sampled_from(
        ["", "a", "-", "--", "=", "a=b", "-a", "--rm", "/a:/b", "\u00e9", "x y"]
    )
    return st.one_of(
        names,
        values,
        st.builds("{}={}".format, names, values),
        st.builds("{}{}".format, names, values),
        st.text(st.sampled_from([*short, "="]), max_size=4).map("-{}".format),
        st.text(max_size=3),
    )


LINE = st.sampled_from([*COMMANDS.values(), GENERAL]).flatmap(
    lambda command: st.tuples(st.just(command), st.lists(words(command), max_size=7))
)


@settings(max_examples=600, deadline=None, database=None)
@given(LINE)
def test_any_command_line(line):
    agree(*line)


@settings(max_examples=600, deadline=None, database=None)
@given(st.lists(words(COMMANDS["run"]), max_size=8))
def test_any_line_of_run(argv):
    agree(COMMANDS["run"], argv)


def test_arguments_are_left_alone():
    for argv in (["hi=5"], ["hi", "-i=f"], ["", "-i=f"], ["-i=f", ""]):
        assert agree(COMMANDS["load"], argv)["arguments"] in (("hi=5",), ("hi",), ("",))


def test_what_is_well_formed_is_not_left_to_click():
    lines = [line.split() for line in LINES.strip().splitlines()]
    accepted = [line for line in lines if agree(COMMANDS[line[0]], line[1:]) is not None]
    assert len(accepted) > 70
    assert all(quick.parse(COMMANDS[name], argv) is not None for name, *argv in accepted)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("run --nothing x", "run: no such option:? '?--nothing'?"),
        ("run", "run: missing argument: CONTAINER|IMAGE [COMMAND [ARGUMENT...]]"),
        ("pull a b", "pull: unexpected argument: b"),
        ("setup --execmode", "setup: option '--execmode' requires an argument"),
        ("ps --mode=x", "ps: option '--mode' does not take a value"),
    ],
)
def test_a_wrong_line_says_what_is_wrong(line, message):
    name, *argv = line.split()
    with pytest.raises(UsageError) as caught:
        full.parse(COMMANDS[name], argv)
    assert caught.value.message == message or re.fullmatch(message, caught.value.message)
    assert caught.value.hint == f"see udocker {name} --help"


def test_the_table_says_what_the_commands_say():
    assert {name: command.summary for name, command in COMMANDS.items()} == {
        name: summary for name, (_, summary) in table.COMMANDS.items()
    }
    assert all(command.name == name for name, command in COMMANDS.items())
