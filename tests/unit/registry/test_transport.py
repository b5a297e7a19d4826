import email.utils
import time

import pytest
import requests

from udocker_core.registry.settings import ClientSettings
from udocker_core.registry.transport import Transport, _retry_after, content_length


def response(**headers):
    found = requests.Response()
    for name, value in headers.items():
        found.headers[name.replace("_", "-")] = value
    return found


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("3", 3, 3.3),
        (" 0 ", 0, 0),
        ("", 0, 0),
        ("soon", 0, 0),
        ("-5", 0, 0),
        ("\u00b2", 0, 0),
        ("Wed, 01 Jan 2020 00:00:00 GMT", 0, 0),
    ],
)
def test_retry_after_is_seconds_or_a_date(text, low, high):
    assert low <= _retry_after(response(Retry_After=text)) <= high


def test_retry_after_is_a_date_to_come():
    text = email.utils.formatdate(time.time() + 100, usegmt=True)
    assert 50 <= _retry_after(response(Retry_After=text)) <= 111


@pytest.mark.parametrize(
    ("text", "length"),
    [("0", 0), ("77", 77), ("-1", None), ("1e3", None), ("\u00b2", None), ("9" * 30, None)],
)
def test_content_length_is_a_number_or_none(text, length):
    assert content_length(response(Content_Length=text)) == length
    assert content_length(response()) is None


def test_waits_grow_and_differ():
    transport = Transport(ClientSettings(backoff=1), lambda seconds, reason: None)
    waits = [transport.delay(attempt) for attempt in (1, 2, 3)]
    assert 1 <= waits[0] <= 1.25 < 2 <= waits[1] <= 2.5 < 4 <= waits[2] <= 5
    assert len({transport.delay(1) for _ in range(10)}) > 1
