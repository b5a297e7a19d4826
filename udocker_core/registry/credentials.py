"""Credentials for registries, from udocker's own store and from docker's and containers' files.

The formats are docker's ``config.json`` and containers-auth.json(5); udocker's keystore is the
``auths`` object of the former.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from udocker_core import binaries
from udocker_core.names import DEFAULT_REGISTRY

_HUB = (DEFAULT_REGISTRY, "index.docker.io", "registry-1.docker.io")
_HUB_KEY = "https://index.docker.io/v1/"
_IDENTITY = "<token>"  # what helpers call the user of an identity token
_HELPER_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_HELPER_TIME = 30  # seconds


class Credentials(NamedTuple):
    """Who to be at a registry. Its text form keeps the secrets."""

    source: str  #: the file or helper that it is from
    username: str = ""
    password: str = ""
    identity_token: str = ""  #: to get access tokens with (OAuth2 refresh token)
    registry_token: str = ""  #: an access token

    def __repr__(self) -> str:
        """Show no secret."""
        return f"Credentials(source={self.source!r}, username={self.username!r})"

    @property
    def basic(self) -> str:
        """The value of an Authorization header with user name and password (RFC 7617)."""
        pair = f"{self.username}:{self.password}".encode()
        return "Basic " + base64.b64encode(pair).decode()


class Keyring:
    """Looks credentials up.

    Args:
        keystore: path of udocker's own file, or empty.

    ``problems`` has a line for each file and helper that could not be used.
    """

    def __init__(self, keystore: str = "") -> None:
        self._keystore = keystore
        self.problems: list[str] = []

    def find(self, host: str, repository: str) -> Credentials | None:
        """Return the credentials for a repository of the registry at `host`, or None.

        The first file that has some wins: udocker's own, then those that the environment names.
        """
        self.problems.clear()
        names = _candidates(host, repository)
        if self._keystore:
            entries = _entries(self._read(self._keystore))
            found = self._from_entries(self._keystore, entries, names)
            if found:
                return found
        for path in _files():
            value = self._read(path)
            found = self._from_helpers(path, value, names) or self._from_entries(
                path, _entries(value.get("auths")), names
            )
            if found:
                return found
        return None

    def _read(self, path: str) -> dict[str, Any]:
        try:
            with open(path, "rb") as file:
                value = json.load(file)
        except FileNotFoundError:
            return {}
        except OSError as error:
            self.problems.append(f"{path}: {error.strerror}")
            return {}
        except (ValueError, RecursionError):
            self.problems.append(f"{path}: not valid JSON")
            return {}
        return _object(value)

    def _from_entries(
        self, path: str, entries: Mapping[str, dict[str, Any]], names: list[str]
    ) -> Credentials | None:
        for name in names:
            entry = entries.get(name)
            if not entry:
                continue
            username, password = _text(entry, "username"), _text(entry, "password")
            auth = _text(entry, "auth")
            if auth:
                try:
                    pair = base64.b64decode(auth, validate=True).decode()
                except ValueError:
                    self.problems.append(f"{path}: the entry of {name} is damaged")
                    continue
                username, _, password = pair.rstrip("\0").partition(":")
            tokens = _text(entry, "identitytoken"), _text(entry, "registrytoken")
            if username or any(tokens):
                return Credentials(path, username, password, *tokens)
        return None

    def _from_helpers(
        self, path: str, value: Mapping[str, Any], names: list[str]
    ) -> Credentials | None:
        helpers = {_name(key): item for key, item in _object(value.get("credHelpers")).items()}
        for name in names:
            if name in helpers:
                return self._ask(path, helpers[name], name)
        store = value.get("credsStore")
        return self._ask(path, store, names[-1]) if store else None

    def _ask(self, path: str, helper: object, name: str) -> Credentials | None:
        """Ask ``docker-credential-HELPER`` (docker-credential-helpers' protocol)."""
        if not isinstance(helper, str) or not _HELPER_NAME.fullmatch(helper):
            self.problems.append(f"{path}: invalid name of a credential helper")
            return None
        program = f"docker-credential-{helper}"
        path_of_program = binaries.host_program([program])
        if not path_of_program:
            self.problems.append(f"{path}: {program} cannot be used: it is not in PATH")
            return None
        try:
            answer = subprocess.run(
                [path_of_program, "get"],
                input=(_HUB_KEY if name == DEFAULT_REGISTRY else name).encode(),
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=_HELPER_TIME,
                check=True,
            ).stdout
            value = _object(json.loads(answer))
        except subprocess.CalledProcessError:
            return None  # it has none for this registry
        except (OSError, subprocess.TimeoutExpired, ValueError):
            self.problems.append(f"{path}: {program} cannot be used")
            return None
        username, secret = _text(value, "Username"), _text(value, "Secret")
        if username == _IDENTITY:
            return Credentials(program, identity_token=secret)
        return Credentials(program, username, secret) if username else None


def _files() -> Iterator[str]:
    environment, home = os.environ, os.path.expanduser("~")
    if environment.get("REGISTRY_AUTH_FILE"):
        yield environment["REGISTRY_AUTH_FILE"]
    docker = environment.get("DOCKER_CONFIG") or os.path.join(home, ".docker")
    yield os.path.join(docker, "config.json")
    if environment.get("XDG_RUNTIME_DIR"):
        yield os.path.join(environment["XDG_RUNTIME_DIR"], "containers/auth.json")
    configuration = environment.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")
    yield os.path.join(configuration, "containers/auth.json")


def _candidates(host: str, repository: str) -> list[str]:
    """Return the names that an entry may have, the most special first: host/a/b, host/a, host."""
    host = DEFAULT_REGISTRY if host in _HUB else host
    parts = repository.split("/")
    return ["/".join([host, *parts[:count]]) for count in range(len(parts), -1, -1)]


def _name(key: str) -> str:
    """Return an entry's name without what older tools put around it: https://HOST/v1/."""
    parts = urlsplit(key if "://" in key else "//" + key)
    host = DEFAULT_REGISTRY if parts.netloc in _HUB else parts.netloc
    path = parts.path.strip("/")
    return host if path in ("", "v1", "v2") else f"{host}/{path}"


def _entries(value: object) -> dict[str, dict[str, Any]]:
    """Return the entries by name. An entry with something in it wins over an empty one."""
    found: dict[str, dict[str, Any]] = {}
    for key, item in _object(value).items():
        if isinstance(item, dict) and item:
            found.setdefault(_name(key), item)
    return found


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Mapping[str, Any], key: str) -> str:
    found = value.get(key)
    return found if isinstance(found, str) else ""
