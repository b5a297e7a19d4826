"""Images and containers for the commands that pull: pull, create and run."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from udocker_core import platform, provision
from udocker_core.cli.declare import Values
from udocker_core.cli.session import INFO, Session
from udocker_core.model import Container
from udocker_core.names import parse
from udocker_core.platform import Platform
from udocker_core.registry.progress import Progress, Silence


def source(session: Session, values: Values) -> provision.Source:
    """The source of images that the options describe."""
    wanted = values["platform"]
    return provision.source(
        session.config,
        session.images,
        platform.parse(wanted) if wanted else platform.host(),
        _progress(session),
        values["registry"],
        values["httpproxy"],
    )


def container(session: Session, values: Values, image: str, name: str, fetch: str) -> Container:
    """A new container from an image."""
    origin = source(session, values)
    made = provision.create(origin, session.containers, parse(image), name, fetch)
    check_platform(session, origin.platform, made.config)
    return made


def check_platform(session: Session, wanted: Platform, config: Mapping[str, Any]) -> None:
    """Warn if an image says that it is for another platform: a registry may have had no choice."""
    system, architecture = config.get("os"), config.get("architecture")
    if isinstance(system, str) and isinstance(architecture, str):
        found = platform.normal(system, architecture, str(config.get("variant") or ""))
        if found not in platform.runnable(wanted):
            session.warn(f"the image is for {found}, not for {wanted}")


def _progress(session: Session) -> Progress:
    if session.level < INFO or not sys.stderr.isatty():
        return Silence()
    from udocker_core.cli.progress import Bars

    return Bars(sys.stderr)
