"""Reading small JSON files on the run path, without the import of json.

json imports re, which imports enum and functools: more than reading the file is worth
(docs/adr/0005). Its scanner in C needs none of them.
"""

from __future__ import annotations

from _json import make_scanner

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_BLANKS = " \t\n\r"  # RFC 8259, section 2


class _Settings:
    """What the scanner asks its decoder for; as json.JSONDecoder() has it."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float = float
    parse_int = int
    memo: dict[str, str] = {}  # noqa: RUF012

    @staticmethod
    def parse_constant(text: str) -> float:
        """NaN and the infinities, which json reads too."""
        return float(text)


def loads(content: bytes) -> Any:
    """The value of a JSON document in UTF-8 without a byte order mark, as json.loads gives it.

    Raises:
        ValueError: it is none.
    """
    scan: Any = make_scanner(_Settings())  # type: ignore[arg-type]
    text = content.decode()
    try:
        value, end = scan(text, len(text) - len(text.lstrip(_BLANKS)))
    except (StopIteration, RecursionError) as error:
        raise ValueError(f"no JSON value: {error!r}") from None
    if text[end:].strip(_BLANKS):
        raise ValueError(f"more than one JSON value, at character {end}")
    return value
