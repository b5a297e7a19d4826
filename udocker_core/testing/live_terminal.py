"""Live tests: who has the terminal while a program runs, and what stops."""

from __future__ import annotations

import os
import shlex
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from udocker_core.testing.live import LiveTests
from udocker_core.testing.live_processes import comes, gone, unique_sleep
from udocker_core.testing.terminal import Terminal
from udocker_core.testing.values import plain_spec


class TerminalConformance(LiveTests):
    """The run is one of the jobs of a person's shell."""

    @pytest.fixture
    def shell(self) -> Iterator[Terminal]:
        """A person's shell."""
        with Terminal() as terminal:
            yield terminal

    @pytest.fixture
    def script(self, plugin: Any, root: str, tmp_path: Any) -> Any:
        """A function that gives the command line to run a script in the container."""

        def script(text: str) -> list[str]:
            spec = plain_spec(root, "/bin/sh", "-c", text)._replace(terminal=True)
            return self.command(plugin, spec, str(tmp_path))

        return script

    def test_other_members_of_a_pipeline_keep_the_terminal(
        self, shell: Terminal, script: Any
    ) -> None:
        """A program after the run in a pipeline reads from the terminal."""
        reader = "sh -c 'cat; read x </dev/tty; echo =$x='"
        shell.type(f"{shlex.join(script('echo piped; sleep 0.5'))} | {reader}\n", "\npiped")
        time.sleep(0.2)
        shell.type("typed\n", "=typed=")

    def test_scripts_hear_of_control_c(self, shell: Terminal, script: Any) -> None:
        """A script that runs a container gets the interrupt as well."""
        inner = shlex.join(script("echo up; sleep 50"))
        outer = shlex.join(["sh", "-c", f"trap 'echo heard; exit' INT; {inner}; :"])
        shell.type(outer + "\n", "\nup")
        time.sleep(0.2)
        shell.type("\x03", "heard", "$ ")

    def test_children_of_the_program_stop_and_continue(self, shell: Terminal, script: Any) -> None:
        """Ctrl-Z stops all of the job, and ``fg`` continues it."""
        shell.type(shlex.join(script("echo up; sleep 0.7; echo all")) + "\n", "\nup")
        time.sleep(0.2)
        shell.type("\x1a", "topped", "$ ")
        shell.type("fg\n", "launch", "\nall", "$ ")

    def test_the_end_of_a_job_in_the_background_takes_nothing(
        self, shell: Terminal, script: Any
    ) -> None:
        """Who has the terminal meanwhile keeps it."""
        shell.type(shlex.join(script("echo up; sleep 0.7; exit 6")) + "\n", "\nup")
        time.sleep(0.2)
        shell.type("\x1a", "topped", "$ ")
        shell.type("bg\n", "$ ")
        shell.type("sh -c 'sleep 1.2; read x </dev/tty; echo =$x='\n")
        time.sleep(1.5)
        shell.type("typed\n", "=typed=", "$ ")

    def test_a_job_that_starts_in_the_background_reads_in_the_foreground(
        self, shell: Terminal, script: Any
    ) -> None:
        """It stops when it reads from the terminal, until it is given the foreground."""
        shell.type(shlex.join(script("read x; echo =$x=")) + " &\n", "$ ")
        time.sleep(0.5)
        shell.type("fg\n", "launch")
        time.sleep(0.2)
        shell.type("typed\n", "=typed=", "$ ")

    def test_without_a_shell_control_z_does_nothing(self, script: Any) -> None:
        """As in ``ssh -t host udocker run ...``, where nobody could continue what has stopped."""
        with Terminal(script("echo up; sleep 0.7; echo all; read x"), "up") as terminal:
            terminal.type("\x1a", "all")

    def test_a_terminal_that_goes_away_ends_the_program(self, script: Any) -> None:
        """As when the connection of ``ssh -t`` breaks."""
        sleep = unique_sleep()
        command = script(f"exec {sleep}")
        pid, terminal = os.forkpty()
        if pid == 0:
            os.execv(command[0], command)
        try:
            assert comes(sleep)
            os.close(terminal)
            assert gone(sleep)
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
