"""Running programs by an engine, for its live tests."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from udocker_core.model import Probe, RunSpec
from udocker_core.testing.plans import EngineTests
from udocker_core.testing.terminal import PATIENCE
from udocker_core.testing.values import call_hook, container_of, plain_spec

#: Plans and starts what is in a pickle, in one process, as ``udocker run`` does.
_START = """
import os, pickle, sys
from udocker_core.run import launch
from udocker_core.testing.values import plan_of
if len(sys.argv) > 3:  # a descriptor that the program gets as 3, and as 7
    os.dup2(int(sys.argv[3]), 3)
    os.dup2(int(sys.argv[3]), 7)
engine, mode, settings, container, spec = pickle.load(open(sys.argv[1], "rb"))
plan = plan_of(engine(mode, settings), spec, container)
if launch.needs_directory(plan):
    sys.exit(launch.supervise(plan, sys.argv[2]))
launch.execute(plan)
"""


class Ended(NamedTuple):
    """How a program ended."""

    status: int
    out: bytes
    err: bytes


class LiveTests(EngineTests):
    """Starts programs, where the mode can run."""

    @pytest.fixture(autouse=True)
    def _runnable(self, plugin: Any) -> None:
        probe = _probe(type(plugin), plugin.mode, tuple(sorted(self.settings.items())))
        if not probe.ok:
            pytest.skip(f"missing here: {probe.reason}")

    @pytest.fixture
    def start(self, plugin: Any, root: str, tmp_path: Any) -> Iterator[Any]:
        """A function that starts a program, as the front process of a run."""
        started: list[subprocess.Popen[bytes]] = []

        def start(*argv: str, **changes: Any) -> subprocess.Popen[bytes]:
            keys = ("stdin", "stdout", "stderr", "pass_fds")
            options = {key: changes.pop(key) for key in keys if key in changes}
            spec = plain_spec(root, *argv)._replace(**changes)
            command = self.command(plugin, spec, str(tmp_path))
            command += map(str, options.get("pass_fds", ()))
            process = subprocess.Popen(command, **options)
            started.append(process)
            return process

        yield start
        for process in started:
            process.kill()
            process.communicate()

    @pytest.fixture
    def run(self, start: Any) -> Any:
        """A function that runs a program to its end and tells how it :class:`Ended`."""

        def run(*argv: str, input: bytes = b"", **changes: Any) -> Ended:  # noqa: A002
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
            process = start(*argv, **{**pipes, **changes})
            out, err = process.communicate(input, timeout=PATIENCE)
            sys.stderr.write((err or b"").decode(errors="replace"))  # pytest shows it in failures
            return Ended(process.returncode, out or b"", err or b"")

        return run

    def command(self, plugin: Any, spec: RunSpec, directory: str) -> list[str]:
        """A command line whose process becomes the front process of the run."""
        path = os.path.join(directory, f"run-{os.urandom(4).hex()}")
        run = (type(plugin), plugin.mode, dict(self.settings), container_of(spec.root), spec)
        with open(path, "wb") as file:
            pickle.dump(run, file)
        start = os.path.join(directory, "launch.py")  # one short line to be typed in a terminal
        with open(start, "w", encoding="utf-8") as script:
            script.write(f"import sys; sys.path[:0] = {sys.path!r}\n{_START}")
        return [sys.executable, start, path, directory]


_probes: dict[Any, Probe] = {}


def _probe(engine: Any, mode: str, settings: tuple[tuple[str, str], ...]) -> Probe:
    """The engine's probe, asked once."""
    key = (engine, mode, settings)
    if key not in _probes:
        _probes[key] = call_hook(engine(mode, dict(settings)), "udocker_probe")
    return _probes[key]


def needs(capability: bool) -> None:
    """Skip the test of what the engine says it cannot do."""
    if not capability:
        pytest.skip("the engine does not offer it")
