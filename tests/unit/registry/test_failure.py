import socket
import ssl

import pytest
import requests
from urllib3.exceptions import MaxRetryError, NewConnectionError, ReadTimeoutError

from udocker_core.registry.failure import explain, unreachable, worth_another


def wrapped(reason):
    return requests.ConnectionError(MaxRetryError(None, "http://h/?secret", reason))


REFUSED = NewConnectionError(None, "")
REFUSED.__cause__ = ConnectionRefusedError(111, "Connection refused")
UNKNOWN = NewConnectionError(None, "")
UNKNOWN.__cause__ = socket.gaierror(-2, "Name or service not known")
CERTIFICATE = ssl.SSLError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed")
NO_TLS = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number")


@pytest.mark.parametrize(
    ("error", "reason", "again"),
    [
        (wrapped(REFUSED), "connection refused", False),
        (wrapped(UNKNOWN), "its name cannot be resolved", False),
        (wrapped(ConnectionResetError(104, "Connection reset by peer")), "connection reset", True),
        (requests.ReadTimeout(ReadTimeoutError(None, "", "")), "it does not answer in time", True),
        (requests.exceptions.SSLError(CERTIFICATE), "its certificate cannot be verified", False),
        (requests.exceptions.SSLError(NO_TLS), "it does not speak TLS", False),
        (requests.exceptions.InvalidURL("http://secret"), "its address is not valid", False),
        (requests.ConnectionError("secret"), "the connection was cut", True),
    ],
)
def test_failures_are_told_without_urls(error, reason, again):
    assert explain(error).startswith(reason)
    assert worth_another(error) is again
    told = unreachable("h.example", error)
    assert told.message.startswith(f"cannot reach h.example: {reason}")
    assert "secret" not in f"{told.message} {told.hint}"
