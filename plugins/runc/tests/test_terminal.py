from __future__ import annotations

import shlex
from typing import Any

from udocker_core.testing.engines import TerminalConformance
from udocker_core.testing.terminal import Terminal
from udocker_runc.engine import Engine


class TestTerminal(TerminalConformance):
    engine = Engine
    modes = ("R1",)

    def test_the_program_finds_a_foreground_that_it_can_give_back(
        self, shell: Terminal, script: Any
    ) -> None:
        """The group that had it has a number in the container."""
        shell.type(shlex.join(script("cut -d' ' -f5,8 /proc/$$/stat")) + "\n", "1 1")
