import base64
import json
import os

import pytest

from udocker_core.registry.credentials import Keyring
from udocker_core.testing.registry import ENVIRONMENT


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def auth(user, password="pw"):
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return str(path)


def helper(path, name, script):
    program = path / "bin" / f"docker-credential-{name}"
    program.parent.mkdir(exist_ok=True)
    program.write_text("#!/bin/sh\n" + script)
    program.chmod(0o755)
    os.environ["PATH"] = f"{program.parent}:{os.environ['PATH']}"


@pytest.fixture(autouse=True)
def path(monkeypatch):
    monkeypatch.setenv("PATH", os.environ["PATH"])


@pytest.mark.parametrize(
    ("key", "host", "repository", "found"),
    [
        ("q.io", "q.io", "a/b", True),
        ("https://q.io", "q.io", "a/b", True),
        ("https://q.io/v1/", "q.io", "a/b", True),
        ("http://127.0.0.1:5000", "127.0.0.1:5000", "x", True),
        ("q.io/a", "q.io", "a/b", True),
        ("q.io/a/b", "q.io", "a/b", True),
        ("q.io/a/b", "q.io", "a/bc", False),
        ("q.io/b", "q.io", "a/b", False),
        ("q.io:443", "q.io", "a", False),
        ("io", "q.io", "a", False),
        ("https://index.docker.io/v1/", "registry-1.docker.io", "library/x", True),
        ("https://registry-1.docker.io", "registry-1.docker.io", "library/x", True),
        ("docker.io", "registry-1.docker.io", "library/x", True),
        ("docker.io/library", "registry-1.docker.io", "library/x", True),
    ],
)
def test_which_entry_is_for_which_image(home, key, host, repository, found):
    write(home / ".docker/config.json", {"auths": {key: auth("u")}})
    credentials = Keyring().find(host, repository)
    assert bool(credentials) is found
    if credentials:
        assert (credentials.username, credentials.password) == ("u", "pw")


def test_the_most_special_entry_wins(home):
    auths = {"q.io": auth("all"), "q.io/a": auth("some"), "q.io/a/b": auth("one"), "x": {}}
    write(home / ".config/containers/auth.json", {"auths": auths})
    users = [Keyring().find("q.io", name).username for name in ("a/b", "a/c", "c")]
    assert users == ["one", "some", "all"]


def test_udockers_own_file_is_first_then_what_the_environment_names(home, monkeypatch):
    write(home / ".docker/config.json", {"auths": {"q.io": auth("docker")}})
    write(home / ".config/containers/auth.json", {"auths": {"q.io": auth("containers")}})
    keystore = write(home / "keystore", {"https://q.io": {**auth("own"), "email": ""}})
    named = write(home / "named.json", {"auths": {"q.io": auth("named")}})
    run = write(home / "run/containers/auth.json", {"auths": {"q.io": auth("run")}})
    other = write(home / "other/config.json", {"auths": {"q.io": auth("other")}})

    def user(*arguments):
        return Keyring(*arguments).find("q.io", "a").username

    assert user() == "docker"
    monkeypatch.setenv("DOCKER_CONFIG", os.path.dirname(other))
    assert user() == "other"
    monkeypatch.setenv("REGISTRY_AUTH_FILE", named)
    assert user() == "named"
    assert user(keystore) == "own"
    for path in (named, other, home / ".docker/config.json"):
        os.unlink(path)
    assert user() == "containers"
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(home / "run"))
    assert user() == "run"
    assert os.path.exists(run)


def test_tokens_and_passwords_with_colons(home):
    auths = {
        "a.io": auth("u", "p:w:x"),
        "b.io": {"identitytoken": "it"},
        "c.io": {"registrytoken": "rt"},
        "d.io": {"username": "u", "password": "p"},
    }
    write(home / ".docker/config.json", {"auths": auths})
    keyring = Keyring()
    assert keyring.find("a.io", "x").password == "p:w:x"
    assert keyring.find("b.io", "x").identity_token == "it"
    assert keyring.find("c.io", "x").registry_token == "rt"
    assert keyring.find("d.io", "x").basic == "Basic dTpw"


def test_helpers_are_asked(home):
    helper(
        home,
        "mine",
        'read host; [ "$1" = get ] || exit 2\n'
        'say() { echo "{\\"Username\\":\\"$1\\",\\"Secret\\":\\"$2\\"}"; }\n'
        "case $host in q.io) say u s;;\n"
        "https://index.docker.io/v1/) say '<token>' t;;\n"
        "*) echo none; exit 1;; esac\n",
    )
    value = {"credHelpers": {"q.io": "mine"}, "auths": {"r.io": auth("r")}}
    write(home / ".docker/config.json", value)
    found = Keyring().find("q.io", "a")
    assert (found.username, found.password) == ("u", "s")
    assert Keyring().find("r.io", "a").username == "r"

    write(home / ".docker/config.json", {"credsStore": "mine", "auths": {"q.io": {}}})
    assert Keyring().find("q.io", "a").password == "s"
    assert Keyring().find("registry-1.docker.io", "library/a").identity_token == "t"
    assert Keyring().find("none.io", "a") is None


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "not valid JSON"),
        ({"auths": {"q.io": {"auth": "%%%"}}}, "entry of q.io is damaged"),
        ({"credsStore": "../evil"}, "invalid name"),
        ({"credsStore": "absent"}, "docker-credential-absent cannot be used"),
        ({"credHelpers": {"q.io": ["x"]}}, "invalid name"),
    ],
)
def test_what_cannot_be_used_is_told_and_left_out(home, content, says):
    write(home / ".docker/config.json", content)
    keyring = Keyring()
    assert keyring.find("q.io", "a") is None
    assert says in keyring.problems[0]


@pytest.mark.parametrize("content", ["[]", '{"auths": []}', '{"auths": {"q.io": 7}}', "7"])
def test_files_of_another_form_have_nothing(home, content):
    write(home / ".docker/config.json", content)
    assert Keyring().find("q.io", "a") is None


def test_passwords_and_tokens_are_not_shown(home):
    entry = {**auth("u", "secret1"), "identitytoken": "secret2", "registrytoken": "secret3"}
    write(home / ".docker/config.json", {"auths": {"q.io": entry}})
    found = Keyring().find("q.io", "a")
    assert "secret" not in f"{found} {found!r} {[found]}"
    assert "'u'" in repr(found)


def test_helpers_in_the_current_directory_are_not_run(home, monkeypatch):
    helper(home, "mine", 'echo \'{"Username":"u","Secret":"s"}\'')
    write(home / ".docker/config.json", {"credsStore": "mine"})
    assert Keyring().find("q.io", "a").username == "u"
    monkeypatch.chdir(home / "bin")
    for path in (".", "", "../bin"):
        monkeypatch.setenv("PATH", f"{path}:/usr/bin:/bin")
        keyring = Keyring()
        assert keyring.find("q.io", "a") is None
        assert "docker-credential-mine cannot be used" in keyring.problems[0]
