"""The registry client: manifests, and blobs from any offset (distribution-spec, "Pull")."""

from __future__ import annotations

import time
from http import HTTPStatus
from types import TracebackType
from typing import NamedTuple

import requests

from udocker_core import manifest as manifests
from udocker_core.digest import Digest
from udocker_core.errors import IntegrityError, InvalidReference, NotFound
from udocker_core.manifest import Index, Manifest
from udocker_core.names import Reference
from udocker_core.platform import Platform
from udocker_core.registry.access import Access
from udocker_core.registry.progress import Progress, Silence
from udocker_core.registry.settings import ClientSettings
from udocker_core.registry.transport import Pause, Transport

_ACCEPT = ", ".join(manifests.INDEX_TYPES + manifests.MANIFEST_TYPES)
_MAX_NESTED = 3  # indexes in indexes
_MAX_DOCUMENTS = 16  # looked at for one image
_BLOB_STATUSES = (
    HTTPStatus.OK,
    HTTPStatus.PARTIAL_CONTENT,
    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
)


class RawManifest(NamedTuple):
    """A manifest or an index as it came; the digest has been computed from the bytes."""

    raw: bytes
    media_type: str  #: as the registry says, with parameters
    digest: Digest


class Resolved(NamedTuple):
    """The manifest for one platform."""

    manifest: Manifest
    index_digest: Digest | None  #: of the index that led to it, if one did


class Client:
    """Asks registries for manifests and blobs. It may be used by several threads.

    Args:
        settings: how to talk to registries.
        progress: told about waits before other attempts.
    """

    def __init__(self, settings: ClientSettings, progress: Progress | None = None) -> None:
        self.settings = settings
        self._progress = progress or Silence()
        self.transport = Transport(settings, self._pause)
        self._access = Access(settings, self.transport)

    def __enter__(self) -> Client:
        """Return the client."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the client."""
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self.transport.close()

    def manifest(self, reference: Reference, platform: Platform) -> Resolved:
        """Return the manifest of an image for a platform, looking through indexes.

        Every digest on the way is verified.

        Raises:
            NotFound: there is no such image, or none for `platform`.
            Unauthorized: the registry refuses access.
            RegistryError: the registry cannot be reached, or answers with an error.
            IntegrityError: bytes that do not match their digest, or are no manifest.
        """
        found = self.raw_manifest(reference)
        document = manifests.parse(found.raw, found.media_type, reference.familiar)
        if isinstance(document, Manifest):
            return Resolved(document, None)
        budget = [_MAX_DOCUMENTS]
        return Resolved(self._choose(reference, document, platform, 1, budget), found.digest)

    def raw_manifest(self, reference: Reference) -> RawManifest:
        """Return the document that an image's name stands for, verified.

        Raises: as :meth:`manifest`.
        """
        name = reference.familiar
        response = self._access.get(
            reference, f"manifests/{reference.identifier}", {"Accept": _ACCEPT}, name
        )
        raw = self.transport.body(response, manifests.MAX_DOCUMENT, f"the manifest of {name}")
        algorithm = reference.digest.algorithm if reference.digest else "sha256"
        digest = Digest.of(raw, algorithm)
        if reference.digest and digest != reference.digest:
            raise IntegrityError(
                f"the manifest of {name} that {self.host(reference)} sent has the digest {digest}"
            )
        self._check_header(response, raw, name)
        return RawManifest(raw, response.headers.get("Content-Type", ""), digest)

    def blob(
        self, reference: Reference, digest: Digest, offset: int = 0, pause: Pause | None = None
    ) -> requests.Response:
        """Ask for a blob from `offset` on; the body has not been read yet.

        Args:
            reference: an image of the repository that has the blob.
            digest: of the blob.
            offset: bytes to leave out; a server may ignore it (status 200, not 206).
            pause: what to wait with before other attempts.

        Returns:
            A response with status 200, 206 or 416.

        Raises:
            NotFound: the registry does not have it.
            Unauthorized, RegistryError: as :meth:`manifest`.
        """
        return self._access.get(
            reference,
            f"blobs/{digest}",
            {"Accept": "*/*", **({"Range": f"bytes={offset}-"} if offset else {})},
            f"{digest} of {reference.familiar}",
            accepted=_BLOB_STATUSES,
            pause=pause,
        )

    def host(self, reference: Reference) -> str:
        """Return the server that is asked for an image, for messages."""
        return self._access.endpoint(reference).host

    def _choose(
        self,
        reference: Reference,
        index: Index,
        platform: Platform,
        depth: int,
        budget: list[int],
    ) -> Manifest:
        """Return the manifest that `index` has for `platform`, looking into nested indexes."""
        for entry in manifests.candidates(index, platform):
            if not budget[0] or depth > _MAX_NESTED:
                raise IntegrityError(f"the index of {reference.familiar} is nested too deeply")
            budget[0] -= 1
            name = reference._replace(tag="", digest=entry.digest)
            found = self.raw_manifest(name)
            if len(found.raw) != entry.size:
                raise IntegrityError(
                    f"the manifest of {name.familiar} has {len(found.raw)} bytes where the index"
                    f" says {entry.size}"
                )
            document = manifests.parse(found.raw, entry.media_type, name.familiar)
            if isinstance(document, Manifest):
                return document
            try:
                return self._choose(reference, document, platform, depth + 1, budget)
            except NotFound:
                continue  # nothing for this platform; a later entry may have it
        raise manifests.no_image_for(reference.familiar, platform, index)

    def _check_header(self, response: requests.Response, raw: bytes, name: str) -> None:
        """Refuse a document that the registry itself says is another one."""
        try:
            claimed = Digest(response.headers.get("Docker-Content-Digest", ""))
        except InvalidReference:
            return  # absent, or of an algorithm that is not known here; nothing relies on it
        if claimed != Digest.of(raw, claimed.algorithm):
            raise IntegrityError(
                f"the manifest of {name} does not match the digest that the registry sent with it"
            )

    def _pause(self, seconds: float, reason: str) -> None:
        self._progress.note(f"{reason}; trying again in {seconds:.0f} s")
        time.sleep(seconds)
