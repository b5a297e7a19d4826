"""Options that several commands have."""

from __future__ import annotations

from udocker_core.cli.declare import Option
from udocker_core.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

#: When an image is pulled.
PULL_POLICIES = ("missing", "never", "always")

#: Where an image comes from: pull, create and run.
SOURCE = (
    Option(("--platform",), "Platform of the image, such as linux/arm64", "OS/ARCH[/VARIANT]"),
    Option(("--registry",), "Registry to ask in place of the one in the image's name", "URL"),
    Option(("--index",), "Accepted for udocker 1.3", "URL", hidden=True),
    Option(("--httpproxy",), "Proxy for the pull", "URL"),
)


def check_policy(text: str, policies: Sequence[str]) -> str:
    """The ``--pull`` policy; the first one when none is given.

    Raises:
        UsageError: it is not among `policies`.
    """
    if text and text not in policies:
        raise UsageError(f"invalid --pull: {text}", "give " + ", ".join(policies))
    return text or policies[0]
