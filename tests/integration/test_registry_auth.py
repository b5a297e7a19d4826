"""Challenges, tokens and credentials, against a registry that wants them."""

import base64
import json

import pytest

from udocker_core import names, platform
from udocker_core.errors import NotFound, RegistryError, Unauthorized
from udocker_core.registry.client import Client
from udocker_core.registry.settings import ClientSettings
from udocker_core.registry.transfer import BlobTarget, Downloads
from udocker_core.testing.images import ImageBuilder, push
from udocker_core.testing.registry import ENVIRONMENT, Registry

SETTINGS = ClientSettings(backoff=0.01, read_timeout=5, connect_timeout=5)


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def registry():
    with Registry() as found:
        builder = ImageBuilder(platform="linux/amd64")
        for size in (10, 20, 30):
            builder.add_tar(bytes(size), "")
        push(found, "a/x", "1", builder.build())
        yield found


def pull(registry, folder, settings=SETTINGS, name="a/x:1", host=None):
    host = registry.host if host is None else host
    with Client(settings) as client:
        reference = names.parse(f"{host}/{name}" if host else name)
        manifest = client.manifest(reference, platform.parse("linux/amd64")).manifest
        parts = {item.digest: item for item in (manifest.config, *manifest.layers)}
        targets = [BlobTarget(item, str(folder / digest)) for digest, item in parts.items()]
        with Downloads(client, reference, targets) as downloads:
            for digest in parts:
                downloads.wait(digest)
    return len(parts)


def log_in(home, registry, username="u", password="secret-pw", **tokens):
    pair = base64.b64encode(f"{username}:{password}".encode()).decode()
    entry = {**({"auth": pair} if username else {}), **tokens}
    (home / ".docker").mkdir(exist_ok=True)
    (home / ".docker/config.json").write_text(json.dumps({"auths": {registry.host: entry}}))


def tokens_asked(registry):
    return [request for request in registry.requests if request.server == "tokens"]


@pytest.mark.parametrize(
    "challenge",
    [
        'Bearer realm="{realm}",service="{service}",scope="{scope}"',
        'Bearer realm="{realm}", service="{service}", scope="{scope}"',
        'bearer Realm="{realm}",scope="{scope}"',
        "BEARER realm={realm}",
        'Basic realm="x", Bearer realm="{realm}",service="{service}"',
    ],
)
@pytest.mark.parametrize("field", ["token", "access_token"])
def test_bearer_in_every_spelling_with_one_token(registry, tmp_path, challenge, field):
    registry.faults.auth = "bearer"
    registry.faults.challenge = challenge
    registry.faults.token_answer = {field: "{token}", "expires_in": 300}
    count = pull(registry, tmp_path)
    assert len(registry.requests) == count + 3  # 401, token, manifest
    assert len(tokens_asked(registry)) == 1
    assert "scope=repository%3Aa%2Fx%3Apull" in tokens_asked(registry)[0].path


def test_basic_is_sent_to_the_registry_only(registry, tmp_path, home):
    registry.faults.auth = "basic"
    registry.faults.username, registry.faults.password = "robot$x+y", "p:w"
    registry.faults.redirect_blobs = True
    log_in(home, registry, "robot$x+y", "p:w")
    count = pull(registry, tmp_path)
    elsewhere = registry.blob_requests()
    assert len(elsewhere) == count
    assert not [request for request in elsewhere if "authorization" in request.headers]


def test_a_token_is_got_with_the_password(registry, tmp_path, home):
    registry.faults.auth = "bearer"
    registry.faults.username, registry.faults.password = "u", "secret-pw"
    log_in(home, registry)
    pull(registry, tmp_path)
    assert "account=u" in tokens_asked(registry)[0].path
    assert "secret" not in tokens_asked(registry)[0].path


def test_a_token_is_got_by_post_where_get_is_not_known(registry, tmp_path, home):
    registry.faults.auth, registry.faults.token_methods = "bearer", ("POST",)
    registry.faults.username, registry.faults.password = "u", "secret-pw"
    log_in(home, registry)
    pull(registry, tmp_path)
    assert [request.method for request in tokens_asked(registry)] == ["GET", "POST"]


def test_an_identity_token_is_exchanged_by_post(registry, tmp_path, home):
    registry.faults.auth, registry.faults.identity_token = "bearer", "refresh-me"
    registry.faults.token_answer = {"access_token": "{token}"}
    log_in(home, registry, "", identitytoken="refresh-me")
    pull(registry, tmp_path)
    (asked,) = tokens_asked(registry)
    assert asked.method == "POST"
    assert b"grant_type=refresh_token" in asked.body


def test_a_stored_access_token_is_used(registry, tmp_path, home):
    registry.faults.auth = "bearer"
    log_in(home, registry, "", registrytoken=registry.make_token())
    pull(registry, tmp_path)
    assert not tokens_asked(registry)


def test_a_token_that_ends_early_is_renewed(registry, tmp_path):
    registry.faults.auth, registry.faults.token_uses = "bearer", 2
    pull(registry, tmp_path, SETTINGS._replace(parallel=1))
    assert len(tokens_asked(registry)) > 1


def test_a_token_that_is_never_good_is_an_error(registry, tmp_path):
    registry.faults.auth = "bearer"
    registry.faults.token_answer = {"token": "useless"}
    with pytest.raises(Unauthorized, match=f"{registry.host} refuses access to a/x"):
        pull(registry, tmp_path)
    assert len(registry.requests) < 8


@pytest.mark.parametrize("auth", ["basic", "bearer"])
def test_without_credentials_the_hint_says_where_they_go(registry, tmp_path, auth):
    registry.faults.auth, registry.faults.username = auth, "u"
    with pytest.raises(Unauthorized, match="refuses access to a/x") as caught:
        pull(registry, tmp_path)
    assert "~/.docker/config.json" in caught.value.hint


@pytest.mark.parametrize("auth", ["basic", "bearer"])
def test_wrong_credentials_are_told_by_their_file_and_not_shown(registry, tmp_path, home, auth):
    registry.faults.auth, registry.faults.username = auth, "other"
    log_in(home, registry)
    with pytest.raises(Unauthorized) as caught:
        pull(registry, tmp_path)
    assert ".docker/config.json" in caught.value.hint
    assert "secret-pw" not in f"{caught.value!r} {caught.value.hint} {caught.value.__cause__!r}"


def test_helpers_that_fail_are_told_when_access_is_refused(registry, tmp_path, home):
    registry.faults.auth, registry.faults.username = "basic", "u"
    (home / ".docker").mkdir()
    (home / ".docker/config.json").write_text('{"credsStore": "absent"}')
    with pytest.raises(Unauthorized) as caught:
        pull(registry, tmp_path)
    assert "docker-credential-absent cannot be used" in caught.value.hint


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({}, "no usable token"),
        ({"token": ["x"]}, "no usable token"),
        ({"token": "a\r\nX-Evil: 1"}, "no usable token"),
    ],
)
def test_answers_without_a_token_are_errors(registry, tmp_path, answer, says):
    registry.faults.auth, registry.faults.token_answer = "bearer", answer
    with pytest.raises(RegistryError, match=says):
        pull(registry, tmp_path)


@pytest.mark.parametrize(
    ("realm", "says"),
    [
        ("http://169.254.169.254/token", "a token service on the local network"),
        ("file:///token", "a token service that is no http or https URL"),
        ("/token", "a token service that is no http or https URL"),
    ],
)
def test_wrong_token_services_are_not_asked(registry, tmp_path, home, realm, says):
    registry.faults.auth, registry.faults.realm = "bearer", realm
    log_in(home, registry)
    with pytest.raises(RegistryError, match=says):
        pull(registry, tmp_path)


def test_an_unknown_scheme_is_named(registry, tmp_path):
    registry.faults.auth, registry.faults.challenge = "bearer", "Negotiate"
    with pytest.raises(Unauthorized, match="asks for negotiate"):
        pull(registry, tmp_path)


@pytest.mark.parametrize("repository", ["x", "library/x"])
def test_a_given_registry_may_have_library_or_not(registry, tmp_path, repository):
    builder = ImageBuilder(platform="linux/amd64")
    builder.add_tar(b"1234", "")
    push(registry, repository, "7", builder.build())
    settings = SETTINGS._replace(registry=registry.url)
    assert pull(registry, tmp_path, settings, "x:7", "") == 2
    assert len([item for item in registry.requests if "/manifests/" in item.path]) < 3
    with pytest.raises(NotFound):
        pull(registry, tmp_path, settings, "y:7", "")


def test_a_mirror_is_asked_for_the_full_name(registry, tmp_path):
    builder = ImageBuilder(platform="linux/amd64")
    push(registry, "library/x", "7", builder.build())
    settings = SETTINGS._replace(registries={"docker.io": registry.url})
    pull(registry, tmp_path, settings, "x:7", "")
    assert registry.requests[0].path == "/v2/library/x/manifests/7"
