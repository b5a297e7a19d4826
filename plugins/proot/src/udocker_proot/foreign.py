"""The same run by a PRoot of the host (``use_proot_executable``), version 5.

Its command line is the tracer's, but for three things: a path that it binds cannot hold a colon,
groups cannot be given, and options that came late are not in every build.
"""

from __future__ import annotations

import os

from udocker_core.binaries import chosen_program
from udocker_core.errors import EngineError
from udocker_core.model import Container, RunSpec, file_path
from udocker_proot.engine import (
    END_KEY,
    LINKS_KEY,
    NO_FILTER_VARIABLE,
    PROGRAM_KEY,
    Engine,
    emulator,
    identity_options,
    kernel_options,
    port_options,
    shown_paths,
)

#: Machines whose programs PRoot runs besides the host's -> that host's machine.
NATIVE = {"i386": "x86_64", "arm": "aarch64"}

#: Variables of the host that are for PRoot itself.
_VARIABLES = ("PROOT_TMP_DIR", "PROOT_LOADER", "PROOT_LOADER_32")


def command(engine: Engine, program: str, container: Container, spec: RunSpec) -> list[str]:
    """PRoot's command line.

    Args:
        engine: the engine, for its settings.
        program: the path of PRoot.
        container: what to run it in.
        spec: what to run.

    Raises:
        EngineError: PRoot cannot do this.
    """
    without_groups = spec._replace(user=spec.user._replace(gids=()))
    argv = [program, "-r", spec.root, "-w", spec.cwd, *identity_options(without_groups)]
    argv += kernel_options(spec)
    has = _content(program)
    if engine.flag(END_KEY, default=True) and b"--kill-on-exit" in has:
        argv.append("--kill-on-exit")
    if engine.flag(LINKS_KEY, default=False) and b"--link2symlink" in has:
        argv.append("--link2symlink")
    qemu = emulator(container, NATIVE)
    if qemu:
        argv += ("-q", qemu)
    argv += port_options(spec, engine.mode)
    for bind in shown_paths(spec):
        if ":" in bind.source + bind.target or bind.target.endswith("!"):
            raise EngineError(
                f"PRoot cannot show a path with a colon: {bind.source}:{bind.target}",
                f"use udocker's own tracer: leave {PROGRAM_KEY} empty",
            )
        argv += ("-b", f"{bind.source}:{bind.target}")
    for file in spec.files:
        if file.target:
            argv += ("-b", f"{file_path(file.name)}:{file.target}")
    return [*argv, spec.executable, *spec.argv[1:]]


def variables(engine: Engine) -> dict[str, str]:
    """What PRoot wants in its environment; it passes them on to the program in the container."""
    env = {name: os.environ[name] for name in _VARIABLES if name in os.environ}
    if engine.settings.get("tmpdir"):
        env.setdefault("PROOT_TMP_DIR", engine.settings["tmpdir"])
    if not engine.has_filter():
        env[NO_FILTER_VARIABLE] = "1"
    return env


def has_ports(setting: str) -> bool:
    """Whether the PRoot that the setting names can change ports; False when there is none."""
    try:
        return b"--port" in _content(chosen_program(setting, PROGRAM_KEY))
    except EngineError:
        return False  # said when it is to be used


def _content(program: str) -> bytes:
    """The program's bytes, where its help text names the options that it has.

    Asking it would mean to start it, which is not for a plan.
    """
    try:
        with open(program, "rb") as file:
            return file.read()
    except OSError as error:
        raise EngineError(
            f"cannot read {program}: {error.strerror}", f"correct {PROGRAM_KEY}"
        ) from error
