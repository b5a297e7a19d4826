"""The marker for hook implementations.

It sets the attribute that ``pluggy.HookimplMarker("udocker")`` sets, without importing pluggy:
engines are imported on the run path, where pluggy's 20 ms would be the largest part
(docs/adr/0005). A contract test holds the two together.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    _F = TypeVar("_F", bound=Callable[..., Any])


PROJECT = "udocker"
ATTRIBUTE = PROJECT + "_impl"


def hookimpl(function: _F) -> _F:
    """Mark `function` as the implementation of the udocker hook of the same name."""
    options = {
        "wrapper": False,
        "hookwrapper": False,
        "optionalhook": False,
        "tryfirst": False,
        "trylast": False,
        "specname": None,
    }
    setattr(function, ATTRIBUTE, options)
    return function
