"""Who has the terminal while the launcher runs, and what stops."""

from __future__ import annotations

import os
import shlex
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from udocker_core.testing.live_processes import comes, gone, unique_sleep
from udocker_core.testing.terminal import Terminal
from udocker_core.testing.trees import make_root_tree
from udocker_runc import engine
from udocker_runc.engine import Engine


@pytest.fixture
def command(tmp_path: Any) -> list[str]:
    """The start of a command line whose end is a script."""
    probe = Engine("R1", {}).udocker_probe()
    if not probe.ok:
        pytest.skip(f"missing here: {probe.reason}")
    make_root_tree(str(tmp_path / "ROOT"))
    launcher = os.path.join(engine.PROGRAMS, engine.LAUNCHER)
    system = ("--proc", "/proc", "--dev", "/dev")
    return [launcher, "--root", str(tmp_path / "ROOT"), *system, "--", "/bin/sh", "-c"]


@pytest.fixture
def shell() -> Iterator[Terminal]:
    """A person's shell."""
    with Terminal() as terminal:
        yield terminal


def test_the_program_finds_a_foreground_that_it_can_give_back(
    shell: Terminal, command: list[str]
) -> None:
    script = shlex.join([*command, "cut -d' ' -f5,8 /proc/$$/stat"])
    shell.type(script + "\n", "1 1")


def test_other_members_of_a_pipeline_keep_the_terminal(
    shell: Terminal, command: list[str]
) -> None:
    reader = "sh -c 'cat; read x </dev/tty; echo =$x='"
    shell.type(f"{shlex.join([*command, 'echo piped; sleep 0.5'])} | {reader}\n", "\npiped")
    time.sleep(0.2)
    shell.type("typed\n", "=typed=")


def test_scripts_hear_of_control_c(shell: Terminal, command: list[str]) -> None:
    inner = shlex.join([*command, "echo up; sleep 50"])
    shell.type(shlex.join(["sh", "-c", f"trap 'echo heard; exit' INT; {inner}; :"]) + "\n", "\nup")
    time.sleep(0.2)
    shell.type("\x03", "heard", "$ ")


def test_children_of_the_program_stop_and_continue(shell: Terminal, command: list[str]) -> None:
    shell.type(shlex.join([*command, "echo up; sleep 0.7; echo all"]) + "\n", "\nup")
    time.sleep(0.2)
    shell.type("\x1a", "topped", "$ ")
    shell.type("fg\n", "launch", "\nall", "$ ")


def test_the_end_of_a_job_in_the_background_takes_nothing(
    shell: Terminal, command: list[str]
) -> None:
    shell.type(shlex.join([*command, "echo up; sleep 0.7; exit 6"]) + "\n", "\nup")
    time.sleep(0.2)
    shell.type("\x1a", "topped", "$ ")
    shell.type("bg\n", "$ ")
    shell.type("sh -c 'sleep 1.2; read x </dev/tty; echo =$x='\n")
    time.sleep(1.5)
    shell.type("typed\n", "=typed=", "$ ")


def test_a_job_that_starts_in_the_background_reads_in_the_foreground(
    shell: Terminal, command: list[str]
) -> None:
    shell.type(shlex.join([*command, "read x; echo =$x="]) + " &\n", "$ ")
    time.sleep(0.5)
    shell.type("fg\n", "launch")
    time.sleep(0.2)
    shell.type("typed\n", "=typed=", "$ ")


def test_without_a_shell_control_z_does_nothing(command: list[str]) -> None:
    """As in ``ssh -t host udocker run ...``, where nobody could continue what has stopped."""
    with Terminal([*command, "echo up; sleep 0.7; echo all; read x"], "up") as terminal:
        terminal.type("\x1a", "all")


def test_a_terminal_that_goes_away_ends_the_program(command: list[str]) -> None:
    """As when the connection of ``ssh -t`` breaks."""
    sleep = unique_sleep()
    pid, terminal = os.forkpty()
    if pid == 0:
        os.execv(command[0], [*command, f"exec {sleep}"])
    try:
        assert comes(sleep)
        os.close(terminal)
        assert gone(sleep)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
