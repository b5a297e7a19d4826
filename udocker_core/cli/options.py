"""Options that several commands have."""

from __future__ import annotations

from udocker_core.cli.declare import Option

#: Where an image comes from: pull, create and run.
SOURCE = (
    Option(("--platform",), "Platform of the image, such as linux/arm64", "OS/ARCH[/VARIANT]"),
    Option(("--registry",), "Registry to ask in place of the one in the image's name", "URL"),
    Option(("--index",), "Accepted for udocker 1.3", "URL", hidden=True),
    Option(("--httpproxy",), "Proxy for the pull", "URL"),
)
