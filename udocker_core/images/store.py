"""The store of images: ``layers/<digest>`` and ``repos/<repository>/<tag>/``.

The layout is udocker 1.3's. A tag directory counts once it holds the file ``TAG``, which is
written last; replacing a tag's image is the rename of its ``manifest``. Blobs are published by
rename after their digest was verified, so whatever has a digest for a name is whole.

Images that udocker 1.3 imported or loaded (``ancestry`` in place of ``manifest``) are read, never
written.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from udocker_core import files
from udocker_core import manifest as manifests
from udocker_core.errors import Conflict, IntegrityError, InvalidReference, NotFound
from udocker_core.locks import FileLock
from udocker_core.names import DEFAULT_REGISTRY, Reference

_PARTIAL = ".partial-"

#: The files of a tag's directory without which it cannot be used. An image of that name would be
#: a directory in their place. ``v1`` and ``v2`` are there for udocker 1.3 only, and frequent tags.
_FILES = ("TAG", "PROTECT", "manifest", "ancestry", "container.json")


class Blob(NamedTuple):
    """A layer as it lies in the store."""

    path: str
    name: str  #: its digest, or udocker 1.3's layer id
    diff_id: str | None  #: digest of the uncompressed bytes, where the image tells it


class Image(NamedTuple):
    """An image of the store."""

    name: str  #: as listed: ``repository:tag``
    directory: str
    config: Mapping[str, Any]  #: OCI image-spec, config.md
    layers: tuple[Blob, ...]  #: base first
    protected: bool = False
    manifest: bytes = b""  #: empty for images that udocker 1.3 imported

    @property
    def platform(self) -> str:
        """``os/architecture[/variant]``, ``unknown`` where the image does not say."""
        parts = [str(self.config.get(key) or "unknown") for key in ("os", "architecture")]
        variant = self.config.get("variant")
        return "/".join([*parts, str(variant)] if variant else parts)


class ImageStore:
    """The images below two directories.

    Args:
        repos: host path of the tags.
        layers: host path of the blobs.
    """

    def __init__(self, repos: str, layers: str) -> None:
        self.repos = repos
        self.layers = layers

    # -- looking ---------------------------------------------------------------------------

    def find(self, reference: Reference) -> Image:
        """The image with this name, however it was spelled when it was stored.

        Raises:
            NotFound: there is none.
            StoreError, IntegrityError: it is there and cannot be used.
        """
        for directory in self._directories(reference):
            if _is_tag(directory):
                return self.load(directory)
        raise NotFound(f"no such image: {reference.familiar}", f"udocker pull {reference.familiar}")

    def __contains__(self, reference: Reference) -> bool:
        return any(map(_is_tag, self._directories(reference)))

    def tags(self) -> Iterator[str]:
        """The directories of all tags."""
        for directory, subdirectories, names in os.walk(self.repos):
            subdirectories.sort()
            if "TAG" in names:
                yield directory

    def name(self, directory: str) -> str:
        """The name ``repository:tag`` of a tag directory."""
        repository, _, tag = os.path.relpath(directory, self.repos).rpartition("/")
        return f"{repository}:{tag}"

    def protected(self, directory: str) -> bool:
        """Whether ``protect`` was used on the tag in this directory."""
        return os.path.isfile(os.path.join(directory, "PROTECT"))

    def blob(self, digest: str) -> str:
        """The path of a blob, whether it is there or not. `digest` must be a valid digest."""
        return os.path.join(self.layers, digest)

    def _directories(self, reference: Reference) -> list[str]:
        """Where an image of this name may lie: ours first, then udocker 1.3's other spellings."""
        short = reference._replace(tag="", digest=None).familiar
        names = [short, f"{reference.registry}/{reference.repository}"]
        if reference.registry == DEFAULT_REGISTRY:
            names += [reference.repository, f"{DEFAULT_REGISTRY}/{short}"]
        return [os.path.join(self.repos, name, reference.identifier) for name in names]

    def load(self, directory: str) -> Image:
        """The image in a tag directory.

        Raises:
            IntegrityError: it cannot be used.
        """
        manifest = files.read_regular(os.path.join(directory, "manifest"), manifests.MAX_DOCUMENT)
        try:
            if manifest is None:
                config, layers = self._ancestry(directory)
            else:
                config, layers = self._contents(json.loads(manifest), directory)
        except (LookupError, TypeError, AttributeError, ValueError, RecursionError) as error:
            raise IntegrityError(
                f"image {self.name(directory)} has no usable manifest: {error!r}",
                "pull or load it again",
            ) from error
        return Image(self.name(directory), directory, config, layers,
                     self.protected(directory), manifest or b"")

    def _contents(
        self, manifest: Mapping[str, Any], directory: str
    ) -> tuple[Mapping[str, Any], tuple[Blob, ...]]:
        if "fsLayers" in manifest:  # docker schema 1: top layer first
            digests = [layer["blobSum"] for layer in reversed(manifest["fsLayers"])]
            config = json.loads(manifest["history"][0]["v1Compatibility"])
            diff_ids: Sequence[str | None] = [None] * len(digests)
        else:
            digests = [layer["digest"] for layer in manifest["layers"]]
            config = self._json(directory, manifest["config"]["digest"])
            diff_ids = manifests.diff_ids(config, len(digests), f"image {self.name(directory)}")
        return config, tuple(
            Blob(self._link(directory, digest), digest, diff_id)
            for digest, diff_id in zip(digests, diff_ids)
        )

    def _ancestry(self, directory: str) -> tuple[Mapping[str, Any], tuple[Blob, ...]]:
        """An image that udocker 1.3 imported or loaded: layer ids, top first."""
        content = files.read_regular(os.path.join(directory, "ancestry"), manifests.MAX_DOCUMENT)
        identifiers = json.loads(content or b"[]")
        name = "container.json"
        if not os.path.lexists(os.path.join(directory, name)):
            name = identifiers[0] + ".json"
        layers = [
            Blob(self._link(directory, identifier + ".layer"), identifier, None)
            for identifier in reversed(identifiers)
        ]
        return self._json(directory, name), tuple(layers)

    def _link(self, directory: str, name: str) -> str:
        """The blob that a link of a tag names; only the link's last component counts."""
        if "/" in name or name.startswith("."):
            raise ValueError(f"{name!r} is no name of a blob")
        try:
            target = os.path.basename(os.readlink(os.path.join(directory, name)))
        except OSError:
            target = name
        return os.path.join(self.layers, target)

    def _json(self, directory: str, name: str) -> Mapping[str, Any]:
        path = self._link(directory, name)
        content = files.read_regular(path, manifests.MAX_DOCUMENT)
        if content is None:
            raise IntegrityError(
                f"image {self.name(directory)} has lost {os.path.basename(path)}",
                "pull or load it again",
            )
        value = json.loads(content)
        if not isinstance(value, dict):
            raise ValueError("the configuration is no JSON object")
        return value

    # -- changing --------------------------------------------------------------------------

    def prepare(self) -> None:
        """Make the store's directories.

        Raises:
            StoreError: they cannot be made.
        """
        files.make_private_directory(self.repos)
        files.make_private_directory(self.layers)

    def has_blob(self, digest: str, size: int) -> bool:
        """Whether the blob is here, whole: udocker 1.3 may have left a part under its name."""
        try:
            return os.stat(self.blob(digest)).st_size == size
        except FileNotFoundError:
            return False

    def partial(self, digest: str) -> str:
        """The path of a blob while it is downloaded, by whoever has its :meth:`download_lock`."""
        return self.blob(_PARTIAL + digest)

    def download_lock(self, digest: str, timeout: float) -> FileLock:
        """The right to download a blob; see :class:`~udocker_core.locks.FileLock`."""
        return FileLock(self.blob(f".lock-{digest}"), timeout, remove=True)

    def publish_blob(self, partial: str, digest: str) -> None:
        """Give a verified and synced file the name of its digest."""
        os.rename(partial, self.blob(digest))
        files.sync_directory(self.layers)

    def put(self, reference: Reference, manifest: bytes, digests: Sequence[str]) -> Image:
        """Store an image under a name, in place of what had it before.

        Args:
            manifest: the manifest's bytes.
            digests: the digests of its configuration and layers, all published before.

        Raises:
            InvalidReference: the tag is the name of a file that tags have.
            Conflict: the names of other images are in the way.
            NotFound: a blob is missing: another command deleted it meanwhile.
            StoreError: the store cannot be written.
        """
        directory = self._directories(reference)[0]
        if reference.tag in _FILES:
            raise InvalidReference(
                f"cannot store {reference.familiar}: the store has a use of its own for that tag",
                "choose another tag",
            )
        with self._lock():
            for name in _FILES:
                # As the name of an image may be longer than another's, tag and all.
                if os.path.isdir(os.path.join(directory, name)):
                    raise Conflict(
                        f"cannot store {reference.familiar}: the images "
                        f"{os.path.relpath(directory, self.repos)}/{name} are in the way",
                        "see udocker images, and udocker rmi them",
                    )
            for digest in digests:
                if not os.path.exists(self.blob(digest)):
                    raise NotFound(f"blob {digest} was deleted meanwhile", "pull again")
            files.make_private_directory(directory)
            before = self._links(directory)
            stale = set(before) - set(digests)
            depth = os.path.relpath(self.layers, directory)
            for digest in digests:
                link = os.path.join(directory, digest)
                if not os.path.lexists(link):
                    os.symlink(os.path.join(depth, digest), link)
            files.write_atomic(os.path.join(directory, "manifest"), manifest)
            if not os.path.isdir(os.path.join(directory, "v2")):  # only udocker 1.3 looks at it
                files.write_atomic(os.path.join(directory, "v2"), b"")
            name = f"{self.repos}/{self.name(directory)}\n"
            files.write_atomic(os.path.join(directory, "TAG"), os.fsencode(name))
            for link in ("v1", "ancestry", *stale):
                path = os.path.join(directory, link)
                if os.path.lexists(path) and not os.path.isdir(path):
                    os.unlink(path)
            files.sync_directory(directory)
            self._delete_unused({before[link] for link in stale})
        return self.load(directory)

    def protect(self, reference: Reference, wanted: bool) -> None:
        """Protect the image from removal, or no longer.

        Raises:
            NotFound: there is no such image.
        """
        files.set_marker(os.path.join(self.find(reference).directory, "PROTECT"), wanted)

    def remove(self, reference: Reference) -> list[str]:
        """Delete an image, and the blobs that no other image has.

        Returns:
            the names of the deleted blobs.

        Raises:
            NotFound: there is no such image.
            Conflict: it is protected.
        """
        if reference in self:
            with self._lock():
                for directory in self._directories(reference):
                    if _is_tag(directory):
                        return self._remove(directory)
        raise NotFound(f"no such image: {reference.familiar}", "see udocker images")

    def _remove(self, directory: str) -> list[str]:
        if self.protected(directory):
            raise Conflict(f"image is protected: {self.name(directory)}",
                           "udocker unprotect it first")
        candidates = set(self._links(directory).values())
        os.unlink(os.path.join(directory, "TAG"))  # from here on it is not listed
        for entry in os.listdir(directory):
            path = os.path.join(directory, entry)
            if not os.path.isdir(path) or os.path.islink(path):
                os.unlink(path)
        while directory != self.repos:
            try:
                os.rmdir(directory)
            except OSError:
                break  # other tags are below it
            directory = os.path.dirname(directory)
        self._delete_partials()
        return self._delete_unused(candidates)

    def _delete_unused(self, candidates: set[str]) -> list[str]:
        """Delete the blobs that no tag links to.

        Returns:
            the names of the blobs.
        """
        for tag in self.tags():
            candidates.difference_update(self._links(tag).values())
        for blob in candidates:
            files.unlink(os.path.join(self.layers, blob))
        return sorted(candidates)

    def _delete_partials(self) -> None:
        """Delete what abandoned downloads have left."""
        for entry in os.listdir(self.layers):
            if entry.startswith(_PARTIAL):
                lock = self.download_lock(entry[len(_PARTIAL) :], timeout=0)
                if lock.acquire():
                    files.unlink(os.path.join(self.layers, entry))
                    lock.release()

    def _links(self, directory: str) -> dict[str, str]:
        """The links of a tag: name -> the blob's file name."""
        with os.scandir(directory) as entries:
            return {
                entry.name: os.path.basename(os.readlink(entry.path))
                for entry in entries
                if entry.is_symlink()
            }

    def _lock(self) -> FileLock:
        return FileLock(os.path.join(self.repos, ".lock"))


def _is_tag(directory: str) -> bool:
    # Not a directory: the image x/1:TAG must not make x:1 one.
    return os.path.isfile(os.path.join(directory, "TAG"))
