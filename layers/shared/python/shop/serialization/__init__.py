"""Conversion of frozen dataclasses to JSON values and back, driven by their type annotations.

:func:`to_json` and :func:`from_json` are inverse. Reading validates: it reports every problem of a
document at once, each with its JSONPath. Models, stores and schemas may use this package; it
depends on the standard library and ``shop.kernel`` only. See docs/adr/serialization.md.

Supported types: ``bool``, ``int``, ``str``, ``None``, ``Enum``, ``Money``, ``datetime``, ``date``,
``time``, ``tuple``, ``frozenset``, dataclasses, optional types, and unions of dataclasses that have
a class attribute ``kind``.
"""

import types
from collections.abc import Callable, Hashable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import date, datetime, time
from enum import Enum
from functools import lru_cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from shop.kernel.errors import Problem
from shop.kernel.money import CURRENCIES, Money

T = TypeVar("T")


def to_json(value: Any) -> Any:
    """Return the JSON form of a value. A dataclass omits fields that equal their default.

    Raises ``TypeError`` for an unsupported type.
    """
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, Money):
        return {"amount": value.minor, "currency": value.currency}
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, (tuple, list)):
        return [to_json(item) for item in value]
    if isinstance(value, frozenset):
        # Sorted, so that equal values have equal documents.
        return sorted(value)
    if is_dataclass(value):
        return _dataclass_to_json(value)
    raise TypeError(f"{type(value).__name__} has no JSON form.")


def _dataclass_to_json(value: Any) -> dict[str, Any]:
    document: dict[str, Any] = {}
    kind = getattr(value, "kind", None)
    # A class attribute, not a field: it distinguishes the members of a union.
    if isinstance(kind, str):
        document["kind"] = kind
    for field in fields(value):
        if not field.init:
            continue
        item = getattr(value, field.name)
        if field.default is MISSING or item != field.default:
            document[field.name] = to_json(item)
    return document


def from_json(cls: type[T], raw: object, path: str, problems: list[Problem]) -> T | None:
    """Return a value of type ``cls`` from its JSON form.

    ``path`` is the JSONPath of ``raw``. All problems are appended to ``problems``; if there are
    any, the result is ``None``.
    """
    known = len(problems)
    value = _read(cls, raw, path, problems)
    return cast(T, value) if len(problems) == known else None


def _read(annotation: Any, raw: Any, path: str, problems: list[Problem]) -> Any:
    """Read one value. After a problem, the result is any value: the caller checks ``problems``."""
    read_generic = _READERS_BY_ORIGIN.get(get_origin(annotation))
    if read_generic is not None:
        return read_generic(get_args(annotation), raw, path, problems)
    if annotation is Money:
        return _read_money(raw, path, problems)
    if annotation in (datetime, date, time):
        return _read_time(annotation, raw, path, problems)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return _read_enum(annotation, raw, path, problems)
    if annotation in _SCALAR_NAMES:
        # The exact type: in Python, True is an int.
        if type(raw) is not annotation:
            problems.append(_wrong_type(_SCALAR_NAMES[annotation], path))
        return raw
    return _read_object(annotation, raw, path, problems)


_SCALAR_NAMES = {bool: "true or false", int: "a whole number", str: "text"}


def _wrong_type(expected: str, path: str) -> Problem:
    return Problem("wrong_type", f"Must be {expected}.", path)


def _read_enum(cls: type[Enum], raw: Any, path: str, problems: list[Problem]) -> Enum | None:
    try:
        return cls(raw)
    except ValueError:
        members = ", ".join(str(member.value) for member in cls)
        problems.append(Problem("value_unknown", f"Must be one of {members}.", path))
        return None


def _read_union(options: tuple[Any, ...], raw: Any, path: str, problems: list[Problem]) -> Any:
    """Read an optional value, or the member of a union that the field ``kind`` names."""
    if raw is None and type(None) in options:
        return None
    classes = [option for option in options if option is not type(None)]
    if len(classes) == 1:
        return _read(classes[0], raw, path, problems)
    if not isinstance(raw, dict):
        problems.append(_wrong_type("an object", path))
        return None
    class_by_kind = {cls.kind: cls for cls in classes}
    kind = raw.get("kind")
    # isinstance: an unhashable kind, such as a list, must not fail the lookup.
    cls = class_by_kind.get(kind) if isinstance(kind, str) else None
    if cls is None:
        kinds = ", ".join(sorted(class_by_kind))
        problems.append(Problem("value_unknown", f"Must be one of {kinds}.", f"{path}.kind"))
        return None
    members = {name: value for name, value in raw.items() if name != "kind"}
    return _read(cls, members, path, problems)


def _read_frozenset(
    arguments: tuple[Any, ...], raw: Any, path: str, problems: list[Problem]
) -> frozenset[Any] | None:
    items = _read_tuple((*arguments, Ellipsis), raw, path, problems)
    # An invalid item has its problem already, and may be a list, which no set can contain.
    return (
        None if items is None else frozenset(each for each in items if isinstance(each, Hashable))
    )


def _read_tuple(
    arguments: tuple[Any, ...], raw: Any, path: str, problems: list[Problem]
) -> tuple[Any, ...] | None:
    if not isinstance(raw, (list, tuple)):
        problems.append(_wrong_type("a list", path))
        return None
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        annotations = [arguments[0]] * len(raw)
    elif len(arguments) == len(raw):
        annotations = list(arguments)
    else:
        problems.append(_wrong_type(f"a list of {len(arguments)} values", path))
        return None
    return tuple(
        [
            _read(annotation, item, f"{path}[{index}]", problems)
            for index, (annotation, item) in enumerate(zip(annotations, raw, strict=True))
        ]
    )


_READERS_BY_ORIGIN: Mapping[Any, Callable[[tuple[Any, ...], Any, str, list[Problem]], Any]] = {
    Union: _read_union,
    types.UnionType: _read_union,
    frozenset: _read_frozenset,
    tuple: _read_tuple,
}


def _read_money(raw: Any, path: str, problems: list[Problem]) -> Money | None:
    if not isinstance(raw, dict) or set(raw) != {"amount", "currency"}:
        problems.append(_wrong_type("an object with amount and currency", path))
        return None
    amount, currency = raw["amount"], raw["currency"]
    if type(amount) is not int or not 0 <= amount <= 10**15:
        detail = "Must be a whole number of minor units, 0 or more."
        problems.append(Problem("amount_invalid", detail, f"{path}.amount"))
        return None
    if not isinstance(currency, str) or currency not in CURRENCIES:
        detail = "Must be an ISO 4217 currency code, such as USD or EUR."
        problems.append(Problem("currency_unknown", detail, f"{path}.currency"))
        return None
    return Money(amount, currency)


def _read_time(cls: Any, raw: Any, path: str, problems: list[Problem]) -> Any:
    """Read a date, a time of day, or an instant."""
    try:
        value = cls.fromisoformat(raw)
    except (TypeError, ValueError):
        detail = f"Must be an ISO 8601 {cls.__name__}."
        problems.append(Problem("time_invalid", detail, path))
        return None
    if cls is datetime and value.tzinfo is None:
        problems.append(Problem("time_invalid", "Must include a UTC offset.", path))
    if cls is time and value.tzinfo is not None:
        problems.append(Problem("time_invalid", "Must be a time without a UTC offset.", path))
    return value


@lru_cache(maxsize=128)
def _init_fields(cls: type) -> Mapping[str, tuple[Any, Field[Any]]]:
    """Return the annotation and the field of each ``__init__`` parameter.

    Cached, because resolving annotations takes longer than reading most objects.
    """
    hints = get_type_hints(cls)
    return {field.name: (hints[field.name], field) for field in fields(cls) if field.init}


def _read_object(cls: Any, raw: Any, path: str, problems: list[Problem]) -> Any:
    if not isinstance(raw, dict):
        problems.append(_wrong_type("an object", path))
        return None
    init_fields = _init_fields(cls)
    known = len(problems)
    problems.extend(
        Problem("unknown_field", f"Unknown field {name!r}.", f"{path}.{name}")
        for name in raw
        if name not in init_fields
    )
    values = {}
    for name, (annotation, field) in init_fields.items():
        if name in raw:
            values[name] = _read(annotation, raw[name], f"{path}.{name}", problems)
        elif field.default is MISSING and field.default_factory is MISSING:
            problems.append(Problem("missing", f"{name} is required.", f"{path}.{name}"))
    # Without this check, __init__ would get values that do not fit its annotations.
    return cls(**values) if len(problems) == known else None
