"""Dataclasses from the plain values that TOML and JSON hold, checked field by field."""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from kws.errors import KwsError

T = TypeVar("T")
Readers = Mapping[Any, Callable[[dict[str, Any], str], Any]]
_NO_READERS: Readers = types.MappingProxyType({})


@dataclasses.dataclass(frozen=True)
class Range:
    """The numbers that a setting may have.

    Attributes:
        low: the lowest.
        high: the highest.
        above: whether ``low`` itself is too low.
        below: whether ``high`` itself is too high.
    """

    low: float
    high: float
    above: bool = False
    below: bool = False

    def __contains__(self, value: float) -> bool:
        return (self.low < value if self.above else self.low <= value) and (
            value < self.high if self.below else value <= self.high
        )

    def __str__(self) -> str:
        if not (self.above or self.below):
            return f"{self.low:.10g} to {self.high:.10g}"
        return f"in {'(' if self.above else '['}{self.low:.10g}, {self.high:.10g}{')' if self.below else ']'}"


def number(default: Any, low: float, high: float, *, above: bool = False, below: bool = False) -> Any:
    """A field of a settings dataclass whose number, or each of whose numbers, :func:`require_ranges` bounds.

    Args:
        default: of the field.
        low: as in :class:`Range`.
        high: likewise.
        above: likewise.
        below: likewise.
    """
    return dataclasses.field(default=default, metadata={"range": Range(low, high, above, below)})


def range_of(field: dataclasses.Field[Any]) -> Range | None:
    """What :func:`number` said of a field; None where it was declared otherwise."""
    found = field.metadata.get("range")
    return found if isinstance(found, Range) else None


def require_ranges(section: str, settings: Any) -> None:
    """Refuse a number that is out of its field's range.

    Raises:
        KwsError: names the setting, its range and its value.
    """
    for field in dataclasses.fields(settings):
        allowed, value = range_of(field), getattr(settings, field.name)
        if allowed is None:
            continue
        if isinstance(value, tuple):
            require(
                all(v in allowed for v in value), f"{section}.{field.name} must all be {allowed}, not {list(value)}"
            )
        else:
            require(value in allowed, f"{section}.{field.name} must be {allowed}, not {value}")


def require(ok: bool, message: str) -> None:
    """Raise.

    Raises:
        KwsError: ``message``, unless ``ok``.
    """
    if not ok:
        raise KwsError(message)


def choose(kinds: Mapping[str, type[T]], default: str, values: dict[str, Any], where: str) -> T:
    """Build the dataclass that the key ``kind`` of ``values`` names.

    Args:
        kinds: the dataclasses by name.
        default: the name that stands for itself where there is no such key.
        values: the fields, and perhaps ``kind``.
        where: how to call ``values`` in messages.

    Raises:
        KwsError: no such kind, or as :func:`read`.
    """
    name = values.get("kind", default)
    require(isinstance(name, str) and name in kinds, f"{where}.kind must be one of {', '.join(kinds)}, not {name!r}")
    return read(kinds[name], {key: value for key, value in values.items() if key != "kind"}, where)


def plain(settings: Any, default: str) -> dict[str, Any]:
    """What `choose` made settings of: plain values, ``kind`` left out where it is the default."""
    kind = {} if settings.kind == default else {"kind": settings.kind}
    return {**kind, **dataclasses.asdict(settings)}


def read(kind: type[T], values: dict[str, Any], where: str = "", readers: Readers = _NO_READERS) -> T:
    """Build the dataclass ``kind`` from nested plain values, as TOML or JSON give them.

    Args:
        kind: the dataclass.
        values: the value of each field that is not to have its default.
        where: how to call ``values`` in messages.
        readers: of fields of these types, how to build the value from plain ones and its place.

    Raises:
        KwsError: an unknown key, a value of the wrong type, or one out of its range.
    """
    found = typing.get_type_hints(kind)
    hints = {field.name: found[field.name] for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    arguments: dict[str, Any] = {}
    for key, value in values.items():
        path = f"{where}.{key}" if where else key
        if key not in hints:
            near = difflib.get_close_matches(key, hints, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known keys: {', '.join(hints)}"
            raise KwsError(f"unknown key {path!r}{hint}")
        arguments[key] = _coerce(hints[key], value, path, readers)
    return kind(**arguments)


def _coerce(hint: Any, value: Any, path: str, readers: Readers) -> Any:
    if hint in readers:
        require(isinstance(value, dict), f"{path} must be a section, not {value!r}")
        return readers[hint](value, path)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        require(isinstance(value, dict), f"{path} must be a section, not {value!r}")
        return read(hint, value, path, readers)
    if typing.get_origin(hint) is tuple:
        require(isinstance(value, list | tuple), f"{path} must be a list, not {value!r}")
        element = typing.get_args(hint)[0]
        return tuple(_coerce(element, v, f"{path}[{i}]", readers) for i, v in enumerate(value))
    if isinstance(hint, types.UnionType):
        raise TypeError(f"{path}: unions are not used in configurations")
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            raise KwsError(f"{path} must be a number that fits into 64 bits, not one of so many digits") from None
    require(
        isinstance(value, hint) and not (isinstance(value, bool) and hint is not bool),
        f"{path} must be {_KIND_NAMES.get(hint, hint.__name__)}, not {value!r}",
    )
    return value


_KIND_NAMES = {int: "a whole number", float: "a number", str: "a string", bool: "true or false"}
