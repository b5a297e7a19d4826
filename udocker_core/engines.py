"""From an execution mode to its engine. The mode *is* the entry point's name."""

from __future__ import annotations

from udocker_core.config import Config
from udocker_core.entrypoints import ENGINES, EntryPoint, find
from udocker_core.errors import EngineError, UsageError
from udocker_core.model import Container
from udocker_core.plugins import permitted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NamedTuple
else:
    from udocker_core.namedtuple import NamedTuple

#: What to install for the modes of udocker 1.3: the one place where the core names engines.
_HINTS = {
    "P": "udocker-proot",
    "R": "udocker-runc",
    "F": "udocker-fakechroot",
    "S": "udocker-singularity",
}


class Engine(NamedTuple):
    """An engine that serves a mode."""

    mode: str
    entry: EntryPoint
    plugin: Any  #: the object with the hooks


def installed(config: Config) -> dict[str, EntryPoint]:
    """The modes that have an engine, and who serves each; the first of several."""
    return {entry.name: entry for entry in reversed(permitted(find(ENGINES), config))}


def resolve(mode: str, config: Config) -> Engine:
    """The engine for a mode; ``""`` for the default one.

    Raises:
        EngineError: no engine for it is installed, or the engine is broken.
    """
    entries = permitted(find(ENGINES), config)
    modes = {entry.name: entry for entry in entries}
    mode = mode or default_mode(config, modes)
    entry = modes.get(mode) or _ask_stevedore(mode, config)
    if entry is None:
        raise missing(mode, modes)
    for other in entries:
        if other.name == mode and other != entry:
            raise EngineError(
                f"mode {mode} is served by {other.distribution} and {entry.distribution}",
                "uninstall one, or name one in UDOCKER_DISABLE_PLUGINS",
            )
    return Engine(mode, entry, entry.make(mode, config.values))


def default_mode(config: Config, modes: dict[str, EntryPoint]) -> str:
    """The mode of containers that have none: the configured one, or the first with an engine.

    Args:
        modes: those that are :func:`installed`.
    """
    mode = config.text("override_default_execution_mode").upper()
    if mode:
        return mode
    candidates = config.words("default_execution_modes")
    return next((name for name in candidates if name in modes), candidates[0])


def mode_of(container: Container, config: Config) -> str:
    """The mode that a container is executed in."""
    return container.mode or default_mode(config, installed(config))


def missing(mode: str, modes: dict[str, EntryPoint]) -> Exception:
    """The error for a mode that nobody serves."""
    package = _HINTS.get(mode[:1])
    if package is None or mode[1:] not in ("1", "2", "3", "4"):
        available = ", ".join(sorted(modes)) or "none, install an engine first"
        return UsageError(f"invalid execmode: {mode}", f"the modes installed here: {available}")
    present = [entry for entry in modes.values() if entry.distribution == package]
    if present:
        return EngineError(
            f"mode {mode} is not served by the installed {package} {present[0].version}",
            f"pip install --upgrade {package}, or use another mode",
        )
    return EngineError(
        f"mode {mode} needs an engine that is not installed", f"pip install {package}"
    )


def _ask_stevedore(mode: str, config: Config) -> EntryPoint | None:
    """Distributions that are not plain directories on the module search path."""
    from stevedore import DriverManager
    from stevedore.exception import NoMatches

    from udocker_core.plugins import from_metadata

    try:
        manager: Any = DriverManager(ENGINES, mode, invoke_on_load=False)
    except NoMatches:
        return None
    except Exception as error:  # whatever the engine's module raises when it is imported
        raise EngineError(f"the engine for mode {mode} is broken: {error}", "reinstall it") from (
            error
        )
    entry = from_metadata(manager.extensions[0].entry_point)
    return next(iter(permitted([entry], config)), None)
