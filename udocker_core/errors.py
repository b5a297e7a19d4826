"""The errors that udocker reports.

Every failure that a user can meet is a :class:`UdockerError`: a message that names the thing,
a hint that names the remedy, and an exit code. The command line prints them in one place
(``cli.main``); nothing below it prints or exits.
"""

from __future__ import annotations


class UdockerError(Exception):
    """A failure with a message for a person.

    Args:
        message: one line, without a final period, that names the thing that failed.
        hint: one line that names the remedy, or None.
    """

    #: The command's exit status. ``run`` turns 1 into docker's 125.
    exit_code = 1

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message


class UsageError(UdockerError):
    """The command line is wrong; as with docker, nothing was done."""

    exit_code = 125


class ConfigError(UdockerError):
    """A configuration file or variable holds a value that cannot be used."""


class InvalidReference(UdockerError):
    """An image name, digest or container name does not follow the grammar."""


class NotFound(UdockerError):
    """No such image, container, tag or blob, here or in the registry."""


class Conflict(UdockerError):
    """The name is taken, or the object is protected or in use."""


class RegistryError(UdockerError):
    """The registry could not be reached, or answered with an error."""


class Unauthorized(RegistryError):
    """The registry refused the credentials, or wants some."""


class IntegrityError(UdockerError):
    """Bytes do not match their digest or size, or are no valid manifest, archive or layer."""


class UnsafeLayer(IntegrityError):
    """A layer tries to reach outside the root, or exceeds a limit."""


class StoreError(UdockerError):
    """The store cannot be read, written or locked."""


class EngineError(UdockerError):
    """The engine is missing, or cannot run here, or cannot do what was asked."""


class CommandNotFound(UdockerError):
    """The command does not exist in the container (docker's exit code 127)."""

    exit_code = 127


class CommandNotExecutable(UdockerError):
    """The command exists in the container and cannot be executed (docker's exit code 126)."""

    exit_code = 126
