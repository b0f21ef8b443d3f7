"""Frozen values to JSON and back, by their types; what cannot be read is said with its path."""

import types
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, datetime, time
from enum import Enum
from functools import lru_cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from shop.kernel.errors import Problem
from shop.kernel.money import CURRENCIES, Money

T = TypeVar("T")


def to_json(value: Any) -> Any:
    """JSON values of a dataclass; fields that stand at their default are left out."""
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, Money):
        return {"amount": value.minor, "currency": value.currency}
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, (tuple, list)):
        return [to_json(part) for part in value]
    if isinstance(value, frozenset):
        return sorted(value)
    if is_dataclass(value):
        told: dict[str, Any] = {}
        kind = getattr(value, "kind", None)
        if isinstance(kind, str):
            told["kind"] = kind
        for spec in fields(value):
            if not spec.init:
                continue
            part = getattr(value, spec.name)
            if spec.default is MISSING or part != spec.default:
                told[spec.name] = to_json(part)
        return told
    raise TypeError(f"{type(value).__name__} has no JSON form")


def from_json(kind: type[T], raw: object, path: str, problems: list[Problem]) -> T | None:
    """A value of that type from JSON values. Problems are appended; then the result is ``None``."""
    before = len(problems)
    value = _read(kind, raw, path, problems)
    return cast(T, value) if len(problems) == before else None


def _read(kind: Any, raw: Any, path: str, problems: list[Problem]) -> Any:
    origin = get_origin(kind)
    if origin is Union or origin is types.UnionType:
        return _read_union(get_args(kind), raw, path, problems)
    if origin is frozenset:
        values = _read_tuple((*get_args(kind), Ellipsis), raw, path, problems)
        return None if values is None else frozenset(values)
    if origin is tuple:
        return _read_tuple(get_args(kind), raw, path, problems)
    if kind is Money:
        return _read_money(raw, path, problems)
    if kind in (datetime, date, time):
        return _read_time(kind, raw, path, problems)
    if isinstance(kind, type) and issubclass(kind, Enum):
        try:
            return kind(raw)
        except ValueError:
            known = ", ".join(str(member.value) for member in kind)
            problems.append(Problem("value_unknown", f"one of {known}", path))
            return None
    if kind in (bool, int, str):
        if type(raw) is not kind:
            problems.append(Problem("type_wrong", f"expected {_NAMES[kind]}", path))
        return raw
    return _read_object(kind, raw, path, problems)


_NAMES = {bool: "true or false", int: "a whole number", str: "text"}


def _read_union(options: tuple[Any, ...], raw: Any, path: str, problems: list[Problem]) -> Any:
    if raw is None and type(None) in options:
        return None
    real = [option for option in options if option is not type(None)]
    if len(real) == 1:
        return _read(real[0], raw, path, problems)
    kinds = {option.kind: option for option in real}
    if not isinstance(raw, dict):
        problems.append(Problem("type_wrong", "expected an object", path))
        return None
    said = raw.get("kind")
    found = kinds.get(said) if isinstance(said, str) else None
    if found is None:
        problems.append(
            Problem("kind_unknown", f"one of {', '.join(sorted(kinds))}", f"{path}.kind")
        )
        return None
    rest = {name: value for name, value in raw.items() if name != "kind"}
    return _read(found, rest, path, problems)


def _read_tuple(parts: tuple[Any, ...], raw: Any, path: str, problems: list[Problem]) -> Any:
    if not isinstance(raw, (list, tuple)):
        problems.append(Problem("type_wrong", "expected a list", path))
        return None
    if len(parts) == 2 and parts[1] is Ellipsis:
        kinds = [parts[0]] * len(raw)
    elif len(parts) == len(raw):
        kinds = list(parts)
    else:
        problems.append(Problem("type_wrong", f"expected {len(parts)} values", path))
        return None
    return tuple(
        [
            _read(kind, part, f"{path}[{place}]", problems)
            for place, (kind, part) in enumerate(zip(kinds, raw, strict=True))
        ]
    )


def _read_money(raw: Any, path: str, problems: list[Problem]) -> Money | None:
    if not isinstance(raw, dict) or set(raw) != {"amount", "currency"}:
        problems.append(Problem("type_wrong", "expected amount and currency", path))
        return None
    amount, currency = raw["amount"], raw["currency"]
    if type(amount) is not int or not 0 <= amount <= 10**15:
        problems.append(
            Problem("amount_invalid", "expected whole minor units, not negative", f"{path}.amount")
        )
        return None
    if not isinstance(currency, str) or currency not in CURRENCIES:
        problems.append(
            Problem("currency_unknown", f"{currency!r} is no currency", f"{path}.currency")
        )
        return None
    return Money(amount, currency)


def _read_time(kind: Any, raw: Any, path: str, problems: list[Problem]) -> Any:
    try:
        value = kind.fromisoformat(raw)
    except (TypeError, ValueError):
        problems.append(Problem("time_invalid", f"expected an ISO 8601 {kind.__name__}", path))
        return None
    if kind is datetime and value.tzinfo is None:
        problems.append(Problem("time_invalid", "an instant names its offset", path))
    if kind is time and value.tzinfo is not None:
        problems.append(Problem("time_invalid", "a time of day has no offset", path))
    return value


@lru_cache(maxsize=128)
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _read_object(kind: Any, raw: Any, path: str, problems: list[Problem]) -> Any:
    if not isinstance(raw, dict):
        problems.append(Problem("type_wrong", "expected an object", path))
        return None
    hints = _hints(kind)
    specs = {spec.name: spec for spec in fields(kind) if spec.init}
    before = len(problems)
    problems.extend(
        Problem("field_unknown", f"no field {name!r}", f"{path}.{name}")
        for name in raw
        if name not in specs
    )
    values = {}
    for name, spec in specs.items():
        if name in raw:
            values[name] = _read(hints[name], raw[name], f"{path}.{name}", problems)
        elif spec.default is MISSING and spec.default_factory is MISSING:
            problems.append(Problem("field_missing", f"{name} is needed", f"{path}.{name}"))
    return kind(**values) if len(problems) == before else None
