"""The run path's JSON reader gives what json gives."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from udocker_core import quickjson

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES, st.sampled_from([None, 4]), st.booleans())
def test_reads_what_json_writes(value: object, indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    content = text.encode("utf-8", "surrogatepass" if not ascii_only else "strict")
    try:
        expected = json.loads(content)
    except ValueError:
        with pytest.raises(ValueError):  # noqa: PT011 (as json: any of its kinds)
            quickjson.loads(content)
        return
    assert quickjson.loads(content) == expected


@pytest.mark.parametrize(
    "content",
    [b"", b" ", b"{", b'{"a"}', b"[1,]", b"1 2", b'"\n"', b"nul", b"'a'", b"\xff", b"[" * 100_000],
)
def test_refuses_what_is_no_json(content: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (as json: any of its kinds)
        quickjson.loads(content)


@pytest.mark.parametrize("content", [b" \n[1]\t\r", b"NaN", b"-Infinity", b"1e5", b'"\\u20ac"'])
def test_reads_what_json_reads(content: bytes) -> None:
    assert repr(quickjson.loads(content)) == repr(json.loads(content))
