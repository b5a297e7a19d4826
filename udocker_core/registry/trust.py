"""Certificates: which authorities to trust for a host, and which certificate to show it.

Beside the system's authorities there are those of docker's and containers' ``certs.d/HOST``
folders: ``*.crt`` are authorities, ``NAME.cert`` and ``NAME.key`` a certificate to show.
"""

from __future__ import annotations

import os
import ssl
from typing import Any

import certifi
import requests.adapters

from udocker_core.errors import ConfigError


def context_for(host: str, insecure: bool) -> ssl.SSLContext:
    """Return the TLS settings for `host`, a name or address and perhaps a port.

    Raises:
        ConfigError: a file with certificates cannot be read.
    """
    context = ssl.create_default_context()  # honours SSL_CERT_FILE and SSL_CERT_DIR
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    if bundle:
        _load_authorities(context, bundle)
    elif not os.environ.get("SSL_CERT_FILE") and not os.environ.get("SSL_CERT_DIR"):
        # Interpreters built elsewhere may not know where the system keeps its own.
        _load_authorities(context, certifi.where())
    for path in _files(host):
        if path.endswith(".crt"):
            _load_authorities(context, path)
        elif path.endswith(".cert"):
            _load_certificate(context, path, path[: -len("cert")] + "key")
    return context


class Adapter(requests.adapters.HTTPAdapter):
    """Connections with TLS settings of our own instead of requests'.

    requests would read its bundle of authorities again for each connection, and only that one.
    """

    def __init__(self, context: ssl.SSLContext, connections: int) -> None:
        self._context = context
        super().__init__(pool_connections=16, pool_maxsize=connections)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """Give direct connections the settings."""
        super().init_poolmanager(*arguments, ssl_context=self._context, **options)

    def proxy_manager_for(self, *arguments: Any, **options: Any) -> Any:
        """Give connections through a proxy the settings."""
        return super().proxy_manager_for(*arguments, ssl_context=self._context, **options)

    def cert_verify(self, *arguments: Any) -> None:
        """Leave the connection as the settings made it."""


def has_own_files(host: str) -> bool:
    """Tell whether there are certificates just for `host`."""
    return bool(_files(host))


def _files(host: str) -> list[str]:
    """Return the files of the first folder that there is for `host`."""
    home = os.path.expanduser("~")
    configuration = os.environ.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")
    for folder in (
        os.path.join(os.environ.get("DOCKER_CONFIG") or os.path.join(home, ".docker"), "certs.d"),
        os.path.join(configuration, "docker/certs.d"),
        os.path.join(configuration, "containers/certs.d"),
        "/etc/containers/certs.d",
        "/etc/docker/certs.d",
    ):
        place = os.path.join(folder, host)
        try:
            return sorted(os.path.join(place, name) for name in os.listdir(place))
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise ConfigError(f"cannot read {place}: {error.strerror}") from None
    return []


def _load_authorities(context: ssl.SSLContext, path: str) -> None:
    try:
        if os.path.isdir(path):
            context.load_verify_locations(capath=path)
        else:
            context.load_verify_locations(cafile=path)
    except OSError as error:
        raise _unreadable(path, error) from None


def _load_certificate(context: ssl.SSLContext, certificate: str, key: str) -> None:
    try:
        context.load_cert_chain(certificate, key)
    except OSError as error:
        raise _unreadable(f"{certificate} with {os.path.basename(key)}", error) from None


def _unreadable(path: str, error: OSError) -> ConfigError:
    reason = "it is no certificate" if isinstance(error, ssl.SSLError) else error.strerror
    return ConfigError(f"cannot use the certificates in {path}: {reason}")
