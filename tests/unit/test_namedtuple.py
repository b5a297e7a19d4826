"""The run path's named tuples are those of typing, as far as anything here uses them."""

from __future__ import annotations

import copy
import pickle
import typing
from collections.abc import Callable
from typing import Any

import pytest

from udocker_core import namedtuple


class Ours(namedtuple.NamedTuple):
    """A value."""

    first: int
    second: str = "two"
    third: tuple[int, ...] = ()

    @property
    def double(self) -> int:
        return self.first * 2

    @classmethod
    def make(cls) -> Any:
        return cls(7)


class Theirs(typing.NamedTuple):
    """A value."""

    first: int
    second: str = "two"
    third: tuple[int, ...] = ()

    @property
    def double(self) -> int:
        return self.first * 2

    @classmethod
    def make(cls) -> Any:
        return cls(7)


ACTIONS: dict[str, Callable[[Any], object]] = {
    "positional": lambda cls: cls(1, "b", (2,)),
    "named": lambda cls: cls(second="b", first=1),
    "defaults": lambda cls: cls(1),
    "repr": lambda cls: repr(cls(1, "b'")).partition("(")[2],
    "equal": lambda cls: (cls(1) == cls(1), cls(1) == (1, "two", ()), cls(1) == cls(2)),
    "hash": lambda cls: hash(cls(1)),
    "replace": lambda cls: cls(1)._replace(second="x", first=9),
    "as a dict": lambda cls: list(cls(1)._asdict().items()),
    "fields": lambda cls: (cls._fields, cls._field_defaults),
    "unpacking": lambda cls: [*cls(1)],
    "property": lambda cls: cls(4).double,
    "class method": lambda cls: cls.make(),
    "kind": lambda cls: type(cls.make()._replace(first=1)) is cls,
    "copy": lambda cls: copy.deepcopy(cls(1)),
    "pickle": lambda cls: pickle.loads(pickle.dumps(cls(1))),
    "doc": lambda cls: cls.__doc__,
    "sorting": lambda cls: sorted([cls(2), cls(1)]),
}
FAULTS: dict[str, Callable[[Any], object]] = {
    "missing": lambda cls: cls(second="b"),
    "too many": lambda cls: cls(1, "b", (), 4),
    "unknown": lambda cls: cls(1, fourth=4),
    "twice": lambda cls: cls(1, first=2),
    "assignment": lambda cls: setattr(cls(1), "first", 2),
    "a new attribute": lambda cls: setattr(cls(1), "fourth", 2),
}


@pytest.mark.parametrize("action", ACTIONS.values(), ids=ACTIONS)
def test_equals_typing(action: Callable[[Any], object]) -> None:
    assert action(Ours) == action(Theirs)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_refuses_what_typing_refuses(fault: Callable[[Any], object]) -> None:
    with pytest.raises((TypeError, AttributeError)) as theirs:
        fault(Theirs)
    with pytest.raises(theirs.type):
        fault(Ours)


def test_replacing_an_unknown_field() -> None:
    with pytest.raises(ValueError, match="fourth"):
        Ours(1)._replace(fourth=4)
