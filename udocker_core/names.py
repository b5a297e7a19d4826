"""Names of images.

The grammar of image names is docker's (github.com/distribution/reference): host, repository, tag
and digest, with ``docker.io``, ``library/`` and ``latest`` understood where they are left out.
"""

from __future__ import annotations

import re

from udocker_core.digest import Digest
from udocker_core.errors import InvalidReference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple
else:
    from udocker_core.namedtuple import NamedTuple

DEFAULT_REGISTRY = "docker.io"
DEFAULT_NAMESPACE = "library/"
DEFAULT_TAG = "latest"

_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_HOST = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]{{1,5}})?")
_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}")
_BARE_ID = re.compile(r"[0-9a-f]{64}")

_LONGEST_REPOSITORY = 255
_EXAMPLE = "image names look like ubuntu:24.04, user/image:tag or host:5000/project/image:tag"


class Reference(NamedTuple):
    """The name of an image, complete: nothing is left to be understood."""

    registry: str  #: host and perhaps port, ``docker.io`` for Docker Hub
    repository: str  #: ``library/ubuntu``
    tag: str = ""  #: empty only when there is a digest
    digest: Digest | None = None

    @property
    def familiar(self) -> str:
        """The short form that docker prints, such as ``ubuntu:24.04`` or ``quay.io/a/b:1``."""
        name = self.repository
        if self.registry != DEFAULT_REGISTRY:
            name = f"{self.registry}/{name}"
        elif name.startswith(DEFAULT_NAMESPACE) and name.count("/") == 1:
            name = name[len(DEFAULT_NAMESPACE) :]
        return name + self._suffix

    @property
    def canonical(self) -> str:
        """The complete form, such as ``docker.io/library/ubuntu:24.04``."""
        return f"{self.registry}/{self.repository}{self._suffix}"

    @property
    def identifier(self) -> str:
        """What a registry is asked for: the digest, or else the tag."""
        return self.digest or self.tag

    @property
    def _suffix(self) -> str:
        return (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")


def parse(text: str) -> Reference:
    """Read the name of an image as docker does.

    Args:
        text: such as ``ubuntu``, ``quay.io/a/b:1`` or ``host:5000/x:1@sha256:...``.

    Raises:
        InvalidReference: the text is no such name; the message says what is wrong with it.
    """
    if not text:
        raise InvalidReference("the image name is empty", _EXAMPLE)
    scheme, separator, rest = text.partition("://")
    if separator:
        raise InvalidReference(
            f"invalid image name {text!r}: it starts with {scheme}://",
            f"leave {scheme}:// out, or give the registry with --registry={scheme}://"
            + rest.partition("/")[0],
        )
    if _BARE_ID.fullmatch(text):
        raise _invalid(text, "64 hexadecimal digits are an id, not a name", f"try @sha256:{text}")
    remainder, at, digest_text = text.partition("@")
    digest = _digest(text, digest_text) if at else None
    registry, path = _split_registry(remainder)
    repository, colon, tag = path.partition(":")
    if colon and not _TAG.fullmatch(tag):
        raise _invalid(
            text,
            f"the tag {tag!r} is not a tag",
            "a tag has letters, digits, '_', '.' and '-', and at most 128 of them",
        )
    if not _HOST.fullmatch(registry):
        raise _invalid(text, f"{registry!r} is not a host name")
    if registry == DEFAULT_REGISTRY and "/" not in repository:
        repository = DEFAULT_NAMESPACE + repository
    if not _REPOSITORY.fullmatch(repository):
        if repository != repository.lower() and _REPOSITORY.fullmatch(repository.lower()):
            raise _invalid(text, "a repository has no upper-case letters", f"try {text.lower()}")
        raise _invalid(text, f"{path.partition(':')[0]!r} is not a repository")
    if len(registry) + len(repository) + 1 > _LONGEST_REPOSITORY:
        raise _invalid(text[:60] + "...", f"it is longer than {_LONGEST_REPOSITORY} characters")
    return Reference(registry, repository, tag or ("" if digest else DEFAULT_TAG), digest)


def _split_registry(text: str) -> tuple[str, str]:
    """Docker's rule: the first part is a host if it could not be part of a Docker Hub name."""
    first, slash, rest = text.partition("/")
    is_host = "." in first or ":" in first or first == "localhost" or first != first.lower()
    if not slash or not is_host:
        return DEFAULT_REGISTRY, text
    if first == "index." + DEFAULT_REGISTRY:
        first = DEFAULT_REGISTRY
    return first, rest


def _digest(text: str, digest: str) -> Digest:
    try:
        return Digest(digest)
    except InvalidReference as error:
        raise _invalid(text, error.message, error.hint) from None


def _invalid(text: str, reason: str, hint: str | None = None) -> InvalidReference:
    return InvalidReference(f"invalid image name {text!r}: {reason}", hint or _EXAMPLE)
