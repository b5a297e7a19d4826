"""What Python code does to the host, recorded."""

from __future__ import annotations

import os
import sys
from typing import Any


class Audit:
    """Records what Python code does to the host: programs started, files written."""

    _active: Audit | None = None
    _installed = False
    _EVENTS = frozenset(
        (
            "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.system", "subprocess.Popen",
            "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.chmod",
            "os.chown", "os.truncate", "os.utime", "os.chdir", "os.putenv", "os.kill",
            "socket.connect",
        )
    )  # fmt: skip

    def __init__(self) -> None:
        self.effects: list[str] = []

    def __enter__(self) -> Audit:
        if not Audit._installed:
            sys.addaudithook(Audit._heard)  # cannot be taken back
            Audit._installed = True
        Audit._active = self
        return self

    def __exit__(self, *exception: object) -> None:
        Audit._active = None

    @staticmethod
    def _heard(event: str, arguments: tuple[Any, ...]) -> None:
        if Audit._active is None:
            return
        writes = event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        compiled = event == "open" and str(arguments[0]).find("__pycache__") >= 0
        if event in Audit._EVENTS or (writes and not compiled):
            Audit._active.effects.append(f"{event} {arguments[:1]}")
