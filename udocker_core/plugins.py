"""Plugins that are not engines, and which plugins a site or user permits."""

from __future__ import annotations

from udocker_core.config import Config
from udocker_core.entrypoints import PLUGINS, EntryPoint, find, normalized
from udocker_core.errors import EngineError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any


def permitted(entries: Iterable[EntryPoint], config: Config) -> list[EntryPoint]:
    """Leave out what ``disable_plugins`` names, and all but what ``plugins`` names.

    Both list distributions or entry point names; ``disable_plugins = 1`` means all.
    """
    disabled = set(config.words("disable_plugins"))
    allowed = set(config.words("plugins"))
    return [
        entry
        for entry in entries
        if not disabled & {"1", entry.name, entry.distribution}
        and (not allowed or allowed & {entry.name, entry.distribution})
    ]


def enabled(names: Sequence[str], config: Config) -> list[Any]:
    """The plugins with these names and those of ``enable_plugins``, loaded.

    Raises:
        EngineError: one is not installed, or broken.
    """
    wanted = list(dict.fromkeys((*names, *config.words("enable_plugins"))))
    if not wanted:
        return []
    entries = {entry.name: entry for entry in permitted(find(PLUGINS), config)}
    loaded = []
    for name in wanted:
        if name not in entries:
            entries.update(_ask_stevedore([name], config))
        if name not in entries:
            raise EngineError(
                f"plugin {name} is not installed", f"pip install udocker-{name}, or disable it"
            )
        loaded.append(entries[name].make(config.values))
    return loaded


def _ask_stevedore(names: list[str], config: Config) -> dict[str, EntryPoint]:
    from stevedore import NamedExtensionManager

    manager: Any = NamedExtensionManager(PLUGINS, names, on_load_failure_callback=_broken)
    found = [from_metadata(extension.entry_point) for extension in manager]
    return {entry.name: entry for entry in permitted(found, config)}


def _broken(manager: Any, entry_point: Any, error: BaseException) -> None:
    raise EngineError(f"plugin {entry_point.name} is broken: {error}", "reinstall it") from error


def from_metadata(entry: Any) -> EntryPoint:
    """An entry point of stevedore, which does not tell the distribution, as one of ours."""
    from importlib.metadata import distributions

    key = (entry.group, entry.name, entry.value)
    for distribution in distributions():
        if key in ((e.group, e.name, e.value) for e in distribution.entry_points):
            return EntryPoint(*key, normalized(distribution.metadata["Name"]), distribution.version)
    return EntryPoint(*key, entry.value.partition(":")[0], "of unknown version")
