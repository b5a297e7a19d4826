"""Getting an image, and a container from it.

Where an image has to be pulled for a container, its layers are unpacked while they arrive.
"""

from __future__ import annotations

from typing import NamedTuple

from udocker_core import __version__, plugins
from udocker_core.config import Config
from udocker_core.containers.store import ContainerStore
from udocker_core.errors import NotFound
from udocker_core.hooks import Hooks
from udocker_core.images.store import Image, ImageStore
from udocker_core.layers import Layer, apply_layers
from udocker_core.model import Container
from udocker_core.names import DEFAULT_REGISTRY, Reference
from udocker_core.platform import Platform
from udocker_core.registry.client import Client
from udocker_core.registry.progress import Progress
from udocker_core.registry.settings import ClientSettings


class Source(NamedTuple):
    """Where images come from in one command."""

    store: ImageStore
    settings: ClientSettings
    platform: Platform
    progress: Progress
    hooks: Hooks


def source(
    config: Config,
    store: ImageStore,
    platform: Platform,
    progress: Progress,
    registry: str = "",
    proxy: str = "",
) -> Source:
    """The configured source of images.

    Args:
        config: the configuration.
        store: where images go.
        platform: the platform wanted.
        progress: told about downloads.
        registry: ``--registry``, asked in place of the one that the name says.
        proxy: ``--httpproxy``.
    """
    mirror = config.text("dockerio_registry_url")
    settings = ClientSettings(
        registry=registry,
        registries={DEFAULT_REGISTRY: mirror} if mirror else {},
        insecure=config.flag("http_insecure"),
        proxy=proxy or config.text("http_proxy"),
        keystore=config.keystore,
        user_agent=f"udocker/{__version__}",
        connect_timeout=float(config.number("ctimeout")),
        read_timeout=float(config.number("timeout")),
    )
    return Source(store, settings, platform, progress, Hooks(plugins.enabled((), config)))


def pull(origin: Source, reference: Reference) -> Image:
    """Bring an image into the store.

    Raises:
        UdockerError: it cannot be had; the store is as it was.
    """
    image = _ask_plugins(origin, reference)
    if image is None:
        from udocker_core.images.pull import Pull

        with Client(origin.settings, origin.progress) as client, Pull(
            origin.store, client, reference, origin.platform, origin.progress
        ) as pulling:
            image = pulling.finish()
    return image


def create(
    origin: Source,
    containers: ContainerStore,
    reference: Reference,
    name: str = "",
    fetch: str = "missing",
) -> Container:
    """Make a container from an image.

    Args:
        origin: where to look for the image.
        containers: where the container goes.
        reference: the image.
        name: the container's name, or empty.
        fetch: ``missing`` to pull an image that is not in the store, ``always``, or ``never``.

    Raises:
        NotFound: the image is not to be had.
        UdockerError: it cannot be unpacked; nothing is left.
    """
    if name:
        containers.check_name(name)  # before anything is downloaded
    present = reference in origin.store
    if fetch == "never" and not present:
        raise NotFound(
            f"no such image: {reference.familiar}", f"udocker pull {reference.familiar}"
        )
    if fetch == "always" or not present:
        image = _ask_plugins(origin, reference)
        if image is None:
            return _pull_and_create(origin, containers, reference, name)
    else:
        image = origin.store.find(reference)
    layers = [_stored(blob.path, blob.diff_id, blob.name) for blob in image.layers]
    found = image

    def fill(container: Container) -> None:
        apply_layers(layers, container.root)
        origin.hooks.call("udocker_create", container=container, image=found)

    return containers.create(image.config, image.name, fill, name)


def _pull_and_create(
    origin: Source, containers: ContainerStore, reference: Reference, name: str
) -> Container:
    from udocker_core.images.pull import Pull

    with Client(origin.settings, origin.progress) as client, Pull(
        origin.store, client, reference, origin.platform, origin.progress
    ) as pulling:

        def fill(container: Container) -> None:
            apply_layers(pulling.layers(), container.root)
            image = pulling.finish()
            origin.hooks.call("udocker_create", container=container, image=image)

        return containers.create(pulling.config(), reference.familiar, fill, name)


def _ask_plugins(origin: Source, reference: Reference) -> Image | None:
    image: Image | None = origin.hooks.call(
        "udocker_pull",
        reference=reference,
        platform=origin.platform,
        store=origin.store,
        progress=origin.progress,
    )
    return image


def _stored(path: str, diff_id: str | None, name: str) -> Layer:
    return Layer(lambda: open(path, "rb"), diff_id, name)
