"""The store of containers: ``containers/<id>/`` with ROOT and a record, names as links.

The layout is udocker 1.3's. A container is made under a temporary name and renamed when it is
whole, and is renamed away before it is deleted, so that what is listed is never half a container.
"""

from __future__ import annotations

import os

from udocker_core import files, quickjson
from udocker_core.containers.identifiers import check_container_name, is_container_id, new_id
from udocker_core.errors import Conflict, NotFound, StoreError
from udocker_core.locks import FileLock
from udocker_core.model import Container

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from typing import Any

_RECORD = "container.json"
_SETTINGS = "settings.json"
_PROTECTED = "PROTECT"


class ContainerStore:
    """The containers below one directory.

    Args:
        directory: host path; made when the first container is.
    """

    def __init__(self, directory: str) -> None:
        self.directory = directory

    # -- looking ---------------------------------------------------------------------------

    def find(self, name: str) -> Container:
        """The container with this id or name.

        Raises:
            NotFound: there is none.
            StoreError: its record cannot be read.
        """
        container = self.locate(name)
        return container._replace(
            config=_read_json(container.directory, _RECORD),
            settings=_read_json(container.directory, _SETTINGS),
        )

    def locate(self, name: str) -> Container:
        """The container with this id or name, without its configuration and settings.

        It needs no record that can be read, so that what is damaged can be removed.

        Raises:
            NotFound: there is none.
        """
        identifier = self._identifier(name)
        if identifier is None:
            raise NotFound(f"no such container: {name}", "see udocker ps")
        return self._located(identifier, self._names().get(identifier, ()))

    def __contains__(self, name: str) -> bool:
        return self._identifier(name) is not None

    def __iter__(self) -> Iterator[Container]:
        """All containers, in the order of their ids; a damaged one has no configuration."""
        names = self._names()
        for identifier in sorted(filter(is_container_id, self._entries())):
            container = self._located(identifier, names.get(identifier, ()))
            try:
                yield container._replace(config=_read_json(container.directory, _RECORD))
            except StoreError:
                yield container

    def _identifier(self, name: str) -> str | None:
        if "/" in name or name.startswith("."):
            return None
        if is_container_id(name):
            return name if os.path.isdir(os.path.join(self.directory, name)) else None
        try:
            target = os.readlink(os.path.join(self.directory, name))
        except OSError:
            return None
        target = os.path.basename(target.rstrip("/"))
        return target if os.path.isdir(os.path.join(self.directory, target)) else None

    def _entries(self) -> list[str]:
        try:
            return os.listdir(self.directory)
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise StoreError(f"cannot read {self.directory}: {error.strerror}") from error

    def _names(self) -> dict[str, tuple[str, ...]]:
        names: dict[str, tuple[str, ...]] = {}
        try:
            with os.scandir(self.directory) as entries:
                links = sorted(entry.name for entry in entries if entry.is_symlink())
        except (FileNotFoundError, NotADirectoryError):
            return {}
        for name in links:
            target = os.path.basename(os.readlink(os.path.join(self.directory, name)).rstrip("/"))
            names[target] = (*names.get(target, ()), name)
        return names

    def _located(self, identifier: str, names: tuple[str, ...]) -> Container:
        directory = os.path.join(self.directory, identifier)
        return Container(
            id=identifier,
            directory=directory,
            root=os.path.join(directory, "ROOT"),
            names=names,
            image=_read_text(directory, "imagerepo.name"),
            mode=_read_text(directory, "execmode"),
        )

    # -- making and removing ---------------------------------------------------------------

    def create(
        self,
        config: Mapping[str, Any],
        image: str,
        fill: Callable[[Container], None],
        name: str = "",
    ) -> Container:
        """Make a container.

        Args:
            config: the image's configuration.
            image: the image's name, for the record.
            fill: called with the container that is being made; unpacks into its root.
            name: a name for it, or empty.

        Raises:
            Conflict: the name is taken.
            StoreError: the store cannot be written; nothing is left.
        """
        if name:
            self.check_name(name)
        files.make_private_directory(self.directory)
        identifier = new_id()
        try:
            with self._workspace() as directory:
                root = os.path.join(directory, "ROOT")
                os.mkdir(root)
                os.chmod(root, 0o755)  # noqa: S103 (below a directory of 0700)
                fill(Container(identifier, directory, root, image=image, config=config))
                files.write_atomic(os.path.join(directory, _RECORD), _dump(config))
                files.write_atomic(os.path.join(directory, "imagerepo.name"), os.fsencode(image))
                files.sync_directory(directory)
                self._publish(directory, identifier, name)
        except OSError as error:
            raise StoreError(
                f"cannot create the container: {error.strerror}",
                f"check the free space and permissions of {self.directory}",
            ) from error
        return self.find(identifier)

    def _publish(self, directory: str, identifier: str, name: str) -> None:
        final = os.path.join(self.directory, identifier)
        with self._lock():
            if name:
                self._check_free(name)
                # The link comes first: a container is never listed without its name, and a link
                # to nothing counts as free.
                self._link(identifier, name)
            os.rename(directory, final)
            files.sync_directory(self.directory)

    def remove(self, container: Container) -> None:
        """Delete a container and its names.

        Raises:
            Conflict: it is protected.
            StoreError: something in it cannot be deleted; what is left stays listed.
        """
        from udocker_core.layers.remove import remove_tree  # not needed to run a container

        with self._workspace() as trash:
            moved = os.path.join(trash, container.id)
            with self._lock():
                self.check_unprotected(container)
                try:
                    os.rename(container.directory, moved)
                except FileNotFoundError:
                    raise NotFound(f"no such container: {container.id}", "see udocker ps") from None
                for name in container.names:
                    self._unlink_name(name)
                files.sync_directory(self.directory)
            try:
                remove_tree(moved)
            except StoreError as error:
                self._put_back(container, moved)
                raise StoreError(error.message, "remove its files from inside the container") from (
                    error
                )

    def _put_back(self, container: Container, moved: str) -> None:
        """List again what is left of a container, so that it is not lost where nobody looks."""
        with self._lock():
            os.rename(moved, container.directory)
            for name in container.names:
                if self._identifier(name) is None:
                    self._link(container.id, name)

    # -- names and the record --------------------------------------------------------------

    def add_name(self, container: Container, name: str) -> None:
        """Give the container one more name.

        Raises:
            Conflict: the name is taken.
        """
        check_container_name(name)
        with self._lock():
            self._check_free(name)
            if self._identifier(container.id) is None:
                raise NotFound(f"no such container: {container.id}", "see udocker ps")
            self._link(container.id, name)

    def remove_name(self, name: str) -> None:
        """Take a name away from its container.

        Raises:
            NotFound: there is no such name.
        """
        with self._lock():
            if is_container_id(name) or self._identifier(name) is None:
                raise NotFound(f"no such container name: {name}", "see udocker ps")
            self._unlink_name(name)

    def rename(self, old: str, new: str) -> None:
        """Change a container's name.

        Raises:
            NotFound: there is no such name.
            Conflict: the new name is taken.
        """
        check_container_name(new)
        with self._lock():
            identifier = None if is_container_id(old) else self._identifier(old)
            if identifier is None:
                raise NotFound(f"no such container name: {old}", "see udocker ps")
            self._check_free(new)
            self._link(identifier, new)
            self._unlink_name(old)

    def set_mode(self, container: Container, mode: str, settings: Mapping[str, Any]) -> None:
        """Record the execution mode and what the engine's set-up returned."""
        files.write_atomic(os.path.join(container.directory, _SETTINGS), _dump(settings))
        files.write_atomic(os.path.join(container.directory, "execmode"), mode.encode())
        root = os.fsencode(os.path.realpath(container.root))
        files.write_atomic(os.path.join(container.directory, "root.path"), root)

    def is_protected(self, container: Container) -> bool:
        """Whether ``protect`` was used on it."""
        return os.path.lexists(os.path.join(container.directory, _PROTECTED))

    def protect(self, container: Container, wanted: bool) -> None:
        """Protect the container from removal and set-up, or no longer."""
        files.set_marker(os.path.join(container.directory, _PROTECTED), wanted)

    def check_unprotected(self, container: Container) -> None:
        """Raises Conflict if the container is protected."""
        if self.is_protected(container):
            raise Conflict(f"container is protected: {container.id}", "udocker unprotect it first")

    def check_name(self, name: str) -> None:
        """Check that a container could get a name.

        Raises:
            InvalidReference: it is no name.
            Conflict: it is taken.
        """
        check_container_name(name)
        self._check_free(name)

    def _check_free(self, name: str) -> None:
        if self._identifier(name) is not None:
            raise Conflict(
                f"container name already exists: {name}",
                "choose another --name, or remove that container",
            )

    def _link(self, identifier: str, name: str) -> None:
        """Point a name at a container, in place of a link that leads to nothing."""
        path = os.path.join(self.directory, name)
        self._unlink_name(name)
        os.symlink(identifier, path)

    def _unlink_name(self, name: str) -> None:
        files.unlink(os.path.join(self.directory, name))

    def _workspace(self) -> AbstractContextManager[str]:
        from udocker_core.workspace import workspace  # not needed to run a container

        return workspace(self.directory)

    def _lock(self) -> FileLock:
        files.make_private_directory(self.directory)
        return FileLock(os.path.join(self.directory, ".lock"))



def _read_text(directory: str, name: str) -> str:
    try:
        with open(os.path.join(directory, name), errors="surrogateescape") as file:
            return file.read(4096).strip()
    except OSError:
        return ""


def _read_json(directory: str, name: str) -> Mapping[str, Any]:
    path = os.path.join(directory, name)
    try:
        with open(path, "rb") as file:
            value = quickjson.loads(file.read())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise StoreError(f"cannot read {path}: {error}", "udocker rm the container") from error
    return value if isinstance(value, dict) else {}


def _dump(value: Mapping[str, Any]) -> bytes:
    import json  # not needed to run a container

    return json.dumps(value).encode()
