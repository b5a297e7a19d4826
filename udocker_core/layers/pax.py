"""The records of pax extended headers (POSIX.1-2017, "pax Extended Header")."""

from __future__ import annotations

from udocker_core.layers.fields import DamageError

#: keyword -> value; GNU's sparse maps repeat two keywords, whose values are joined by commas
Records = dict[bytes, bytes]

_REPEATED = (b"GNU.sparse.offset", b"GNU.sparse.numbytes")
_NAMES = (b"path", b"linkpath", b"GNU.sparse.name")


def parse(data: bytes) -> Records:
    """Return the records in `data`, each of the form ``length keyword=value\\n``.

    Raises:
        DamageError: `data` is something else, or a name holds a NUL.
    """
    records: Records = {}
    position = 0
    while position < len(data):
        blank = data.find(b" ", position, position + 20)
        digits = data[position : max(blank, position)]
        end = position + (int(digits) if digits.isdigit() else 0)
        if end <= max(blank, position) or data[end - 1 : end] != b"\n":
            raise DamageError("has a damaged pax header")
        keyword, equals, value = data[blank + 1 : end - 1].partition(b"=")
        if not keyword or not equals or (keyword in _NAMES and b"\0" in value):
            raise DamageError("has a damaged pax header")
        if keyword in _REPEATED and keyword in records:
            value = records[keyword] + b"," + value
        if value:
            records[keyword] = value
        else:
            records.pop(keyword, None)  # an empty value takes back an earlier one
        position = end
    return records


def merge_global(defaults: Records, records: Records) -> Records:
    """Return the defaults for all members that follow a global header with `records`.

    Only times are taken from it: readers differ on the rest, and a name or a size that holds
    for all members makes no sense but to be read in two ways.

    Raises:
        DamageError: it sets a name, a size or a sparse map.
    """
    for keyword in records:
        if keyword in (b"path", b"linkpath", b"size") or keyword.startswith(b"GNU.sparse."):
            raise DamageError(f"has a global pax header that sets {keyword.decode()!a}")
    if b"mtime" in records:
        return {b"mtime": records[b"mtime"]}
    return defaults


def decimal(value: bytes) -> int:
    """Return the number that `value` spells in decimal digits.

    Raises:
        DamageError: it has another form, or 19 digits or more.
    """
    if not value.isdigit() or len(value) > 18:
        raise DamageError("has a damaged number in a pax header")
    return int(value)


def nanoseconds(value: bytes) -> int:
    """Return the nanoseconds of a time in seconds, such as ``1700000000.123456789``.

    Raises:
        DamageError: it has another form.
    """
    whole, _, fraction = value.partition(b".")
    negative = whole.startswith(b"-")
    time = decimal(whole[negative:]) * 1_000_000_000
    if fraction:
        time += decimal(fraction[:9].ljust(9, b"0"))
    return -time if negative else time
