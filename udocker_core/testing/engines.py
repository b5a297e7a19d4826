"""The tests that every engine passes. An engine's own tests inherit them::

    class TestEngine(EngineConformance):
        engine = Engine
        modes = ("R1",)

    class TestRuns(LiveEngineConformance):
        engine = Engine
        modes = ("R1",)

    class TestTerminal(TerminalConformance):
        engine = Engine
        modes = ("R1",)

The first needs nothing but Python. The others run programs, in a root tree made from the host's;
they are skipped, with the engine's own reason, where the mode cannot run. The third is for engines
whose programs are the jobs of the caller's shell. What an engine's
capabilities leave out is not tested.
"""

from __future__ import annotations

from udocker_core.testing.live_processes import ProcessTests
from udocker_core.testing.live_surroundings import SurroundingsTests
from udocker_core.testing.live_terminal import TerminalConformance
from udocker_core.testing.plans import EngineConformance

__all__ = ["EngineConformance", "LiveEngineConformance", "TerminalConformance"]


class LiveEngineConformance(ProcessTests, SurroundingsTests):
    """Programs, really run."""
