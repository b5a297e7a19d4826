"""Containers made from a tar file, without an image."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from typing import Any

from udocker_core import files, names
from udocker_core.containers.store import ContainerStore
from udocker_core.errors import InvalidReference
from udocker_core.layers import Layer, Readable, apply_layers
from udocker_core.manifest import MAX_DOCUMENT, load_json
from udocker_core.model import Container
from udocker_core.workspace import workspace


def from_rootfs(
    store: ContainerStore,
    raw: Readable,
    source: str,
    config: Mapping[str, Any],
    image: str,
    name: str = "",
) -> Container:
    """Make a container whose root is a tar file's content.

    Args:
        store: where it goes.
        raw: the tar file, compressed or not.
        source: what to call it in messages.
        config: the container's configuration.
        image: the image's name, for the record.
        name: the container's name, or empty.

    Raises:
        UdockerError: the file is damaged, the name taken, the store not writable.
    """
    layer = Layer(lambda: raw, None, source)
    return store.create(config, image, lambda made: _unpack(layer, made.root), name)


def from_clone(
    store: ContainerStore,
    raw: Readable,
    source: str,
    config: Mapping[str, Any],
    image: str,
    name: str = "",
) -> Container:
    """Make a container from what ``export --clone`` wrote: its directory, record and all.

    A plain file system is taken too, as udocker 1.3 does. Arguments as :func:`from_rootfs`;
    `config` and `image` count where the file has none.
    """
    files.make_private_directory(store.directory)
    with workspace(store.directory) as directory:
        top = os.path.join(directory, "unpacked")
        os.mkdir(top, 0o700)
        _unpack(Layer(lambda: raw, None, source), top)
        mode = _open_up(top)
        root = os.path.join(top, "ROOT")
        if _is_directory(root):
            mode = _open_up(root)
        else:
            root = top
        record = files.read_regular(os.path.join(top, "container.json"), MAX_DOCUMENT)
        if root != top and record:
            config = load_json(record, f"the record in {source}")
            image = _image_name(os.path.join(top, "imagerepo.name")) or image

        def move(made: Container) -> None:
            os.rmdir(made.root)
            os.rename(root, made.root)
            os.chmod(made.root, mode)

        return store.create(config, image, move, name)


def _unpack(layer: Layer, root: str) -> None:
    apply_layers([layer], root)


def _open_up(directory: str) -> int:
    """Give us all rights to a directory, without which it cannot be moved; return its mode."""
    mode = stat.S_IMODE(os.lstat(directory).st_mode)
    os.chmod(directory, mode | stat.S_IRWXU)
    return mode


def _image_name(path: str) -> str:
    """The image's name in a record, or empty if there is none that could be an image's."""
    content = files.read_regular(path, 4096) or b""
    try:
        return names.parse(os.fsdecode(content).strip()).familiar
    except InvalidReference:
        return ""


def _is_directory(path: str) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except FileNotFoundError:
        return False
