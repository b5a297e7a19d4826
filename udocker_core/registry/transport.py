"""One HTTP request: time limits, retries, redirects, proxies and certificates.

requests' own handling of redirects, of ``.netrc`` and of the environment is switched off: where
credentials go is decided here.
"""

from __future__ import annotations

import contextlib
import email.utils
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from urllib3.exceptions import HTTPError, InsecureRequestWarning

from udocker_core.errors import IntegrityError, RegistryError
from udocker_core.registry import trust
from udocker_core.registry.endpoint import Endpoint, check_target, is_loopback, same_server
from udocker_core.registry.failure import busy, explain, status, unreachable, worth_another
from udocker_core.registry.settings import ClientSettings

MAX_REDIRECTS = 10
_REDIRECTS = (301, 302, 303, 307, 308)
_RETRIED = (408, 429, 500, 502, 503, 504, 522)
_SLOWEST = 256  # bytes a second over read_timeout; anything slower counts as nothing
_CHUNK = 256 << 10
_LITTLE = 64 << 10  # bytes worth reading to keep a connection

#: Waits some seconds for the reason given, or raises to end the whole.
Pause = Callable[[float, str], None]


class TransferError(Exception):
    """The body of a response broke off; the message says how. It stays in the client."""


class _Session(requests.Session):
    """A session that leaves redirects to us; requests would first read their bodies whole."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """See no redirect."""


class Transport:
    """Sends requests to registries and to the servers that they name.

    It may be used by several threads.
    """

    def __init__(self, settings: ClientSettings, pause: Pause) -> None:
        self._settings = settings
        self._pause = pause
        self._lock = threading.Lock()
        self._hosts: set[str] = set()
        self._session = _Session()
        self._session.trust_env = False
        self._session.headers.clear()
        self._session.mount("http://", self._adapter_for_http())
        if settings.insecure:
            urllib3.disable_warnings(InsecureRequestWarning)

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    def request(
        self,
        method: str,
        url: str,
        endpoint: Endpoint,
        *,
        headers: Mapping[str, str],
        authorization: str = "",
        data: Mapping[str, str] | None = None,
        pause: Pause | None = None,
    ) -> requests.Response:
        """Send a request, and again when that may help; follow redirects.

        Args:
            method: ``GET``, or ``POST``, which follows no redirect.
            url: where to.
            endpoint: the registry on whose behalf.
            headers: to send to whichever server.
            authorization: value of a header that only the server of `url` gets.
            data: form to post.
            pause: what to wait with.

        Returns:
            A response whose body is to be read, with any status but those worth another attempt.

        Raises:
            RegistryError: no server answered, or one was busy each time.
        """
        pause = pause or self._pause
        host = urlsplit(url).netloc
        for attempt in range(1, self._settings.attempts + 1):
            last = attempt == self._settings.attempts
            try:
                response = self._follow(method, url, endpoint, headers, authorization, data)
            except (requests.RequestException, HTTPError, ValueError, OSError) as error:
                reason = explain(error)
                if last or not worth_another(error):
                    raise unreachable(host, error) from None
                wait = self.delay(attempt)
            else:
                if response.status_code not in _RETRIED:
                    return response
                host = urlsplit(response.url).netloc
                reason = f"{host} answers {status(response)}"
                wait = max(self.delay(attempt), _retry_after(response))
                self.discard(response)
                if last or wait > 1.25 * self._settings.longest_wait:
                    raise busy(host, response, wait) from None
            pause(wait, reason)
        raise AssertionError("unreachable")

    def delay(self, attempt: int) -> float:
        """Return how long to wait after the failure of this attempt, in seconds."""
        return self._settings.backoff * 2.0 ** (attempt - 1) * random.uniform(1, 1.25)  # noqa: S311

    def chunks(self, response: requests.Response) -> Iterator[bytes]:
        """Return the body as it arrives, undecoded.

        Raises:
            TransferError: the connection broke, or was too slow to call it alive.
        """
        window, arrived = time.monotonic() + self._settings.read_timeout, 0
        while True:
            try:
                data = response.raw.read1(_CHUNK, decode_content=False)
            except (HTTPError, OSError, ValueError) as error:
                raise TransferError(explain(error)) from None
            if not data:
                return
            yield data
            arrived += len(data)
            if time.monotonic() > window:
                if arrived < _SLOWEST * self._settings.read_timeout:
                    raise TransferError("it became too slow")
                window, arrived = time.monotonic() + self._settings.read_timeout, 0

    def body(self, response: requests.Response, limit: int, name: str) -> bytes:
        """Read a small body whole and close the response.

        Args:
            response: of :meth:`request`.
            limit: bytes.
            name: what it is, for messages.

        Raises:
            IntegrityError: it is larger than `limit`.
            RegistryError: it breaks off, or takes too long.
        """
        deadline = time.monotonic() + self._settings.document_timeout
        parts, size = [], 0
        try:
            for data in self.chunks(response):
                parts.append(data)
                size += len(data)
                if size > limit:
                    raise IntegrityError(f"{name} is larger than {limit} bytes")
                if time.monotonic() > deadline:
                    raise TransferError("it took too long")
        except TransferError as error:
            raise RegistryError(f"cannot read {name}: {error}") from None
        finally:
            response.close()
        return b"".join(parts)

    def discard(self, response: requests.Response) -> None:
        """Close a response, and keep its connection if what is left of the body is little."""
        length = content_length(response)
        if length is not None and length <= _LITTLE:
            with contextlib.suppress(RegistryError):
                self.body(response, length, "")
        response.close()

    def _follow(
        self,
        method: str,
        url: str,
        endpoint: Endpoint,
        headers: Mapping[str, str],
        authorization: str,
        data: Mapping[str, str] | None,
    ) -> requests.Response:
        first = Endpoint(*urlsplit(url)[:2])
        for _ in range(MAX_REDIRECTS + 1):
            response = self._send(method, url, headers, authorization, data)
            location = response.headers.get("Location", "")
            if response.status_code not in _REDIRECTS or not location or method != "GET":
                return response
            self.discard(response)
            url = check_target(
                _join(url, location), endpoint, "a redirect", self._settings.insecure
            )
            if not same_server(url, first):
                authorization = ""
        raise RegistryError(f"{first.host} redirects more than {MAX_REDIRECTS} times")

    def _send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        authorization: str,
        data: Mapping[str, str] | None,
    ) -> requests.Response:
        sent = {
            "User-Agent": self._settings.user_agent,
            "Accept-Encoding": "identity",
            **headers,
        }
        if authorization:
            sent["Authorization"] = authorization
        self._trust(url)
        return self._session.request(
            method,
            url,
            headers=sent,
            data=data,
            stream=True,
            allow_redirects=False,
            timeout=(self._settings.connect_timeout, self._settings.read_timeout),
            verify=not self._settings.insecure,
            proxies=self._proxies(url),
        )

    def _proxies(self, url: str) -> dict[str, str]:
        if self._settings.proxy:
            return {"all": self._settings.proxy}
        if is_loopback(urlsplit(url).hostname or ""):
            return {}
        return requests.utils.get_environ_proxies(url)

    def _adapter_for_http(self) -> requests.adapters.HTTPAdapter:
        return requests.adapters.HTTPAdapter(pool_maxsize=self._settings.parallel)

    def _trust(self, url: str) -> None:
        """See to it that there are TLS settings for the server of `url`."""
        scheme, host = urlsplit(url)[:2]
        if scheme != "https" or host in self._hosts:
            return
        with self._lock:
            prefix = f"https://{host}/" if trust.has_own_files(host) else "https://"
            if not isinstance(self._session.adapters.get(prefix), trust.Adapter):
                context = trust.context_for(host, self._settings.insecure)
                self._session.mount(prefix, trust.Adapter(context, self._settings.parallel))
            self._hosts.add(host)


def _join(url: str, location: str) -> str:
    """Return the URL that a redirect leads to; empty if it is none."""
    try:
        return urljoin(url, location)
    except ValueError:
        return ""


def content_length(response: requests.Response) -> int | None:
    """Return what Content-Length says, or None."""
    text = response.headers.get("Content-Length", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None


def _retry_after(response: requests.Response) -> float:
    """Read Retry-After, seconds or a date (RFC 9110, 10.2.3); 0 if there is none."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        seconds = float(text[:9])
    else:
        date = email.utils.parsedate_tz(text)
        seconds = email.utils.mktime_tz(date) - time.time() if date else 0.0
    return max(0.0, seconds) * random.uniform(1, 1.1)  # noqa: S311
