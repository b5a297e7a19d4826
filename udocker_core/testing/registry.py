"""A registry in this process: real HTTP on the loopback, faults on demand, a log of requests.

Example::

    with Registry() as registry:
        digest = registry.add_blob(b"...")
        registry.add_manifest("project/image", "1", raw, OCI_MANIFEST)
        registry.faults.cut_after = 1000
        ...  # pull f"{registry.host}/project/image:1"
        assert registry.requests[0].path == "/v2/project/image/manifests/1"
"""

from __future__ import annotations

import base64
import json
import os
import re
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, NamedTuple

from udocker_core.digest import Digest

#: Variables that lead the registry client to this machine's credentials, certificates and
#: proxies. Tests unset them, and set HOME.
ENVIRONMENT = (
    *("DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"),
    *("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
)

_BLOB = re.compile(r"/v2/(.+)/blobs/([a-z0-9]+:.+)")
_MANIFEST = re.compile(r"/v2/(.+)/manifests/(.+)")
_RANGE = re.compile(r"bytes=(\d+)-")
_PIECE = 256 << 10
_TLS_RECORD = b"\x16"

_Address = tuple[str, int]


class Request(NamedTuple):
    """A request that a server got."""

    server: str  #: ``registry``, ``blobs`` (where redirects lead) or ``tokens``
    method: str
    path: str  #: with the query
    headers: Mapping[str, str]  #: names in lower case
    body: bytes = b""


class Faults:
    """What the registry does instead of its duty. Set the attributes at any time."""

    def __init__(self) -> None:
        #: Wanted credentials: ``basic``, ``bearer``, or empty for none.
        self.auth = ""
        #: The challenge's text; ``{realm}``, ``{service}`` and ``{scope}`` are filled in.
        self.challenge = 'Bearer realm="{realm}",service="{service}",scope="{scope}"'
        self.realm = ""  #: where tokens are; empty: this registry's own service
        self.username = ""  #: with `password`, wanted for Basic or for a token
        self.password = ""
        self.identity_token = ""  #: wanted in an OAuth2 POST
        self.token_methods = ("GET", "POST")
        self.token_answer: dict[str, Any] = {"token": "{token}"}  #: ``{token}`` is filled in
        self.token_uses = 0  #: requests that a token is good for, 0 for any number

        self.redirect_blobs = False  #: to the server ``blobs``
        self.redirect_to = ""  #: where blobs redirect to, instead
        self.busy = 0  #: so many answers 429
        self.retry_after = "1"  #: their Retry-After
        self.broken = 0  #: so many answers 503
        self.reset = 0  #: so many connections closed without an answer
        self.silent = 0.0  #: seconds before any answer

        self.cut_after = 0  #: bytes of a blob after which the connection is cut
        self.cuts = 1  #: how many times
        self.ignore_range = False
        self.wrong_range = 0  #: bytes that a continued blob starts off its place
        self.chunked = False  #: no Content-Length for blobs
        self.delay = 0.0  #: seconds between pieces of a blob
        self.piece = _PIECE  #: bytes of such a piece
        self.digest_header = ""  #: for manifests; empty: the right one


class Registry:
    """A registry that serves what it was given. A context manager; nothing is on the disk.

    Args:
        tls: serve https, with a certificate made by the ``openssl`` program.

    Attributes:
        host: ``127.0.0.1:PORT``, to use in image names.
        url: with the scheme.
        faults: see :class:`Faults`.
        requests: see :class:`Request`, in the order of arrival.
        certificate: path of the authority to trust, with `tls`.
    """

    def __init__(self, *, tls: bool = False) -> None:
        self.faults = Faults()
        self.requests: list[Request] = []
        self.certificate = ""
        self._blobs: dict[str, bytes] = {}
        self._manifests: dict[tuple[str, str], tuple[bytes, str]] = {}
        self._tokens: dict[str, int] = {}
        self.lock = threading.Lock()
        self._folder = tempfile.TemporaryDirectory(prefix="registry-") if tls else None
        context = self._context(self._folder.name) if self._folder else None
        scheme = "https" if tls else "http"
        self._servers = {
            name: _Server(self, name, context) for name in ("registry", "blobs", "tokens")
        }
        self._urls = {
            name: f"{scheme}://127.0.0.1:{server.server_port}"
            for name, server in self._servers.items()
        }
        self.url = self._urls["registry"]
        self.host = self.url.partition("://")[2]
        self._threads = [
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
            for server in self._servers.values()
        ]

    def __enter__(self) -> Registry:
        """Start to serve."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop, and close all connections."""
        for server in self._servers.values():
            server.shutdown()
            server.server_close()
        if self._folder:
            self._folder.cleanup()

    def add_blob(self, data: bytes, digest: str = "") -> Digest:
        """Serve a blob; a `digest` that is not its own makes it a fraud."""
        name = Digest(digest) if digest else Digest.of(data)
        self._blobs[name] = data
        return name

    def add_manifest(self, repository: str, tag: str, data: bytes, media_type: str) -> Digest:
        """Serve a manifest or an index under a tag, which may be empty, and under its digest.

        A `tag` that is a digest which is not its own makes it a fraud.
        """
        digest = Digest.of(data)
        for name in filter(None, (tag, digest)):
            self._manifests[repository, name] = (data, media_type)
        return digest

    def blob_requests(self) -> list[Request]:
        """Return the requests for blobs that were answered with bytes, not with a redirect."""
        server = "blobs" if self.faults.redirect_blobs else "registry"
        return [item for item in self.requests if item.server == server and "/blobs/" in item.path]

    def url_of(self, server: str) -> str:
        """Return the URL of ``registry``, ``blobs`` or ``tokens``."""
        return self._urls[server]

    def find_blob(self, digest: str) -> bytes | None:
        """Return what is served under `digest`."""
        return self._blobs.get(digest)

    def find_manifest(self, repository: str, name: str) -> tuple[bytes, str] | None:
        """Return what is served under a tag or digest, and its type."""
        return self._manifests.get((repository, name))

    def make_token(self) -> str:
        """Return a new token."""
        token = base64.urlsafe_b64encode(os.urandom(12)).decode()
        self._tokens[token] = self.faults.token_uses or -1
        return token

    def spend(self, token: str) -> bool:
        """Tell whether `token` is good for one more request."""
        left = self._tokens.get(token, 0)
        if left > 0:
            self._tokens[token] = left - 1
        return left != 0

    def take(self, fault: str) -> bool:
        """Tell whether the counter of a fault says that it is to happen now."""
        with self.lock:
            left = getattr(self.faults, fault)
            if left > 0:
                setattr(self.faults, fault, left - 1)
            return bool(left > 0)

    def _context(self, folder: str) -> ssl.SSLContext:
        self.certificate, key = os.path.join(folder, "ca.crt"), os.path.join(folder, "key")
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=localhost"),
                *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
                *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
                *("-keyout", key, "-out", self.certificate),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, key)
        return context


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, registry: Registry, name: str, context: ssl.SSLContext | None) -> None:
        self.registry = registry
        self.name = name
        self._context = context
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    def get_request(self) -> tuple[socket.socket, _Address]:
        connection, address = self.socket.accept()
        connection.settimeout(60)
        if self._context:
            # The handshake waits for the connection's own thread.
            connection = self._context.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        self._open.add(connection)
        return connection, address

    def server_close(self) -> None:
        super().server_close()
        for connection in list(self._open):
            _shut(connection)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients that go away are what these tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.registry = self.server.registry
        self.faults = self.registry.faults

    def handle(self) -> None:
        secure = isinstance(self.connection, ssl.SSLSocket)
        if not secure and self.connection.recv(1, socket.MSG_PEEK) == _TLS_RECORD:
            return
        super().handle()

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._log(b"")
        if self.server.name == "tokens":
            return self._token("GET", urllib.parse.urlsplit(self.path).query)
        if self.faults.silent:
            time.sleep(self.faults.silent)
        if self.registry.take("reset"):
            return _shut(self.connection)
        if self.registry.take("busy"):
            return self._answer(429, b"", {"Retry-After": self.faults.retry_after})
        if self.registry.take("broken"):
            return self._answer(503, b"<html>busy</html>")
        if self.server.name == "registry" and not self._is_known():
            return None
        return self._serve()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self._log(body)
        if self.server.name == "tokens":
            return self._token("POST", body.decode())
        return self._answer(405, b"")

    def _log(self, body: bytes) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.registry.requests.append(
            Request(self.server.name, self.command, self.path, headers, body)
        )

    def _is_known(self) -> bool:
        """Check the credentials, and ask for them if they are not good enough."""
        sent = self.headers.get("Authorization", "")
        faults = self.faults
        if not faults.auth or (faults.auth == "basic" and sent == self._basic()):
            return True
        scheme, _, token = sent.partition(" ")
        if faults.auth == "bearer" and scheme == "Bearer" and self.registry.spend(token):
            return True
        match = _BLOB.fullmatch(self.path) or _MANIFEST.fullmatch(self.path)
        challenge = 'Basic realm="the registry"'
        if faults.auth == "bearer":
            challenge = faults.challenge.format(
                realm=faults.realm or self.registry.url_of("tokens") + "/token",
                service="the registry",
                scope=f"repository:{match[1]}:pull" if match else "",
            )
        self._answer(401, b'{"errors":[]}', {"WWW-Authenticate": challenge})
        return False

    def _basic(self) -> str:
        pair = f"{self.faults.username}:{self.faults.password}"
        return "Basic " + base64.b64encode(pair.encode()).decode()

    def _token(self, method: str, query: str) -> None:
        faults, fields = self.faults, dict(urllib.parse.parse_qsl(query))
        if method not in faults.token_methods:
            return self._answer(405, b"")
        good = not faults.username and not faults.identity_token
        if method == "GET":
            good = good or self.headers.get("Authorization", "") == self._basic()
        elif fields.get("grant_type") == "refresh_token":
            good = fields.get("refresh_token") == faults.identity_token
        else:
            pair = fields.get("username"), fields.get("password")
            good = pair == (faults.username, faults.password)
        if not good:
            return self._answer(401, b"{}")
        token = self.registry.make_token()
        answer = {
            name: token if value == "{token}" else value
            for name, value in faults.token_answer.items()
        }
        return self._answer(200, json.dumps(answer).encode(), {"Content-Type": "application/json"})

    def _serve(self) -> None:
        match = _MANIFEST.fullmatch(self.path)
        if match:
            found = self.registry.find_manifest(match[1], match[2])
            if not found:
                return self._answer(404, b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}')
            data, media_type = found
            digest = self.faults.digest_header or Digest.of(data)
            headers = {"Content-Type": media_type, "Docker-Content-Digest": digest}
            return self._answer(200, data, headers)
        match = _BLOB.fullmatch(self.path)
        data_or_none = self.registry.find_blob(match[2]) if match else None
        if data_or_none is None:
            return self._answer(404, b'{"errors":[{"code":"BLOB_UNKNOWN"}]}')
        if self.server.name == "registry" and (
            self.faults.redirect_blobs or self.faults.redirect_to
        ):
            place = self.faults.redirect_to or self.registry.url_of("blobs") + self.path
            return self._answer(307, b"", {"Location": place})
        return self._blob(data_or_none)

    def _blob(self, data: bytes) -> None:
        match = _RANGE.match(self.headers.get("Range", ""))
        start = int(match[1]) if match and not self.faults.ignore_range else 0
        if start and start >= len(data):
            return self._answer(416, b"", {"Content-Range": f"bytes */{len(data)}"})
        start += self.faults.wrong_range if start else 0
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        if self.faults.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        cut = self.faults.cut_after
        cuts = 0 < cut < len(data) - start and self.registry.take("cuts")
        self._send_pieces(memoryview(data)[start:], cut if cuts else 0)
        return None

    def _send_pieces(self, data: memoryview, cut: int) -> None:
        end = cut or len(data)
        size = self.faults.piece if self.faults.delay else _PIECE
        for position in range(0, end, size):
            piece = data[position : min(position + size, end)]
            if self.faults.chunked:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), bytes(piece)))
            else:
                self.wfile.write(piece)
            if self.faults.delay:
                time.sleep(self.faults.delay)
        if cut:
            _shut(self.connection)
        elif self.faults.chunked:
            self.wfile.write(b"0\r\n\r\n")

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        connection.close()  # the other side was faster
