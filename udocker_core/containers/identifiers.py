"""Ids and names of containers."""

from __future__ import annotations

import os

from udocker_core.errors import InvalidReference

_ID_GROUPS = (8, 4, 4, 4, 12)
_HEXADECIMAL = frozenset("0123456789abcdef-")
_LONGEST = 255  # bytes; a container's name is a file name in the store


def new_id() -> str:
    """A fresh container id: a version 4 UUID (RFC 9562, section 5.4)."""
    digits = list(os.urandom(16).hex())
    digits[12] = "4"
    digits[16] = "89ab"[int(digits[16], 16) & 3]
    text = "".join(digits)
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def is_container_id(text: str) -> bool:
    """Tell whether `text` has the form of the ids that containers get."""
    groups = tuple([len(group) for group in text.split("-")])
    return groups == _ID_GROUPS and _HEXADECIMAL.issuperset(text)


def check_container_name(name: str) -> None:
    """Check a name that a container is to have.

    Raises:
        InvalidReference: it cannot be a name; the message says why.
    """
    reason = ""
    if not name:
        reason = "it is empty"
    elif name.startswith("-"):
        reason = "it starts with '-'"
    elif any(character in "/. []" or not character.isprintable() for character in name):
        reason = "it has one of '/', '.', '[', ']', a blank or a control character"
    elif len(os.fsencode(name)) > _LONGEST:
        reason = f"it is longer than {_LONGEST} bytes"
    elif is_container_id(name):
        reason = "it looks like a container id"
    if reason:
        raise InvalidReference(
            f"invalid container name {name[:80]!r}: {reason}",
            "use letters, digits, '_' and '-'",
        )
