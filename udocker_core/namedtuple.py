"""Named tuples for the run path: ``typing.NamedTuple`` without the import of typing.

typing, and what it imports, cost a quarter of the time that starting a container takes
(docs/adr/0005). To type checkers this is the real one: modules write ::

    TYPE_CHECKING = False
    if TYPE_CHECKING:
        from typing import NamedTuple
    else:
        from udocker_core.namedtuple import NamedTuple

and a test holds the two to the same behaviour.
"""

from __future__ import annotations

from _collections import (  # type: ignore[import-not-found]  # collections does it, too
    _tuplegetter,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class _Values(tuple):  # type: ignore[type-arg]
    """What all classes made from :class:`NamedTuple` have."""

    __slots__ = ()
    _fields: tuple[str, ...] = ()
    _field_defaults: dict[str, Any] = {}  # noqa: RUF012

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Take the fields by position or by name; those left out have their defaults."""
        if len(args) < len(cls._fields):
            defaults = cls._field_defaults
            try:
                args += tuple(
                    [
                        kwargs.pop(name) if name in kwargs else defaults[name]
                        for name in cls._fields[len(args) :]
                    ]
                )
            except KeyError as error:
                raise TypeError(f"{cls.__name__}: missing argument {error}") from None
        if kwargs or len(args) > len(cls._fields):
            raise TypeError(f"{cls.__name__}: unexpected arguments: {list(kwargs) or args!r}")
        return tuple.__new__(cls, args)

    def __repr__(self) -> str:
        pairs = zip(self._fields, self)
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in pairs)})"

    def __getnewargs__(self) -> tuple[Any, ...]:
        return tuple(self)

    def _replace(self, **kwargs: Any) -> Any:
        """A copy with other values for the named fields."""
        values = [kwargs.pop(name, value) for name, value in zip(self._fields, self)]
        if kwargs:
            raise ValueError(f"unexpected field names: {list(kwargs)!r}")
        return tuple.__new__(type(self), values)

    def _asdict(self) -> dict[str, Any]:
        """The values by the names of their fields."""
        return dict(zip(self._fields, self))


class _Meta(type):
    def __new__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> Any:
        fields = tuple(namespace.get("__annotations__", ()))
        namespace["_field_defaults"] = {f: namespace[f] for f in fields if f in namespace}
        namespace["_fields"] = fields
        namespace["__slots__"] = ()
        for index, field in enumerate(fields):
            namespace[field] = _tuplegetter(index, f"Alias for field number {index}")
        return type(name, (_Values,), namespace)


#: The base class to derive from; the result is a plain tuple with named fields.
NamedTuple = type.__new__(_Meta, "NamedTuple", (), {})
