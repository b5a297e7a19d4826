import socket

import pytest

from udocker_core.errors import ConfigError, RegistryError
from udocker_core.registry import endpoint as endpoints
from udocker_core.registry.endpoint import Endpoint
from udocker_core.testing.registry import Registry


@pytest.mark.parametrize(
    ("registry", "override", "registries", "url"),
    [
        ("docker.io", "", {}, "https://registry-1.docker.io"),
        ("quay.io", "", {}, "https://quay.io"),
        ("h:5000", "", {}, "https://h:5000"),
        ("docker.io", "h:5000", {}, "https://h:5000"),
        ("docker.io", "http://h:5000", {}, "http://h:5000"),
        ("docker.io", "https://h/v2/", {}, "https://h"),
        ("docker.io", "", {"docker.io": "https://mirror"}, "https://mirror"),
        ("quay.io", "", {"docker.io": "https://mirror"}, "https://quay.io"),
        ("quay.io", "x.io", {"quay.io": "https://mirror"}, "https://x.io"),
    ],
)
def test_where_a_registry_is(registry, override, registries, url):
    assert endpoints.find(registry, override, registries).url == url


@pytest.mark.parametrize(
    "place", ["ftp://h", "http://", "h/path", "https://h/a/b", "h:port", "https://h?q", "[::1"]
)
def test_wrong_registries_are_refused(place):
    with pytest.raises(ConfigError, match="invalid registry"):
        endpoints.find("docker.io", place, {})


def test_a_loopback_registry_is_asked_whether_it_speaks_tls():
    with Registry() as registry:
        assert endpoints.find(registry.host, "", {}).scheme == "http"
    with Registry(tls=True) as registry:
        assert endpoints.find(registry.host, "", {}).scheme == "https"
        assert endpoints.find("docker.io", registry.host, {}).scheme == "https"


def test_a_server_that_never_answers_counts_as_https(monkeypatch):
    monkeypatch.setattr(endpoints, "_PROBE_TIME", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        host = f"127.0.0.1:{server.getsockname()[1]}"
        assert endpoints.find(host, "", {}).scheme == "https"


def test_insecure_asks_any_host():
    with Registry() as registry:
        host = registry.host.replace("127.0.0.1", "ip6-localhost.invalid")
        assert endpoints.find(host, "", {}, True).scheme == "https"  # it cannot be asked


HTTPS, LOOPBACK = Endpoint("https", "1.1.1.1"), Endpoint("http", "127.0.0.1:5000")
PRIVATE, PLAIN = Endpoint("https", "10.1.2.3:5000"), Endpoint("http", "1.1.1.1")


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("https://cdn.example/x", HTTPS),
        ("https://1.0.0.1:8443/x", HTTPS),
        ("http://127.0.0.1:6000/x", LOOPBACK),
        ("http://localhost:6000/x", LOOPBACK),
        ("http://10.0.0.1/x", LOOPBACK),
        ("https://10.0.0.1/x", PRIVATE),
        ("http://1.1.1.1/x", PLAIN),
    ],
)
def test_where_a_registry_may_send_us(url, endpoint):
    assert endpoints.check_target(url, endpoint, "a redirect", False) == url


@pytest.mark.parametrize(
    ("url", "endpoint", "says"),
    [
        ("http://cdn.example/x", HTTPS, "on plain http"),
        ("file:///etc/passwd", HTTPS, "no http or https URL"),
        ("ftp://h/x", HTTPS, "no http or https URL"),
        ("/relative", HTTPS, "no http or https URL"),
        ("", HTTPS, "no http or https URL"),
        ("https://h:port/", HTTPS, "no http or https URL"),
        ("https://\x1b[2J/", HTTPS, "no http or https URL"),
        ("https://user:pw@h.example/", HTTPS, "with a user name, at h.example"),
        ("https://127.0.0.1/x", HTTPS, "local network"),
        ("https://localhost/x", HTTPS, "local network"),
        ("https://localhost./x", HTTPS, "local network"),
        ("https://127.0.0.1./x", HTTPS, "local network"),
        ("https://169.254.169.254/latest", HTTPS, "local network"),
        ("https://169.254.169.254/latest", LOOPBACK, "local network"),
        ("https://2852039166/latest", HTTPS, "local network"),
        ("https://0x7f.1/x", HTTPS, "local network"),
        ("https://10.0.0.1/x", HTTPS, "local network"),
        ("https://[::1]/x", HTTPS, "local network"),
        ("https://[::ffff:10.0.0.1]/x", HTTPS, "local network"),
        ("https://[fe80::1]/x", HTTPS, "local network"),
        ("https://0.0.0.0/x", HTTPS, "local network"),
        ("https://127.0.0.1/x", PRIVATE, "local network"),
        ("http://127.0.0.1/x", PLAIN, "local network"),
    ],
)
def test_where_a_registry_must_not_send_us(url, endpoint, says):
    with pytest.raises(RegistryError, match=says) as caught:
        endpoints.check_target(url, endpoint, "a redirect", False)
    assert "pw" not in caught.value.message


def test_insecure_allows_plain_http_only():
    endpoints.check_target("http://cdn.example/x", HTTPS, "a redirect", True)
    with pytest.raises(RegistryError):
        endpoints.check_target("http://127.0.0.1/x", HTTPS, "a redirect", True)


@pytest.mark.parametrize(
    ("url", "same"),
    [
        ("https://h.io/x", True),
        ("https://h.io:443/x", True),
        ("https://H.io/x", True),
        ("http://h.io/x", False),
        ("https://h.io:8443/x", False),
        ("https://h.io.evil.example/x", False),
        ("https://h.io@evil.example/x", False),
        ("https://[", False),
    ],
)
def test_who_may_see_the_credentials(url, same):
    assert endpoints.same_server(url, Endpoint("https", "h.io")) is same
