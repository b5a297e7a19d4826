"""Answers that no registry should give end in one clear error or in the right bytes."""

import random
import socket
import threading

import pytest

from udocker_core import names, platform
from udocker_core.digest import Digest
from udocker_core.errors import UdockerError
from udocker_core.manifest import Descriptor
from udocker_core.registry.client import Client
from udocker_core.registry.settings import ClientSettings
from udocker_core.registry.transfer import BlobTarget, Downloads
from udocker_core.testing.registry import ENVIRONMENT

BLOB = b"z" * 5000
DIGEST = Digest.of(BLOB)
STATUSES = [
    *(b"200 OK", b"206 Partial", b"307 Redirect", b"401 Unauthorized", b"403 No", b"404 No"),
    *(
        b"416 Range",
        b"429 Busy",
        b"503 Busy",
        b"204 None",
        b"999 What",
        b"200",
        b"abc",
        b"\xff\xfe",
    ),
]
NAMES = [
    *(b"Location", b"Content-Length", b"Content-Range", b"WWW-Authenticate", b"Retry-After"),
    *(b"Content-Type", b"Docker-Content-Digest", b"Transfer-Encoding", b"Content-Encoding"),
    *(b"Set-Cookie", b"", b"\x00"),
]
VALUES = [
    *(b"", b"0", b"5000", b"-1", b"\xb2", b"9" * 30, b"bytes 0-4999/5000", b"bytes 1-2/3"),
    *(b"http://[", b"http://\xff/", b"http://" + b"b" * 300 + b"/", b"http://127.0.0.1:99999/"),
    *(b"http://exa mple/", b"//", b"?", b"/v2/x", b"http://127.0.0.1:%d/t", b"\x1b[2J"),
    *(b'Bearer realm="http://["', b"Bearer realm=http://127.0.0.1:%d/t", b"Basic", b'Bearer "'),
    *(b"chunked", b"gzip", b"application/json", DIGEST.encode(), b"\x00\x01"),
]
BODIES = [
    *(b"", BLOB, b"{}", b"5\r\nzzzzz\r\n0\r\n\r\n", b"zz\r\n", b'{"token":"x"}', b"\x1f\x8b\x08"),
    *(b'{"manifests":[]}', b'{"layers":[],"config":7}'),
]


def answer(chance, port):
    lines = [b"HTTP/1.1 " + chance.choice(STATUSES)]
    for _ in range(chance.randrange(4)):
        value = chance.choice(VALUES)
        lines.append(chance.choice(NAMES) + b": " + value.replace(b"%d", b"%d" % port))
    whole = b"\r\n".join(lines) + b"\r\n\r\n" + chance.choice(BODIES)
    return whole[: chance.randrange(1, len(whole))] if chance.random() < 0.1 else whole


@pytest.fixture
def port():
    chance = random.Random(1)
    with socket.create_server(("127.0.0.1", 0), backlog=50) as server:
        number = server.getsockname()[1]

        def serve():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.settimeout(1)
                    try:
                        connection.recv(65536)
                        connection.sendall(answer(chance, number))
                    except OSError:
                        continue

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield number
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def test_hostile_answers(port, tmp_path, monkeypatch):
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    settings = ClientSettings(
        registry=f"http://127.0.0.1:{port}",
        backoff=0.001,
        read_timeout=1,
        connect_timeout=1,
        attempts=2,
        longest_wait=0.01,
    )
    reference = names.parse("a/x:1")
    good, messages = 0, []
    for number in range(300):
        target = BlobTarget(Descriptor("", DIGEST, len(BLOB)), str(tmp_path / str(number)))
        with Client(settings) as client:
            try:
                client.manifest(reference, platform.host())
            except UdockerError as error:
                messages.append(error.message)
            try:
                with Downloads(client, reference, [target]) as downloads:
                    downloads.wait(DIGEST)
            except UdockerError as error:
                messages.append(error.message)
            else:
                good += 1
                assert (tmp_path / str(number)).read_bytes() == BLOB
    assert good
    assert all(message.isprintable() and len(message) < 500 for message in messages)
