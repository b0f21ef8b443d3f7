"""Frozen dataclasses that generate their methods on first use.

``dataclasses`` generates ``__init__``, ``__eq__``, ``__hash__``, ``__repr__`` and two guards as
source and compiles them for every imported class. That costs 0.35 ms per class: two thirds of the
time that a checkout handler needed beyond PynamoDB, although one request creates values of some
classes only.

A class decorated with :func:`frozen` has its fields and slots immediately. ``dataclasses``
generates these methods when the first one is called. In all other respects the class is a frozen
dataclass, also for type checkers. See docs/adr/lazy-dataclass-methods.md.
"""

from collections.abc import Callable
from dataclasses import Field, FrozenInstanceError, dataclass, fields
from typing import Any, NoReturn, TypeVar, dataclass_transform, overload

T = TypeVar("T")

_GENERATED_METHODS = ("__init__", "__repr__", "__eq__", "__hash__")


@overload
def frozen(cls: type[T], /) -> type[T]: ...
@overload
def frozen(*, slots: bool = True, kw_only: bool = False) -> Callable[[type[T]], type[T]]: ...
@dataclass_transform(frozen_default=True, field_specifiers=(Field,))
def frozen(
    cls: type[T] | None = None, /, *, slots: bool = True, kw_only: bool = False
) -> type[T] | Callable[[type[T]], type[T]]:
    """Make a class a frozen dataclass. Methods that the class defines itself are kept."""

    def decorate(cls: type[T]) -> type[T]:
        # Without a docstring, dataclasses derives one from the signature: 0.5 ms per class.
        cls.__doc__ = cls.__doc__ or cls.__name__
        lazy_methods = [name for name in _GENERATED_METHODS if name not in vars(cls)]
        decorated = dataclass(init=False, repr=False, eq=False, slots=slots, kw_only=kw_only)(cls)
        for name in lazy_methods:
            setattr(decorated, name, _generate_on_first_call(decorated, lazy_methods, name))
        # The state methods are for slots only: without slots, pickle and copy use __dict__.
        shared_methods = _GUARDS | _STATE_METHODS if slots else _GUARDS
        for name, method in shared_methods.items():
            setattr(decorated, name, method)
        return decorated

    return decorate if cls is None else decorate(cls)


def _generate_on_first_call(cls: type, lazy_methods: list[str], name: str) -> Callable[..., Any]:
    def placeholder(self: Any, *args: Any, **kwargs: Any) -> Any:
        # All methods at once: generating them together costs little more than one of them.
        _generate_methods(cls, lazy_methods)
        return getattr(cls, name)(self, *args, **kwargs)

    placeholder.__name__ = name
    placeholder.__qualname__ = f"{cls.__qualname__}.{name}"
    return placeholder


def _generate_methods(cls: type, lazy_methods: list[str]) -> None:
    """Generate the methods on a twin class with the same fields and copy them to ``cls``.

    ``dataclass()`` cannot process ``cls`` a second time: its slots already exist.
    """
    class_fields: tuple[Field[Any], ...] = fields(cls)
    namespace = {
        "__module__": cls.__module__,
        "__qualname__": cls.__qualname__,
        "__doc__": cls.__doc__,
        "__annotations__": {each.name: each.type for each in class_fields},
        **{each.name: each for each in class_fields},
    }
    # The generated __init__ calls __post_init__ only if the class has one at this time.
    if hasattr(cls, "__post_init__"):
        namespace["__post_init__"] = cls.__post_init__
    undecorated: type = type(cls.__name__, (), namespace)
    twin: type = dataclass(frozen=True, slots="__slots__" in vars(cls))(undecorated)
    for name in lazy_methods:
        setattr(cls, name, vars(twin)[name])


def _reject_change(self: Any, name: str, value: Any = None) -> NoReturn:
    raise FrozenInstanceError(f"Cannot change {name!r} of a frozen {type(self).__name__}.")


def _get_state(self: Any) -> list[Any]:
    return [getattr(self, each.name) for each in fields(self)]


def _set_state(self: Any, state: list[Any]) -> None:
    for each, value in zip(fields(self), state, strict=True):
        object.__setattr__(self, each.name, value)


_GUARDS: dict[str, Callable[..., Any]] = {
    "__setattr__": _reject_change,
    "__delattr__": _reject_change,
}
_STATE_METHODS: dict[str, Callable[..., Any]] = {
    "__getstate__": _get_state,
    "__setstate__": _set_state,
}
"""Required to copy or pickle a frozen value with slots."""
