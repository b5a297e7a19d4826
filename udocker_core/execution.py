"""How a container is executed: its mode, the engine and plugins of a run, and changes of mode."""

from __future__ import annotations

from udocker_core import engines, plugins
from udocker_core.config import Config
from udocker_core.containers import legacy
from udocker_core.containers.store import ContainerStore
from udocker_core.engines import Engine
from udocker_core.hooks import Hooks
from udocker_core.model import Container, LaunchPlan
from udocker_core.run import plan, spec
from udocker_core.run.spec import RunOptions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, NamedTuple
else:
    from udocker_core.namedtuple import NamedTuple

#: Keys of the record that ``setup`` leaves: engine's settings, and settings of each plugin.
ENGINE, PLUGINS = "engine", "plugins"


class Prepared(NamedTuple):
    """A run that is ready to be launched."""

    plan: LaunchPlan
    program: str  #: argv[0], as the user or the image wrote it


def prepare(
    container: Container,
    options: RunOptions,
    config: Config,
    warn: Callable[[str], None],
) -> Prepared:
    """From a container and options to a plan. Changes nothing.

    Raises:
        UdockerError: the mode has no engine, an option is wrong, the program is not there.
    """
    engine = engines.resolve(container.mode, config)
    helpers = plugins.enabled(tuple(container.settings.get(PLUGINS, ())), config)
    hooks = Hooks([engine.plugin, *helpers])
    capabilities = engine.plugin.capabilities
    wanted = spec.build(container, options, engine.mode, config, warn)
    contributions = hooks.call(
        "udocker_prepare_run", container=container, spec=wanted, capabilities=capabilities
    )
    wanted = plan.fit(plan.merge(wanted, contributions), capabilities, engine.mode, warn)
    return Prepared(hooks.call("udocker_run", container=container, spec=wanted), wanted.argv[0])


def change_mode(
    store: ContainerStore, container: Container, mode: str, config: Config, force: bool = False
) -> None:
    """Undo the old mode's set-up, do the new one's, record it.

    Args:
        store: where the container is.
        container: the container.
        mode: the new mode, in upper case.
        config: for the engines.
        force: do it even if the container is in that mode.

    Raises:
        EngineError: an engine is missing or fails; the container is in no mode's set-up then.
        Conflict: the container is protected.
    """
    store.check_unprotected(container)
    new = engines.resolve(mode, config)
    if container.mode == mode and not force:
        return
    names = tuple(container.settings.get(PLUGINS, ()))
    helpers = plugins.enabled(names, config)
    before: Mapping[str, Any] = container.settings
    if not before:
        legacy.check_not_rewritten(container)
    if before.get(ENGINE):
        _teardown(engines.resolve(container.mode, config), container, before[ENGINE])
    for name, helper in zip(names, helpers):
        if before[PLUGINS][name]:
            Hooks([helper]).call(
                "udocker_teardown", container=container, settings=before[PLUGINS][name]
            )
    # If a set-up fails, what was undone must not be undone again, nor count as done.
    store.set_mode(container, "", {PLUGINS: {name: {} for name in names}})
    record = {
        ENGINE: _setup(new.plugin, container, new, {}),
        PLUGINS: {
            name: _setup(helper, container, new, before[PLUGINS][name])
            for name, helper in zip(names, helpers)
        },
    }
    store.set_mode(container, mode, record)


def enable_plugin(
    store: ContainerStore, container: Container, name: str, config: Config, force: bool = False
) -> None:
    """Let a plugin that is not an engine set a container up, and take part in its runs.

    Args:
        name: the plugin's entry point.
        force: do it even if the container has it.

    Raises:
        EngineError: the plugin is not installed, or fails.
        Conflict: the container is protected.
    """
    store.check_unprotected(container)
    settings: Mapping[str, Mapping[str, Any]] = container.settings.get(PLUGINS, {})
    if name in settings and not force:
        return
    engine = engines.resolve(container.mode, config)
    plugin = plugins.enabled((name,), config)[0]
    before = settings.get(name, {})
    if before:
        Hooks([plugin]).call("udocker_teardown", container=container, settings=before)
    made = {**settings, name: _setup(plugin, container, engine, before)}
    store.set_mode(container, engine.mode, {**container.settings, PLUGINS: made})


def _setup(
    plugin: Any, container: Container, engine: Engine, settings: Mapping[str, Any]
) -> Mapping[str, Any]:
    results: Sequence[Mapping[str, Any]] = Hooks([plugin]).call(
        "udocker_setup",
        container=container,
        capabilities=engine.plugin.capabilities,
        settings=settings,
    )
    return results[0] if results else {}


def _teardown(engine: Engine, container: Container, settings: Mapping[str, Any]) -> None:
    Hooks([engine.plugin]).call("udocker_teardown", container=container, settings=settings)
