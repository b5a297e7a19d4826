"""``udocker inspect``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from udocker_core import engines, plugins
from udocker_core.cli.declare import Command, Option, Values
from udocker_core.cli.session import Session
from udocker_core.errors import EngineError, NotFound
from udocker_core.execution import PLUGINS
from udocker_core.hooks import Hooks
from udocker_core.model import Container
from udocker_core.names import parse


def main(session: Session, values: Values) -> int:
    """Print a container's or an image's metadata."""
    name = values["arguments"][0]
    store = session.containers
    if name in store:
        container = store.find(name)
        if values["path"]:
            print(container.root)
        else:
            _print({**container.config, "udocker": _sections(session, container)})
        return 0
    images = session.images
    if values["path"]:
        raise NotFound(f"no such container: {name}", "see udocker ps")
    try:
        _print(images.find(parse(name)).config)
    except NotFound as error:
        raise NotFound(f"no such container or image: {name}", "see udocker ps and udocker images"
                       ) from error
    return 0


def _sections(session: Session, container: Container) -> Mapping[str, Any]:
    mode = engines.mode_of(container, session.config)
    value: dict[str, Any] = {
        "id": container.id,
        "names": list(container.names),
        "image": container.image,
        "root": container.root,
        "execmode": mode,
    }
    try:
        engine = engines.resolve(container.mode, session.config).plugin
        helpers = plugins.enabled(tuple(container.settings.get(PLUGINS, ())), session.config)
    except EngineError as error:
        return {**value, "error": error.message}
    for section in Hooks([engine, *helpers]).call("udocker_inspect", container=container):
        value.update(section)
    return value


def _print(value: Mapping[str, Any]) -> None:
    print(json.dumps(value, indent=4, sort_keys=True))


COMMAND = Command(
    "inspect",
    "Show the metadata of a container or image as JSON",
    main,
    (Option(("-p", "--path"), "Print the host path of the container's root instead"),),
    arguments="CONTAINER|IMAGE",
    least=1,
    most=1,
)
