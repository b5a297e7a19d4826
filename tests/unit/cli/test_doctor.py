import sys

import pytest

from udocker_core.cli import doctor
from udocker_core.cli.session import INFO, Session
from udocker_core.config import load
from udocker_core.entrypoints import ENGINES
from udocker_core.testing.fixtures import write_distribution

ENGINE = """
from udocker_core import hookimpl
from udocker_core.model import Probe

class Engine:
    def __init__(self, mode, settings):
        self.mode = mode
        if mode == "X2":
            raise KeyError("no such")

class Probed(Engine):
    @hookimpl
    def udocker_probe(self):
        if self.mode == "X3":
            raise ValueError("odd")
        return Probe(self.mode == "X1", "because")
"""


@pytest.fixture
def report(tmp_path, monkeypatch, capsys):
    """What doctor says of each mode, with its last line and its exit status."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    classes = {"X1": "Probed", "X2": "Probed", "X3": "Probed", "X4": "Engine", "X5": "Probed"}
    modes = {mode: f"doctor_x:{name}" for mode, name in classes.items()}
    write_distribution(tmp_path, "udocker-x", {ENGINES: {**modes, "X6": "doctor_x:No"}},
                       {"doctor_x.py": ENGINE})

    def make(**settings):
        config = load({"plugins": "udocker-x", **settings}, environ={})
        status = doctor.main(Session(config, INFO), {})
        lines = capsys.readouterr().out.splitlines()
        return {line.split()[0]: line.split(None, 2)[1:] for line in lines[1:-2]}, lines[-1], status

    yield make
    sys.modules.pop("doctor_x", None)


def test_engines_that_are_broken_do_not_hide_the_others(report):
    found, last, status = report(default_execution_modes="X3 X1")
    assert found["X1"] == ["yes", "because"]
    assert found["X2"] == [
        "no", "udocker-x 1.0 cannot make X2: KeyError: 'no such'",
    ]  # fmt: skip
    assert found["X3"] == ["no", "its probe failed: ValueError: odd"]
    assert found["X4"] == ["no", "its engine has no probe"]
    assert found["X5"] == ["no", "because"]
    assert found["X6"][0] == "no"
    assert found["X6"][1].startswith("udocker-x 1.0 is broken: ")
    assert (last, status) == ("The default mode is X3, which does not work.", 1)
    assert report(default_execution_modes="X1")[1:] == ("The default mode is X1.", 0)


def test_without_any_engine(report):
    found, last, status = report(plugins="none", default_execution_modes="P1")
    assert found["P1"] == [
        "no", "mode P1 needs an engine that is not installed; pip install udocker-proot",
    ]  # fmt: skip
    assert {works for works, _ in found.values()} == {"no"}
    assert (last, status) == ("The default mode is P1, which does not work.", 1)
