"""What all readers of tar headers need: the block size, numbers, and names fit for a message."""

from __future__ import annotations

from functools import lru_cache

from udocker_core.errors import IntegrityError


class DamageError(IntegrityError):
    """What is wrong with a layer, as a predicate: whoever knows the layer's name completes it."""


BLOCK = 512  #: bytes; headers and data begin at multiples of it


@lru_cache(maxsize=2048)
def number(field: bytes) -> int:
    """Return the value of a numeric header field: octal digits, or GNU's base 256.

    Raises:
        DamageError: it is neither.
    """
    if field[0] & 0x80:
        bits = 8 * len(field) - 1
        value = int.from_bytes(field, "big") - (1 << bits)
        return value - (1 << bits) if field[0] & 0x40 else value
    digits = field.strip(b"\0 ").partition(b"\0")[0]
    if not digits:
        return 0
    if not digits.isdigit() or max(digits) > 0x37:
        raise DamageError("is no tar archive, or has a damaged header")
    return int(digits, 8)


def shown(name: bytes) -> str:
    """Return `name` as it can be shown in a message: printable and not too long."""
    text = name[:200].decode("utf-8", "backslashreplace")
    return text if text.isprintable() else ascii(text)[1:-1]
