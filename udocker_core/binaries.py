"""The programs that engines start: their own, which came in their wheel, and the host's.

Finding one costs two ``stat`` calls and imports nothing, as it is on the run path; comparing with
the wheel's manifest is for ``udocker doctor``.

A wheel's build hook puts the programs and ``engines.json`` into one directory. The manifest is an
object with the list ``programs``, each an object with ``path`` (relative to the manifest),
``sha256``, ``size`` (bytes), ``version``, ``licence``, ``arch`` (as ``uname -m``) and ``build``
(the command).
"""

from __future__ import annotations

import os
import stat

from udocker_core.errors import EngineError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

MANIFEST = "engines.json"


def own_program(directory: str, name: str) -> str:
    """The path of an engine's own program, if it is safe to execute.

    Args:
        directory: the directory of the engine's manifest.
        name: the program's file name.

    Raises:
        EngineError: it is missing, or others than its owner or root can change it, or it is setuid
            or setgid: no engine's program is built for rights of another user.
    """
    path = os.path.join(directory, name)
    try:
        _check_safe(directory)
        if _check_safe(path) & (stat.S_ISUID | stat.S_ISGID):
            raise PermissionError(1, "it is setuid or setgid", path)
    except FileNotFoundError:
        raise EngineError(
            f"the engine's program is missing: {path}", "reinstall the engine's package"
        ) from None
    except OSError as error:
        raise EngineError(
            f"cannot use the engine's program {path}: {error.strerror}",
            "reinstall the engine's package",
        ) from error
    if not os.access(path, os.X_OK):
        raise EngineError(
            f"the engine's program cannot be executed: {path}",
            "reinstall the engine's package where programs may be executed",
        )
    return path


def host_program(names: Iterable[str]) -> str:
    """The absolute path of the first of `names` that is a program in PATH, or ``""``."""
    directories = os.environ.get("PATH", os.defpath).split(os.pathsep)
    for name in names:
        for directory in directories:
            path = os.path.join(directory, name)
            # A relative element of PATH would find programs in the current directory.
            if os.path.isabs(path) and _is_program(path):
                return path
    return ""


def chosen_program(setting: str, key: str) -> str:
    """The absolute path of the program that a setting names.

    Args:
        setting: an absolute path, or a name to be looked up in PATH.
        key: the setting's key, for messages.

    Raises:
        EngineError: there is no such program, or others than its owner or root can change it.
    """
    hint = f"correct {key} (UDOCKER_{key.upper()})"
    path = setting
    if "/" not in setting:
        path = host_program([setting])
    if not os.path.isabs(path) or not _is_program(path):
        raise EngineError(f"no such program: {setting}", hint)
    try:
        _check_safe(path)
    except OSError as error:
        raise EngineError(f"cannot use {path}: {error.strerror}", hint) from error
    return path


def read_manifest(directory: str) -> list[dict[str, Any]]:
    """The entries of a wheel's manifest.

    Raises:
        EngineError: it is missing or is no manifest.
    """
    import json

    path = os.path.join(directory, MANIFEST)
    try:
        with open(path, encoding="utf-8") as file:
            programs = json.load(file)["programs"]
        return [dict(program) for program in programs]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EngineError(
            f"cannot read the engine's manifest {path}", "reinstall the engine's package"
        ) from error


def verify(directory: str) -> list[str]:
    """Compare an engine's programs with its manifest.

    Returns:
        a line for each program that is not as it was built; empty when all is well.

    Raises:
        EngineError: there is no manifest.
    """
    import hashlib

    faults = []
    for program in read_manifest(directory):
        path = os.path.join(directory, program["path"])
        try:
            with open(own_program(directory, program["path"]), "rb") as file:
                digest = hashlib.sha256(file.read()).hexdigest()
        except EngineError as error:
            faults.append(error.message)
            continue
        except OSError as error:
            faults.append(f"cannot read {path}: {error.strerror}")
            continue
        if digest != program["sha256"]:
            faults.append(f"{path} is not the program that was built: its SHA-256 differs")
        elif program["arch"] != os.uname().machine:
            faults.append(f"{path} is for {program['arch']}, this host is {os.uname().machine}")
    return faults


def _is_program(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)


def _check_safe(path: str) -> int:
    """The mode of a file or directory; PermissionError when others can change it.

    Writable for a group is all right when it is the user's own: with umask 002, which several
    distributions set, pip installs every file so.
    """
    status = os.stat(path)
    mode = status.st_mode
    if status.st_uid not in (0, os.geteuid()):
        raise PermissionError(1, "it belongs to another user", path)
    if mode & 0o002 or (mode & 0o020 and status.st_gid not in (0, os.getegid())):
        raise PermissionError(1, "other users can write to it", path)
    return mode
