"""Live tests: processes, their input and output, their end, and the terminal."""

from __future__ import annotations

import os
import select
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest

from udocker_core.model import DataFile
from udocker_core.testing.live import Ended, LiveTests
from udocker_core.testing.terminal import PATIENCE, Terminal
from udocker_core.testing.values import plain_spec


class ProcessTests(LiveTests):
    """What happens to processes."""

    @pytest.mark.parametrize("status", [0, 1, 7, 125, 126, 127, 255])
    def test_exit_status(self, run: Any, status: int) -> None:
        """The program's exit status is the run's."""
        assert run("/bin/sh", "-c", f"exit {status}").status == status

    @pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
    def test_death_by_signal(self, run: Any, number: int) -> None:
        """It is 128 + N when signal N ended the program."""
        assert run("/bin/sh", "-c", f"kill -{int(number)} $$").status == 128 + number

    def test_command_not_found(self, run: Any) -> None:
        """127, and a line that names it."""
        ended = run("/bin/no-such-program")
        assert ended.status == 127
        assert b"/bin/no-such-program" in ended.err

    def test_command_not_executable(self, run: Any) -> None:
        """126, and a line that names it."""
        ended = run("/etc/passwd")
        assert ended.status == 126
        assert b"/etc/passwd" in ended.err

    def test_children_end_with_the_program(self, run: Any) -> None:
        """What the program leaves in the background does not stay."""
        sleep = unique_sleep()
        assert run("/bin/sh", "-c", f"setsid {sleep} >/dev/null 2>&1 & exit 0").status == 0
        assert gone(sleep)

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
    def test_no_orphans(self, start: Any, number: int) -> None:
        """Nothing of the run is left when somebody ends its front process."""
        sleep = unique_sleep()
        process = start("/bin/sh", "-c", f"setsid {sleep} & echo started; {sleep}; :",
                        stdout=subprocess.PIPE)
        assert process.stdout.readline() == b"started\n"
        assert comes(sleep)
        process.send_signal(number)
        status = process.wait(PATIENCE)
        assert status in (128 + number, -number)
        assert gone(sleep)

    def test_signals_reach_the_program(self, start: Any) -> None:
        """A signal sent to the front process is the program's to handle."""
        script = "trap 'echo caught; exit 3' USR1; echo ready; while :; do sleep 0.05; done"
        process = start("/bin/sh", "-c", script, stdout=subprocess.PIPE)
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGUSR1)
        assert process.stdout.readline() == b"caught\n"
        assert process.wait(PATIENCE) == 3

    def test_zombies_are_reaped(self, run: Any) -> None:
        """Processes whose parent has ended do not stay in the table when they end."""
        script = (
            "(sleep 0.1 & echo $!; sleep 0.2 & echo $!) > /tmp/pids; sleep 0.5; "
            "for pid in $(cat /tmp/pids); do cat /proc/$pid/stat; done 2> /dev/null | grep ' Z '"
        )
        assert run("/bin/sh", "-c", script) == Ended(1, b"", b"")

    def test_bytes_pass_unchanged(self, run: Any) -> None:
        """Standard input and output carry bytes; standard error is separate."""
        data = bytes(range(256)) * 1000
        assert run("/bin/cat", input=data) == Ended(0, data, b"")
        assert run("/bin/sh", "-c", "echo out; echo err >&2") == Ended(0, b"out\n", b"err\n")

    def test_end_of_output(self, start: Any) -> None:
        """A pipe ends when the program closes it, not later."""
        process = start("/bin/sh", "-c", "echo all; exec >&-; sleep 30", stdout=subprocess.PIPE)
        assert process.stdout.readline() == b"all\n"
        assert select.select([process.stdout], [], [], PATIENCE)[0]
        assert process.stdout.read() == b""

    def test_inherited_descriptors(self, run: Any) -> None:
        """The caller's open descriptors are the program's, also where there is a gap."""
        reader, writer = os.pipe()
        try:
            ended = run("/bin/sh", "-c", "echo one >&3; echo two >&7", pass_fds=(writer,))
            os.close(writer)
            assert (ended.status, os.read(reader, 100)) == (0, b"one\ntwo\n")
        finally:
            os.close(reader)

    def test_no_other_descriptors(self, run: Any) -> None:
        """The program gets no descriptor that the caller did not leave open."""
        file = DataFile("extra", b"x", "/etc/extra")
        ended = run("/bin/ls", "/proc/self/fd", files=(file,))
        assert {int(name) for name in ended.out.split()} <= {0, 1, 2, 3}  # 3 is ls's own

    def test_job_control(self, plugin: Any, root: str, tmp_path: Any) -> None:
        """In a shell's terminal: stop, continue, interrupt, and the status."""
        script = "trap 'echo got-int; exit 5' INT; echo up; while :; do sleep 0.1; done"
        spec = plain_spec(root, "/bin/sh", "-c", script)._replace(terminal=True)
        command = self.command(plugin, spec, str(tmp_path))
        with Terminal() as terminal:
            terminal.type(shlex.join(command) + "; echo status=$?\n", "up\r\n")
            terminal.type("\x1a", "status=", "$ ")  # Ctrl-Z
            terminal.type("jobs\n", "topped", "$ ")
            terminal.type("fg; echo after=$?\n", "launch")
            time.sleep(0.3)
            terminal.type("\x03", "got-int", "after=5", "$ ")  # Ctrl-C

    def test_interactive_shell(self, plugin: Any, root: str, tmp_path: Any) -> None:
        """A shell in the container has the terminal, with job control, and gives it back."""
        spec = plain_spec(root, "/bin/sh", "-i")._replace(terminal=True)
        command = self.command(plugin, spec, str(tmp_path))
        with Terminal() as terminal:
            terminal.type(shlex.join(command) + "; status=$?; read x; echo =$status $x=\n", "\n# ")
            terminal.type("tty; echo tt'y'-ok\n", "/dev/", "tty-ok", "# ")
            terminal.type("sleep 100\n", "sleep 100")
            time.sleep(0.3)
            terminal.type("\x03", "# ")
            terminal.type("exit 7\n", "exit 7")
            time.sleep(0.5)
            terminal.type("typed\n", "=7 typed=")


def unique_sleep() -> str:
    """A command that can be told from all others in the table of processes."""
    return f"sleep {1000 + os.getpid()}.{time.monotonic_ns() % 10**9:09}"


def comes(command: str) -> bool:
    """Wait until a process of this host has the command line."""
    return _await(command, present=True)


def gone(command: str) -> bool:
    """Wait until no process of this host has the command line."""
    return _await(command, present=False)


def _await(command: str, present: bool) -> bool:
    wanted = command.replace(" ", "\0").encode()
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if any(wanted in line for line in _command_lines()) == present:
            return True
        time.sleep(0.02)
    return False


def _command_lines() -> Iterator[bytes]:
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/cmdline", "rb") as file:
                    yield file.read()
            except OSError:
                continue
