"""Authentication: challenges, tokens, Basic.

RFC 9110 (11.6.1, the challenge), distribution-spec's token authentication (Bearer by GET) and
OAuth2 (by POST). A token serves the whole pull and is renewed when it expires.
"""

from __future__ import annotations

import re
import threading
import time
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import urlencode

from udocker_core.errors import IntegrityError, RegistryError, Unauthorized
from udocker_core.manifest import load_json
from udocker_core.registry.credentials import Credentials, Keyring
from udocker_core.registry.endpoint import Endpoint, check_target
from udocker_core.registry.failure import status
from udocker_core.registry.transport import Transport

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PARAMETER = re.compile(rf'({_WORD})[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_SCHEME = re.compile(rf"({_WORD})(?=[ \t,]|$)(?:[ \t]+[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|$)))?")
_BLANK = re.compile(r"[ \t,]+")
_ESCAPE = re.compile(r"\\(.)")
_SENDABLE = re.compile(r"[\x21-\x7e]+")

_MAX_ANSWER = 1 << 20  # bytes of a token service's answer
_SHORTEST_LIFE = 60  # seconds, by the specification
_MARGIN = 10  # seconds before its end that a token is renewed


class Challenge(NamedTuple):
    """One way to authenticate that a server offers."""

    scheme: str  #: in lower case
    parameters: dict[str, str]  #: names in lower case


class _Grant(NamedTuple):
    """The Authorization header's value for one repository."""

    header: str
    ends: float  # by time.monotonic()


def parse_challenges(text: str) -> list[Challenge]:
    """Read a WWW-Authenticate header (RFC 9110, 11.6.1) as far as it can be understood."""
    found: list[Challenge] = []
    position = 0
    while position < len(text):
        match = _BLANK.match(text, position)
        if match:
            position = match.end()
            continue
        match = _PARAMETER.match(text, position)
        if match and found:
            name, quoted, plain = match.groups()
            value = plain if quoted is None else _ESCAPE.sub(r"\1", quoted)
            found[-1].parameters.setdefault(name.lower(), value)
        else:
            match = _SCHEME.match(text, position)
            if not match:
                break
            found.append(Challenge(match[1].lower(), {}))
        position = match.end()
    return found


class Authenticator:
    """Knows for each repository which Authorization header to send.

    It may be used by several threads.
    """

    def __init__(self, transport: Transport, keyring: Keyring, insecure: bool) -> None:
        self._transport = transport
        self._keyring = keyring
        self._insecure = insecure
        self._lock = threading.Lock()
        self._grants: dict[tuple[Endpoint, str], _Grant] = {}

    def header(self, endpoint: Endpoint, repository: str) -> str:
        """Return the header's value as far as it is known; empty to ask without one."""
        grant = self._grants.get((endpoint, repository))
        return grant.header if grant and time.monotonic() < grant.ends else ""

    def answer(self, endpoint: Endpoint, repository: str, challenge: str, sent: str) -> str:
        """Return the header's value that answers a challenge.

        Args:
            endpoint: of the registry.
            repository: that was asked for.
            challenge: the WWW-Authenticate header.
            sent: the Authorization header that was not good enough, or empty.

        Raises:
            Unauthorized: there are no credentials, or they are refused.
            RegistryError: the challenge or the token service cannot be used.
        """
        with self._lock:
            known = self.header(endpoint, repository)
            if known and known != sent:  # another thread was faster
                return known
            offers = {offer.scheme: offer for offer in reversed(parse_challenges(challenge))}
            credentials = self._keyring.find(endpoint.host, repository)
            if "bearer" in offers:
                grant = self._bearer(endpoint, repository, offers["bearer"], credentials)
            elif "basic" in offers:
                if not credentials or not credentials.username or credentials.basic == sent:
                    raise self.refusal(endpoint, repository, credentials)
                grant = _Grant(credentials.basic, float("inf"))
            else:
                schemes = ", ".join(offers) or "nothing"
                raise Unauthorized(
                    f"{endpoint.host} asks for {schemes[:80]} to authenticate with,"
                    " which udocker cannot do"
                )
            self._grants[endpoint, repository] = grant
            return grant.header

    def refusal(
        self, endpoint: Endpoint, repository: str, credentials: Credentials | None = None
    ) -> Unauthorized:
        """Return the error that says that access is refused, and what may help."""
        credentials = credentials or self._keyring.find(endpoint.host, repository)
        if credentials:
            hint = f"check the image's name, and the credentials in {credentials.source}"
        else:
            hint = (
                "check the image's name; a private image needs credentials in"
                " ~/.docker/config.json"
            )
        if self._keyring.problems:
            hint += f" ({'; '.join(self._keyring.problems)})"
        return Unauthorized(f"{endpoint.host} refuses access to {repository}", hint)

    def _bearer(
        self,
        endpoint: Endpoint,
        repository: str,
        challenge: Challenge,
        credentials: Credentials | None,
    ) -> _Grant:
        if credentials and credentials.registry_token:
            return _grant(endpoint, {"token": credentials.registry_token})
        realm = challenge.parameters.get("realm", "")
        check_target(realm, endpoint, "a token service", self._insecure)
        scope = challenge.parameters.get("scope") or f"repository:{repository}:pull"
        fields = {"service": challenge.parameters.get("service", ""), "scope": scope}
        fields = {name: value for name, value in fields.items() if value}
        if credentials and credentials.identity_token:
            form = {
                "grant_type": "refresh_token",
                "refresh_token": credentials.identity_token,
                "client_id": "udocker",
            }
            value = self._ask(endpoint, repository, realm, credentials, post={**fields, **form})
        else:
            value = self._ask(endpoint, repository, realm, credentials, query=fields)
        return _grant(endpoint, value)

    def _ask(
        self,
        endpoint: Endpoint,
        repository: str,
        realm: str,
        credentials: Credentials | None,
        *,
        query: dict[str, str] | None = None,
        post: dict[str, str] | None = None,
    ) -> dict[str, object]:
        """Ask the token service by GET with `query`, or by POST with `post`."""
        named = credentials if credentials and credentials.username else None
        url = realm
        if query is not None:
            account = {"account": named.username} if named else {}
            url += ("&" if "?" in realm else "?") + urlencode({**query, **account})
        response = self._transport.request(
            "GET" if post is None else "POST",
            url,
            endpoint,
            headers={"Accept": "application/json"},
            authorization=named.basic if named and post is None else "",
            data=post,
        )
        name = f"the answer of {endpoint.host}'s token service"
        body = self._transport.body(response, _MAX_ANSWER, name)
        code = response.status_code
        if code == HTTPStatus.OK:
            try:
                return load_json(body, name)
            except IntegrityError as error:
                raise RegistryError(error.message) from None
        if code in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED) and named and query:
            form = {
                "grant_type": "password",
                "username": named.username,
                "password": named.password,
                "client_id": "udocker",
            }
            return self._ask(endpoint, repository, realm, credentials, post={**query, **form})
        if code in (HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise self.refusal(endpoint, repository, credentials)
        raise RegistryError(f"{endpoint.host}'s token service answers {status(response)}")


def _grant(endpoint: Endpoint, value: dict[str, object]) -> _Grant:
    token = value.get("token") or value.get("access_token")
    if not isinstance(token, str) or not _SENDABLE.fullmatch(token):
        raise RegistryError(f"{endpoint.host}'s token service gives no usable token")
    life = value.get("expires_in")
    seconds = life if isinstance(life, (int, float)) else _SHORTEST_LIFE
    return _Grant(f"Bearer {token}", time.monotonic() + max(seconds, _SHORTEST_LIFE) - _MARGIN)
