"""Platforms of images and of this host (OCI image-spec, image-index.md, "platform").

Architectures have the names of Go's ``GOARCH``, as in docker. Not to be confused with the
standard library's ``platform``, whose import costs more than the whole of this module's work.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from udocker_core.errors import UsageError

#: What uname(2) and users call a machine, and what images call it: architecture and variant.
_MACHINES = {
    "x86_64": ("amd64", ""),
    "x86-64": ("amd64", ""),
    "i386": ("386", ""),
    "i486": ("386", ""),
    "i586": ("386", ""),
    "i686": ("386", ""),
    "x86": ("386", ""),
    "aarch64": ("arm64", ""),
    "arm64": ("arm64", ""),
    "armhf": ("arm", "v7"),
    "armel": ("arm", "v6"),
    "armv8l": ("arm", "v8"),
    "armv7l": ("arm", "v7"),
    "armv6l": ("arm", "v6"),
    "armv5tel": ("arm", "v5"),
    "loongarch64": ("loong64", ""),
}

#: Variants that mean the same as none, and what none means.
_IMPLIED = {"arm64": "v8", "amd64": "v1"}

_PART = re.compile(r"[A-Za-z0-9_.-]+")

_T = TypeVar("_T")


class Platform(NamedTuple):
    """What an image is for. Made by :func:`parse`, :func:`host` or :func:`normal`."""

    os: str = "linux"
    architecture: str = "amd64"
    variant: str = ""  #: empty where the architecture has no variants, or means the usual one

    def __str__(self) -> str:
        """Return it as users write it: ``linux/arm/v7``."""
        return "/".join(filter(None, self))


def normal(system: str, architecture: str, variant: str = "") -> Platform:
    """Return the platform with one spelling for each thing: ``arm64/v8`` is ``arm64``."""
    architecture = architecture.lower()
    architecture, implied = _MACHINES.get(architecture, (architecture, ""))
    variant = variant.lower() or implied
    if variant and variant[0].isdigit():
        variant = "v" + variant
    if architecture == "arm":
        variant = variant or "v7"
    elif variant == _IMPLIED.get(architecture):
        variant = ""
    return Platform(system.lower(), architecture, variant)


def host() -> Platform:
    """Return the platform of this host."""
    return normal("linux", os.uname().machine)


def parse(text: str) -> Platform:
    """Read a platform as users write it: ``os/arch[/variant]``, or only ``arch``.

    Raises:
        UsageError: the text is no platform.
    """
    parts = text.strip().split("/")
    if len(parts) == 1:
        parts.insert(0, "linux")
    if len(parts) > 3 or not all(_PART.fullmatch(part) for part in parts):
        raise UsageError(
            f"invalid platform {text!r}", "a platform looks like linux/amd64 or linux/arm/v7"
        )
    return normal(*parts)


def runnable(platform: Platform) -> list[Platform]:
    """Return the platforms whose images `platform` runs, the best first.

    The order is containerd's: newer variants run older ones, amd64 runs 386, arm64 runs arm.
    """
    system, architecture, variant = platform
    found = [platform]
    if architecture in ("amd64", "arm"):
        found += _older(system, architecture, variant)
    if architecture == "amd64":
        found.append(Platform(system, "386", ""))
    elif architecture == "arm64":
        if variant:
            found.append(Platform(system, "arm64", ""))
        found.append(Platform(system, "arm", "v8"))
        found += _older(system, "arm", "v8")
    return found


def _older(system: str, architecture: str, variant: str) -> list[Platform]:
    if not variant[1:].isdigit():
        return []
    oldest = 5 if architecture == "arm" else 1
    versions = range(int(variant[1:]) - 1, oldest - 1, -1)
    return [normal(system, architecture, f"v{version}") for version in versions]


def ranked(wanted: Platform, offers: Sequence[tuple[Platform, _T]]) -> list[_T]:
    """Return the offers that `wanted` runs, the best first, equals in the order given."""
    return [
        offer
        for candidate in runnable(wanted)
        for platform, offer in offers
        if platform == candidate
    ]
