"""The program's environment, exactly."""

from __future__ import annotations

import os

from udocker_core.errors import UsageError
from udocker_core.model import Container, User

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Host variables that a terminal program needs and that tell nothing.
_FROM_HOST = ("TERM",)
#: Left out of --hostenv.
_NEVER_FROM_HOST = frozenset({"VTE_VERSION"})


def from_image(items: object) -> dict[str, str]:
    """The image's ``Env``. An item without ``=`` is dropped: it must never import a host value."""
    if not isinstance(items, list):
        return {}
    pairs = (item.partition("=") for item in items if isinstance(item, str))
    return {name: value for name, equals, value in pairs if equals and name}


def from_options(texts: Sequence[str], host: Mapping[str, str] = os.environ) -> dict[str, str]:
    """``-e``: ``NAME=VALUE``, or ``NAME`` for the host's value, left out when it has none.

    Raises:
        UsageError: the name is empty or holds a NUL.
    """
    env = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or "\0" in text:
            raise UsageError(f"invalid environment variable: {text!r}", "give NAME=VALUE or NAME")
        if equals:
            env[name] = value
        elif name in host:
            env[name] = host[name]
    return env


def from_file(path: str, host: Mapping[str, str] = os.environ) -> dict[str, str]:
    """``--env-file``, as docker reads it: a setting a line, ``#`` lines and empty ones skipped.

    Raises:
        UsageError: the file cannot be read, or a name holds a blank.
    """
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            lines = file.read().splitlines()
    except OSError as error:
        raise UsageError(
            f"cannot read the environment file {path}: {error.strerror}", "check --env-file"
        ) from error
    texts = [line.lstrip() for line in lines]
    texts = [text for text in texts if text and not text.startswith("#")]
    for text in texts:
        name = text.partition("=")[0]
        if not name or any(character.isspace() for character in name):
            raise UsageError(f"invalid variable name {name!r} in {path}", "remove the blanks")
    return from_options(texts, host)


def build(
    container: Container,
    user: User,
    given: Mapping[str, str],
    default_path: str,
    mode: str,
    host_env: bool,
    host: Mapping[str, str] = os.environ,
) -> dict[str, str]:
    """All variables of the program.

    Args:
        container: for the ``container_*`` variables that clients of udocker 1.3 read.
        user: who it runs as.
        given: the image's, the files' and the options' variables, merged.
        default_path: PATH when nothing gives one.
        mode: the execution mode.
        host_env: pass the host's environment too; what is given wins.
    """
    env: dict[str, str] = {}
    if host_env:
        env.update((name, host[name]) for name in host if name not in _NEVER_FROM_HOST)
    env.update((name, host[name]) for name in _FROM_HOST if name in host)
    prompt = "#" if user.uid == 0 else "$"
    made_up = {
        "USER": user.name,
        "LOGNAME": user.name,
        "USERNAME": user.name,
        "PS1": f"{container.id[:8]}{prompt} ",
        "SHLVL": "0",
        "container_ruser": host.get("USER", ""),
        "container_root": container.root,
        "container_uuid": container.id,
        "container_execmode": mode,
        "container_names": ",".join(container.names),
    }
    env.update(made_up)
    env.update(given)
    if "PATH" not in given:
        env["PATH"] = default_path
    if "HOME" not in given:
        env["HOME"] = user.home
    return env
