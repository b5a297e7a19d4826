"""Where a registry is, and where it may send us.

A registry can name other servers: where to get a token, where a blob is. It must not lead us from
https to plain http, nor make us ask servers of the local network that only we can reach.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from udocker_core.errors import ConfigError, RegistryError
from udocker_core.names import DEFAULT_REGISTRY

DOCKER_HUB = "https://registry-1.docker.io"

# A ClientHello whose random bytes are line ends: a TLS server answers it with a TLS record, an
# HTTP server takes it for a request that is over, so neither leaves us waiting.
_HELLO_BODY = b"\x03\x03" + b"\r\n" * 16 + b"\x00" + b"\x00\x04\x00\x2f\xc0\x2f" + b"\x01\x00"
_HELLO = (
    b"\x16\x03\x01"
    + (len(_HELLO_BODY) + 4).to_bytes(2, "big")
    + b"\x01"
    + len(_HELLO_BODY).to_bytes(3, "big")
    + _HELLO_BODY
)
_PROBE_TIME = 2  # seconds
_TLS_RECORDS = (b"\x15", b"\x16")  # alert, handshake

_PLACE = re.compile(r"[A-Za-z0-9._:%\[\]-]{1,300}")  # it is shown in messages

_PUBLIC, _PRIVATE, _LOOPBACK, _LINK_LOCAL = range(4)


class Endpoint(NamedTuple):
    """A registry's server."""

    scheme: str  #: ``https`` or ``http``
    host: str  #: host name or address, and perhaps a port

    @property
    def url(self) -> str:
        """The URL without a path."""
        return f"{self.scheme}://{self.host}"


def find(
    registry: str, override: str, registries: Mapping[str, str], insecure: bool = False
) -> Endpoint:
    """Return the server for the registry of an image name.

    A loopback address without a scheme is asked whether it speaks TLS, as docker does; any other
    is https.

    Args:
        registry: host of the image's name.
        override: host or URL to use instead, or empty.
        registries: hosts or URLs of registries, by the host of the image's name.
        insecure: treat any host as a loopback address.

    Raises:
        ConfigError: `override` or an entry of `registries` is no host or URL.
    """
    place = override or registries.get(registry, "")
    if not place:
        place = DOCKER_HUB if registry == DEFAULT_REGISTRY else registry
    text = place if "://" in place else "//" + place
    parts = _split(text)
    path = parts.path.strip("/") if parts else ""
    if not parts or not parts.hostname or parts.query or path not in ("", "v2"):
        raise ConfigError(
            f"invalid registry {place!r}", "give a registry as host, host:port or https://host"
        )
    scheme = parts.scheme
    if not scheme:
        trusted = insecure or is_loopback(parts.hostname)
        plain = trusted and not _speaks_tls(parts.hostname, parts.port)
        scheme = "http" if plain else "https"
    elif scheme not in ("http", "https"):
        raise ConfigError(f"invalid registry {place!r}: {scheme} is not http or https")
    return Endpoint(scheme, parts.netloc)


def check_target(url: str, endpoint: Endpoint, purpose: str, insecure: bool) -> str:
    """Check a URL that the registry at `endpoint` names, and return it.

    Args:
        url: absolute.
        endpoint: of the registry.
        purpose: what it is for, for messages: ``a redirect``, ``the token service``.
        insecure: plain http is accepted from any registry.

    Raises:
        RegistryError: the URL must not be used.
    """
    parts = _split(url)
    place = parts.netloc.rpartition("@")[2] if parts else ""
    if (
        not parts
        or parts.scheme not in ("http", "https")
        or not parts.hostname
        or not _PLACE.fullmatch(place)
    ):
        raise RegistryError(f"{endpoint.host} names {purpose} that is no http or https URL")
    if "@" in parts.netloc:
        raise RegistryError(f"{endpoint.host} names {purpose} with a user name, at {place}")
    if parts.scheme == "http" and endpoint.scheme == "https" and not insecure:
        raise RegistryError(
            f"{endpoint.host} names {purpose} on plain http, at {place}",
            "ask its administrator to use https, or use --insecure at your own risk",
        )
    distance = _distance(parts.hostname)
    if distance > _PUBLIC and distance not in _allowed(endpoint):
        raise RegistryError(
            f"{endpoint.host} names {purpose} on the local network, at {place}, and is not there"
        )
    return url


def same_server(url: str, endpoint: Endpoint) -> bool:
    """Tell whether `url` is on the server `endpoint`, so may see its credentials."""
    parts = _split(url)
    return parts is not None and _origin(parts) == _origin(urlsplit(endpoint.url))


def is_loopback(host: str) -> bool:
    """Tell whether `host`, a name or an address, is this host's loopback."""
    return _distance(host) == _LOOPBACK


def _origin(parts: SplitResult) -> tuple[str, str | None, int]:
    return parts.scheme, parts.hostname, parts.port or (80 if parts.scheme == "http" else 443)


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises ValueError when it is no number
    except ValueError:
        return None
    return parts


def _distance(host: str) -> int:
    """Tell where the address `host` is. Names other than localhost count as public."""
    host = host.removesuffix(".")  # the DNS's root
    if host == "localhost" or host.endswith(".localhost"):
        return _LOOPBACK
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        try:  # other spellings of an IPv4 address: 0x7f.1, 2130706433
            address = ipaddress.ip_address(socket.inet_aton(host))
        except (OSError, UnicodeError):
            return _PUBLIC
    address = getattr(address, "ipv4_mapped", None) or address
    if address.is_loopback or address.is_unspecified:
        return _LOOPBACK
    if address.is_link_local:
        return _LINK_LOCAL
    return _PRIVATE if address.is_private else _PUBLIC


def _allowed(endpoint: Endpoint) -> set[int]:
    """Return where the registry's own addresses are; what is there may be named by it."""
    parts = urlsplit(endpoint.url)
    try:
        found = socket.getaddrinfo(parts.hostname, parts.port, type=socket.SOCK_STREAM)
    except OSError:
        return set()
    places = {_distance(str(address[0]).partition("%")[0]) for *_, address in found}
    return places | {_PRIVATE} if _LOOPBACK in places else places


def _speaks_tls(host: str, port: int | None) -> bool:
    """Ask a server whether it speaks TLS. One that does not answer in time may.

    Without a port there are two servers to ask: where nobody is on 443, the one on 80 is meant.
    """
    try:
        with socket.create_connection((host, port or 443), timeout=_PROBE_TIME) as connection:
            connection.sendall(_HELLO)
            return connection.recv(1) in _TLS_RECORDS
    except ConnectionResetError:
        return False
    except ConnectionRefusedError:
        return port is not None
    except OSError:
        return True
