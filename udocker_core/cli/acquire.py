"""Images and containers for the commands that pull: pull, create and run."""

from __future__ import annotations

import sys

from udocker_core import platform, provision
from udocker_core.cli.declare import Values
from udocker_core.cli.session import INFO, Session
from udocker_core.model import Container
from udocker_core.names import parse
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
    return provision.create(
        source(session, values), session.containers, parse(image), name, fetch
    )


def _progress(session: Session) -> Progress:
    if session.level < INFO or not sys.stderr.isatty():
        return Silence()
    from udocker_core.cli.progress import Bars

    return Bars(sys.stderr)
