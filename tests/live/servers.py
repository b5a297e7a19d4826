"""Debian's docker-registry, on loopback, as the user who runs the tests."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import time
from pathlib import Path
from typing import Any


class DockerRegistry:
    """A ``docker-registry`` on a free port; a context manager.

    Args:
        directory: an empty place for its data.
        certificate: the PEM files (certificate, key) to speak TLS with.
        htpasswd: the file of the users who are let in.
    """

    def __init__(
        self,
        directory: Path,
        certificate: tuple[Path, Path] | None = None,
        htpasswd: Path | None = None,
    ) -> None:
        self.address = f"localhost:{_free_port()}"
        self.log = directory / "log"
        self._data = directory / "data"
        http: dict[str, Any] = {"addr": self.address, "secret": "of the tests"}
        if certificate:
            http["tls"] = {"certificate": str(certificate[0]), "key": str(certificate[1])}
        config: dict[str, Any] = {
            "version": 0.1,
            "log": {"accesslog": {"disabled": False}, "level": "info"},
            "storage": {"filesystem": {"rootdirectory": str(self._data)}},
            "http": http,
        }
        if htpasswd:
            config["auth"] = {"htpasswd": {"realm": "tests", "path": str(htpasswd)}}
        self._config = directory / "config.yml"
        self._config.write_text(json.dumps(config))  # JSON is YAML

    def __enter__(self) -> DockerRegistry:
        log = self.log.open("wb")
        command = ["docker-registry", "serve", str(self._config)]
        self._process = subprocess.Popen(command, stdout=log, stderr=log)
        host, port = self.address.split(":")
        for _ in range(200):
            try:
                socket.create_connection((host, int(port))).close()
                break
            except OSError:
                time.sleep(0.05)
        else:
            self.__exit__()
            raise RuntimeError("docker-registry does not start: " + self.log.read_text())
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()

    def push(self, source: str, name: str, *options: str) -> str:
        """Copy the image `source` of an OCI layout here with skopeo; gives its full name."""
        target = f"{self.address}/{name}"
        command = ["skopeo", "--insecure-policy", "copy", "--quiet", "--all", *options]
        subprocess.run(
            [*command, "--dest-tls-verify=false", f"oci:{source}", f"docker://{target}"], check=True
        )
        return target

    def blob(self, digest: str) -> Path:
        """The file in which the registry keeps a blob."""
        value = digest.removeprefix("sha256:")
        blobs = self._data / "docker" / "registry" / "v2" / "blobs" / "sha256"
        return blobs / value[:2] / value / "data"

    def downloads(self, repository: str) -> list[str]:
        """The digests of the blobs of `repository` that were served, in order."""
        found = re.findall(
            rf'"GET /v2/{repository}/blobs/(\S+) HTTP/[0-9.]+" 20[06]', self.log.read_text()
        )
        return [str(digest) for digest in found]


def make_authority(directory: Path) -> tuple[Path, tuple[Path, Path]]:
    """Make an authority and a certificate for localhost: (its CA file, (certificate, key))."""
    ca, ca_key = directory / "ca.pem", directory / "ca.key"
    certificate, key, request = (directory / n for n in ("cert.pem", "cert.key", "cert.csr"))
    extensions = directory / "extensions"
    extensions.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    _openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=Tests",
             "-addext", "keyUsage=critical,keyCertSign", "-keyout", ca_key, "-out", ca)  # fmt: skip
    _openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost",
             "-keyout", key, "-out", request)  # fmt: skip
    _openssl("x509", "-req", "-in", request, "-CA", ca, "-CAkey", ca_key, "-CAcreateserial",
             "-days", "2", "-extfile", extensions, "-out", certificate)  # fmt: skip
    return ca, (certificate, key)


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *arguments], check=True, stderr=subprocess.DEVNULL)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
