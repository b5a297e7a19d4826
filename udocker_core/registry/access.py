"""Requests for parts of a repository: the right server, the right name, the right credentials."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from http import HTTPStatus

import requests

from udocker_core.errors import NotFound, RegistryError, UdockerError, Unauthorized
from udocker_core.names import DEFAULT_NAMESPACE, DEFAULT_REGISTRY, Reference
from udocker_core.registry import endpoint as endpoints
from udocker_core.registry.auth import Authenticator
from udocker_core.registry.credentials import Keyring
from udocker_core.registry.endpoint import Endpoint
from udocker_core.registry.failure import status
from udocker_core.registry.settings import ClientSettings
from udocker_core.registry.transport import Pause, Transport


class Access:
    """Gets what is in repositories. It may be used by several threads."""

    def __init__(self, settings: ClientSettings, transport: Transport) -> None:
        self._settings = settings
        self._transport = transport
        self._auth = Authenticator(transport, Keyring(settings.keystore), settings.insecure)
        self._lock = threading.Lock()
        self._endpoints: dict[str, Endpoint] = {}
        self._repositories: dict[tuple[str, str], str] = {}

    def endpoint(self, reference: Reference) -> Endpoint:
        """Return the server that is asked for an image."""
        with self._lock:
            found = self._endpoints.get(reference.registry)
            if found is None:
                found = endpoints.find(
                    reference.registry,
                    self._settings.registry,
                    self._settings.registries,
                    self._settings.insecure,
                )
                self._endpoints[reference.registry] = found
        return found

    def get(
        self,
        reference: Reference,
        path: str,
        headers: Mapping[str, str],
        name: str,
        *,
        accepted: Collection[int] = (HTTPStatus.OK,),
        pause: Pause | None = None,
    ) -> requests.Response:
        """Ask for a part of an image's repository.

        Args:
            reference: the image.
            path: below the repository: ``manifests/latest``, ``blobs/sha256:...``.
            headers: to send.
            name: what is asked for, for messages.
            accepted: statuses of responses to return.
            pause: what to wait with before other attempts.

        Raises:
            NotFound: it is not there.
            Unauthorized: the registry refuses access.
            RegistryError: the registry cannot be reached, or answers with an error.
        """
        endpoint = self.endpoint(reference)
        failure: UdockerError | None = None
        for repository in self._names(reference, endpoint):
            try:
                response = self._ask(endpoint, repository, path, headers, pause)
                if response.status_code not in accepted:
                    self._transport.discard(response)
                    raise self._failure(response, endpoint, repository, name)
            except (NotFound, Unauthorized) as error:
                failure = failure or error
                continue
            self._repositories[reference.registry, reference.repository] = repository
            return response
        raise failure or _not_found(endpoint, name)

    def _names(self, reference: Reference, endpoint: Endpoint) -> list[str]:
        """Return the names that the repository may have there, the likely one first.

        Only Docker Hub and its mirrors put ``library/`` before names without a slash. A registry
        given in the settings may be one or not.
        """
        name = reference.repository
        known = self._repositories.get((reference.registry, name))
        if known:
            return [known]
        short = name[len(DEFAULT_NAMESPACE) :]
        if (
            self._settings.registry
            and reference.registry == DEFAULT_REGISTRY
            and name.startswith(DEFAULT_NAMESPACE)
            and "/" not in short
            and endpoint.url != endpoints.DOCKER_HUB
        ):
            return [short, name]
        return [name]

    def _ask(
        self,
        endpoint: Endpoint,
        repository: str,
        path: str,
        headers: Mapping[str, str],
        pause: Pause | None,
    ) -> requests.Response:
        """Send a request, authenticating as the registry asks."""
        url = f"{endpoint.url}/v2/{repository}/{path}"
        authorization = self._auth.header(endpoint, repository)
        for _ in range(3):  # without, with an old token, with a new one
            response = self._transport.request(
                "GET", url, endpoint, headers=headers, authorization=authorization, pause=pause
            )
            challenge = response.headers.get("WWW-Authenticate", "")
            asks = response.status_code == HTTPStatus.UNAUTHORIZED or (
                response.status_code == HTTPStatus.FORBIDDEN and "insufficient_scope" in challenge
            )
            if not asks or not endpoints.same_server(response.url, endpoint):
                return response
            self._transport.discard(response)
            authorization = self._auth.answer(endpoint, repository, challenge, authorization)
        raise self._auth.refusal(endpoint, repository)

    def _failure(
        self, response: requests.Response, endpoint: Endpoint, repository: str, name: str
    ) -> UdockerError:
        """Return the error for a response that is not what was asked for."""
        if response.status_code == HTTPStatus.NOT_FOUND:
            return _not_found(endpoint, name)
        if response.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            return self._auth.refusal(endpoint, repository)
        return RegistryError(f"{endpoint.host} answers {status(response)} for {name}")


def _not_found(endpoint: Endpoint, name: str) -> NotFound:
    where = "" if endpoint.host in name else f" at {endpoint.host}"
    return NotFound(f"there is no {name}{where}", "check the image's name and tag")
