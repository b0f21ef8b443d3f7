"""Frozen dataclasses whose methods are compiled when the first value is made.

``dataclasses`` writes ``__init__``, ``__eq__``, ``__hash__``, ``__repr__`` and two guards as source
and compiles them for every class that is imported: 0.35 ms each, two thirds of what a shopper's
door takes to start, though a request makes values of some of them only. A class that is
:func:`frozen` has its fields and slots at once and gets these methods, from ``dataclasses`` itself,
on first use. Otherwise it is a frozen dataclass, to type checkers too.
"""

from collections.abc import Callable
from dataclasses import Field, FrozenInstanceError, dataclass, fields
from typing import Any, NoReturn, TypeVar, dataclass_transform, overload

T = TypeVar("T")

_WRITTEN = ("__init__", "__repr__", "__eq__", "__hash__")


@overload
def frozen(cls: type[T], /) -> type[T]: ...
@overload
def frozen(*, slots: bool = True, kw_only: bool = False) -> Callable[[type[T]], type[T]]: ...
@dataclass_transform(frozen_default=True, field_specifiers=(Field,))
def frozen(
    cls: type[T] | None = None, /, *, slots: bool = True, kw_only: bool = False
) -> type[T] | Callable[[type[T]], type[T]]:
    """A frozen dataclass, complete on first use. What a class defines itself stays as it is."""

    def made(cls: type[T]) -> type[T]:
        # Without one, dataclasses reads the signature to make it up, slower than all the rest.
        cls.__doc__ = cls.__doc__ or cls.__name__
        own = [name for name in _WRITTEN if name not in vars(cls)]
        shape = dataclass(init=False, repr=False, eq=False, slots=slots, kw_only=kw_only)(cls)
        for name in own:
            setattr(shape, name, _on_first_use(shape, own, name))
        more = _GUARDS if not slots else _GUARDS | _STATE
        for name, method in more.items():
            setattr(shape, name, method)
        return shape

    return made if cls is None else made(cls)


def _on_first_use(shape: type, own: list[str], name: str) -> Callable[..., Any]:
    def complete(self: Any, *given: Any, **named: Any) -> Any:
        _complete(shape, own)
        return getattr(shape, name)(self, *given, **named)

    complete.__name__ = name
    complete.__qualname__ = f"{shape.__qualname__}.{name}"
    return complete


def _complete(shape: type, own: list[str]) -> None:
    """Have ``dataclasses`` write the methods for a twin of the same fields, and take them over."""
    parts: tuple[Field[Any], ...] = fields(shape)
    body = {
        "__module__": shape.__module__,
        "__qualname__": shape.__qualname__,
        "__doc__": shape.__doc__,
        "__annotations__": {part.name: part.type for part in parts},
        **{part.name: part for part in parts},
    }
    if hasattr(shape, "__post_init__"):
        body["__post_init__"] = shape.__post_init__
    blank: type = type(shape.__name__, (), body)
    twin: type = dataclass(frozen=True, slots="__slots__" in vars(shape))(blank)
    for name in own:
        setattr(shape, name, vars(twin)[name])


def _frozen(self: Any, name: str, value: Any = None) -> NoReturn:
    raise FrozenInstanceError(f"cannot change {name!r} of a {type(self).__name__}")


def _state(self: Any) -> list[Any]:
    return [getattr(self, part.name) for part in fields(self)]


def _restore(self: Any, state: list[Any]) -> None:
    for part, value in zip(fields(self), state, strict=True):
        object.__setattr__(self, part.name, value)


_GUARDS: dict[str, Callable[..., Any]] = {"__setattr__": _frozen, "__delattr__": _frozen}
_STATE: dict[str, Callable[..., Any]] = {"__getstate__": _state, "__setstate__": _restore}
"""Without these a frozen value with slots cannot be copied or sent to another process."""
