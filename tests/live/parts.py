"""The parts of a machine that the live tests need, and where ``tools/prepare.py`` puts its own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.live.command import which

PARTS = Path("/var/lib/udocker-test/parts")
USER, PASSWORD = "tester", "pass word:\u00fc"


class Image(NamedTuple):
    """An image of the tests, in the registry and in an OCI layout."""

    name: str  #: with the registry's address
    layout: str  #: DIRECTORY:TAG, for skopeo and umoci


def need(*parts: str | Path) -> None:
    """Skip unless these programs (by name) and files (by path) are here."""
    if os.geteuid() == 0:
        pytest.skip("missing here: an ordinary user; make test uses one")
    for part in parts:
        if not (part.exists() if isinstance(part, Path) else which(part)):
            pytest.skip(f"missing here: {part}; as root, make test installs it")
