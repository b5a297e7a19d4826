"""A pseudo-terminal with a shell, as a person has it."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Sequence

PATIENCE = 15.0  # seconds until something that must happen has not


class Terminal:
    """A job control shell, or another program, on a pseudo-terminal.

    Args:
        argv: the program and its arguments.
        prompt: what it shows when it has started.
    """

    def __init__(self, argv: Sequence[str] = ("/bin/sh", "-i"), prompt: str = "$ ") -> None:
        self._argv = argv
        self._prompt = prompt

    def __enter__(self) -> Terminal:
        self._pid, self._fd = os.forkpty()
        if self._pid == 0:
            env = {"PS1": "$ ", "PATH": os.defpath, "TERM": "dumb"}
            os.execve(self._argv[0], list(self._argv), env)
        self.type("", self._prompt)
        return self

    def type(self, text: str, *expected: str) -> None:
        """Type `text`, then wait until each of `expected` has been shown, in this order."""
        os.write(self._fd, text.encode())
        shown, deadline = "", time.monotonic() + PATIENCE
        for wanted in expected:
            while wanted not in shown:
                left = deadline - time.monotonic()
                ready = select.select([self._fd], [], [], max(left, 0))[0]
                assert ready, f"{wanted!r} was not shown after {text!r}, but {shown!r}"
                shown += os.read(self._fd, 4096).decode(errors="replace")
            shown = shown.partition(wanted)[2]

    def __exit__(self, *exception: object) -> None:
        os.kill(self._pid, signal.SIGHUP)
        os.close(self._fd)
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
