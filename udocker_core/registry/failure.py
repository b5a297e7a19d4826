"""Failures of connections, told in a few words and without URLs, which may hold secrets."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from http import HTTPStatus

import requests
from urllib3.exceptions import NewConnectionError

from udocker_core.errors import RegistryError

_NO_TLS = "it does not speak TLS"


def status(response: requests.Response) -> str:
    """Return a response's status for a message: ``503 (Service Unavailable)``."""
    try:
        return f"{response.status_code} ({HTTPStatus(response.status_code).phrase})"
    except ValueError:
        return str(response.status_code)


def explain(error: BaseException) -> str:
    """Return in a few words why a connection failed."""
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, socket.gaierror):
            return "its name cannot be resolved"
        if isinstance(cause, TimeoutError) or "Timeout" in type(cause).__name__:
            return "it does not answer in time"
    for cause in reversed(causes):
        if "CERTIFICATE_VERIFY_FAILED" in str(cause):
            return "its certificate cannot be verified"
        if "WRONG_VERSION_NUMBER" in str(cause) or "RECORD_LAYER_FAILURE" in str(cause):
            return _NO_TLS
        if isinstance(cause, ssl.SSLError):
            return "there is no agreement on TLS"
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror[:1].lower() + cause.strerror[1:]
    if isinstance(error, ValueError):
        return "its address is not valid"
    return "the connection was cut"


def worth_another(error: Exception) -> bool:
    """Tell whether the same request may succeed a little later."""
    if isinstance(error, (requests.exceptions.SSLError, requests.exceptions.ProxyError)):
        return False
    if not isinstance(error, (requests.ConnectionError, requests.Timeout)):
        return False  # an URL or a header that cannot be sent
    refused = (NewConnectionError, socket.gaierror, ConnectionRefusedError)
    return not any(isinstance(cause, refused) for cause in _causes(error))


def unreachable(host: str, error: Exception) -> RegistryError:
    """Return the error for a request to `host` that got no response."""
    reason = explain(error)
    if isinstance(error, requests.exceptions.InvalidSchema):
        return RegistryError(
            f"cannot reach {host} through the proxy", "SOCKS proxies need: pip install PySocks"
        )
    if isinstance(error, requests.exceptions.InvalidProxyURL):
        return RegistryError(f"cannot reach {host}: the proxy's URL is not valid")
    if isinstance(error, requests.exceptions.ProxyError):
        return RegistryError(
            f"cannot reach {host} through the proxy: {reason}",
            "check --httpproxy, or https_proxy and no_proxy in the environment",
        )
    if reason == _NO_TLS:
        return RegistryError(
            f"cannot reach {host}: {reason}",
            f"if it is meant to be plain http, use --registry=http://{host}",
        )
    if "certificate" in reason:
        return RegistryError(
            f"cannot reach {host}: {reason}",
            "name its authority's file in REQUESTS_CA_BUNDLE, or put it in"
            f" ~/.config/containers/certs.d/{host}/ca.crt",
        )
    return RegistryError(f"cannot reach {host}: {reason}")


def busy(host: str, response: requests.Response, wait: float) -> RegistryError:
    """Return the error for a server that was too busy too often.

    Args:
        host: the server.
        response: its last one.
        wait: seconds after which it may be asked again.
    """
    if response.status_code != HTTPStatus.TOO_MANY_REQUESTS:
        return RegistryError(f"{host} answers {status(response)}", "try again later")
    return RegistryError(
        f"{host} limits the number of requests: {status(response)}",
        f"try again in {wait:.0f} seconds, or log in for a higher limit",
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Go down from an exception to those that it came from."""
    seen: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        cause = waiting.pop(0)
        if not isinstance(cause, BaseException) or any(cause is known for known in seen):
            continue
        seen.append(cause)
        yield cause
        waiting += [cause.__cause__, cause.__context__, getattr(cause, "reason", None)]
        waiting += cause.args
