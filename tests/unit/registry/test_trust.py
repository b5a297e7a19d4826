import os
import shutil
import ssl

import pytest

from udocker_core.errors import ConfigError
from udocker_core.registry import trust
from udocker_core.testing.registry import ENVIRONMENT, Registry

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="there is no openssl")


@pytest.fixture
def folder(monkeypatch, tmp_path):
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    found = tmp_path / ".docker/certs.d/h.example:5000"
    found.mkdir(parents=True)
    return found


@pytest.fixture(scope="module")
def certificate():
    with Registry(tls=True) as registry:
        yield registry.certificate


def test_certificates_are_verified_unless_insecure():
    assert trust.context_for("h.example", False).verify_mode == ssl.CERT_REQUIRED
    assert trust.context_for("h.example", False).check_hostname
    assert trust.context_for("h.example", True).verify_mode == ssl.CERT_NONE


def test_a_hosts_own_authority_is_trusted(folder, certificate):
    before = trust.context_for("h.example:5000", False).cert_store_stats()["x509"]
    shutil.copy(certificate, folder / "any.crt")
    assert trust.has_own_files("h.example:5000")
    assert not trust.has_own_files("h.example")
    after = trust.context_for("h.example:5000", False).cert_store_stats()["x509"]
    assert after == before + 1


def test_a_certificate_to_show_needs_its_key(folder, certificate):
    shutil.copy(certificate, folder / "client.cert")
    with pytest.raises(ConfigError, match=r"client\.cert with client\.key: No such file"):
        trust.context_for("h.example:5000", False)
    shutil.copy(os.path.join(os.path.dirname(certificate), "key"), folder / "client.key")
    trust.context_for("h.example:5000", False)


def test_an_absent_bundle_is_told(monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nonexistent/ca.pem")
    with pytest.raises(ConfigError, match=r"/nonexistent/ca\.pem: No such file"):
        trust.context_for("h.example", False)
