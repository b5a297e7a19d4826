"""Certificates, proxies and servers that cannot be reached."""

import os
import shutil
import socket
import threading

import pytest

from udocker_core import names, platform
from udocker_core.errors import ConfigError, NotFound, RegistryError
from udocker_core.registry.client import Client
from udocker_core.registry.settings import ClientSettings
from udocker_core.testing.images import ImageBuilder, push
from udocker_core.testing.registry import ENVIRONMENT, Registry

SETTINGS = ClientSettings(backoff=0.01, read_timeout=5, connect_timeout=5)

needs_openssl = pytest.mark.skipif(not shutil.which("openssl"), reason="there is no openssl")


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def secure():
    with Registry(tls=True) as found:
        push(found, "x", "1", ImageBuilder().build())
        yield found


def resolve(name, settings=SETTINGS):
    with Client(settings) as client:
        return client.manifest(names.parse(name), platform.host())


@needs_openssl
def test_an_unknown_certificate_is_refused(secure):
    with pytest.raises(RegistryError, match="its certificate cannot be verified") as caught:
        resolve(f"{secure.host}/x:1")
    assert "REQUESTS_CA_BUNDLE" in caught.value.hint
    assert not secure.requests


@needs_openssl
@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_authorities_come_from_the_environment(secure, monkeypatch, variable):
    monkeypatch.setenv(variable, secure.certificate)
    assert resolve(f"{secure.host}/x:1")


@needs_openssl
@pytest.mark.parametrize("folder", [".docker", ".config/docker", ".config/containers"])
def test_authorities_come_from_certs_d(secure, home, folder):
    place = home / folder / "certs.d" / secure.host
    place.mkdir(parents=True)
    shutil.copy(secure.certificate, place / "ca.crt")
    assert resolve(f"{secure.host}/x:1")
    (place / "ca.crt").write_text("no certificate")
    with pytest.raises(ConfigError, match=r"ca\.crt: it is no certificate"):
        resolve(f"{secure.host}/x:1")


@needs_openssl
def test_certs_d_is_for_its_host_only(secure, home):
    place = home / ".docker/certs.d/other.example"
    place.mkdir(parents=True)
    shutil.copy(secure.certificate, place / "ca.crt")
    with pytest.raises(RegistryError, match="certificate"):
        resolve(f"{secure.host}/x:1")


@needs_openssl
def test_insecure_accepts_any_certificate(secure):
    assert resolve(f"{secure.host}/x:1", SETTINGS._replace(insecure=True))


@needs_openssl
def test_https_does_not_lead_to_plain_http(secure, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", secure.certificate)
    secure.faults.auth, secure.faults.realm = "bearer", "http://127.0.0.1:1/token"
    with pytest.raises(RegistryError, match="a token service on plain http"):
        resolve(f"{secure.host}/x:1")


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def test_nobody_there():
    host = f"127.0.0.1:{free_port()}"
    with pytest.raises(RegistryError, match=f"cannot reach {host}: connection refused"):
        resolve(f"{host}/x:1")


def test_plain_http_where_https_is_meant():
    def serve():
        connection, _ = server.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as server:
        host = f"127.0.0.1:{server.getsockname()[1]}"
        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(RegistryError, match="it does not speak TLS") as caught:
            resolve("a/x:1", SETTINGS._replace(registry=f"https://{host}"))
        thread.join()
    assert f"--registry=http://{host}" in caught.value.hint


def test_no_such_host():
    with pytest.raises(RegistryError, match="its name cannot be resolved"):
        resolve("no-such-host.invalid/x:1")


def test_a_given_proxy_is_used(monkeypatch):
    with Registry() as proxy:
        monkeypatch.setenv("NO_PROXY", "*")
        settings = SETTINGS._replace(registry="http://r.example", proxy=proxy.url)
        with pytest.raises(NotFound):
            resolve("a/x:1", settings)
        assert proxy.requests[0].path == "http://r.example/v2/a/x/manifests/1"


@pytest.mark.parametrize("no_proxy", ["", "r.example"])
def test_the_environments_proxies_are_used(monkeypatch, no_proxy):
    with Registry() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", no_proxy)
        settings = SETTINGS._replace(registry="http://r.example", connect_timeout=1, attempts=1)
        with pytest.raises((NotFound, RegistryError)):
            resolve("a/x:1", settings)
        assert bool(proxy.requests) is not bool(no_proxy)


def test_the_environments_proxies_are_not_for_this_host(monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    with Registry() as registry:
        push(registry, "x", "1", ImageBuilder().build())
        assert resolve(f"{registry.host}/x:1")


def test_a_proxys_password_is_not_shown():
    settings = SETTINGS._replace(proxy=f"http://user:secret@127.0.0.1:{free_port()}")
    with pytest.raises(RegistryError, match="through the proxy: connection refused") as caught:
        resolve("r.example/x:1", settings)
    assert "secret" not in f"{caught.value} {caught.value.hint} {caught.value.__cause__}"
    assert "--httpproxy" in caught.value.hint


def test_netrc_is_not_read(home):
    with Registry() as registry:
        registry.faults.auth = "basic"
        (home / ".netrc").write_text("machine 127.0.0.1 login u password p\n")
        os.chmod(home / ".netrc", 0o600)
        with pytest.raises(RegistryError):
            resolve(f"{registry.host}/x:1")
        assert "authorization" not in registry.requests[0].headers
