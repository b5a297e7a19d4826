"""Calling hooks: as pluggy does, and without importing it where one plugin is all there is.

On the run path the engine is usually the only plugin. Then its method is called directly with
the arguments that it names, which is what pluggy would do (docs/adr/0005); a test compares the
two.
"""

from __future__ import annotations

from udocker_core.hookmarker import ATTRIBUTE, PROJECT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

_FIRST_RESULT = frozenset({"udocker_pull", "udocker_run"})


class Hooks:
    """The plugins that take part in one operation, the most important last.

    Args:
        plugins: the engine and the enabled plugins.
    """

    def __init__(self, plugins: Sequence[Any]) -> None:
        self._plugins = plugins
        self._manager: Any = None

    def call(self, hook: str, **arguments: Any) -> Any:
        """Call a hook.

        Returns:
            the first result that is not None for ``firstresult`` hooks, else the list of all
            results that are not None, the last plugin's first.
        """
        implementers = [plugin for plugin in self._plugins if implements(plugin, hook)]
        if len(implementers) > 1:
            return getattr(self._pluggy().hook, hook)(**arguments)
        results = [_call(getattr(plugin, hook), arguments) for plugin in implementers]
        results = [result for result in results if result is not None]
        if hook in _FIRST_RESULT:
            return results[0] if results else None
        return results

    def _pluggy(self) -> Any:
        if self._manager is None:
            import pluggy

            from udocker_core import hookspecs

            self._manager = pluggy.PluginManager(PROJECT)
            self._manager.add_hookspecs(hookspecs)
            for plugin in self._plugins:
                self._manager.register(plugin)
            self._manager.check_pending()
        return self._manager


def implements(plugin: Any, hook: str) -> bool:
    """Whether the plugin has a marked implementation of the hook."""
    return hasattr(getattr(plugin, hook, None), ATTRIBUTE)


def _call(method: Any, arguments: dict[str, Any]) -> Any:
    function = method
    while hasattr(function, "__wrapped__"):  # functools.wraps
        function = function.__wrapped__
    code = function.__code__
    names = code.co_varnames[: code.co_argcount]
    return method(**{name: arguments[name] for name in names if name in arguments})
