"""``udocker doctor``."""

from __future__ import annotations

from udocker_core import engines
from udocker_core.cli.declare import Command, Values
from udocker_core.cli.session import Session
from udocker_core.config import Config
from udocker_core.entrypoints import EntryPoint
from udocker_core.errors import UdockerError
from udocker_core.hooks import Hooks
from udocker_core.model import Probe

#: The modes that udocker's documentation names, whoever serves them.
_KNOWN = ("P1", "P2", "R1", "R2", "R3", "F1", "F2", "F3", "F4", "S1")


def main(session: Session, values: Values) -> int:
    """Say of each mode whether it works here, or why not."""
    modes = engines.installed(session.config)
    default = engines.default_mode(session.config, modes)
    print(f"{'MODE':5} {'WORKS':6} REASON")
    works = {}
    for mode in dict.fromkeys((*_KNOWN, *sorted(modes))):
        probe = _probe(mode, modes, session.config)
        works[mode] = probe.ok
        print(f"{mode:5} {'yes' if probe.ok else 'no':6} {probe.reason}")
    remark = "" if works.get(default) else ", which does not work"
    print(f"\nThe default mode is {default}{remark}.")
    return 0 if works.get(default) else 1


def _probe(mode: str, modes: dict[str, EntryPoint], config: Config) -> Probe:
    if mode not in modes:
        error = engines.missing(mode, modes)
        return Probe(False, f"{error}; {getattr(error, 'hint', '')}")
    try:
        engine = engines.resolve(mode, config)
        probes: list[Probe] = Hooks([engine.plugin]).call("udocker_probe")
    except UdockerError as error:
        return Probe(False, error.message)
    except Exception as error:  # a stranger's engine must not keep the others from being seen
        return Probe(False, f"its probe failed: {type(error).__name__}: {error}")
    return probes[0] if probes else Probe(False, "its engine has no probe")


COMMAND = Command(
    "doctor",
    "Tell which execution modes work here, and why the others do not",
    main,
    details="The exit status is 0 if the default mode works.",
)
