"""Frozen values behave like frozen dataclasses; their methods are generated on first use."""

import copy
import pickle
from dataclasses import FrozenInstanceError, dataclass, field, fields, is_dataclass, replace
from typing import Any, Generic, TypeVar

import pytest

from shop.kernel.frozen import frozen

T = TypeVar("T")


class _WithWeight:
    def __post_init__(self: Any) -> None:
        if self.units < 1:
            raise ValueError("Units must be 1 or more.")
        object.__setattr__(self, "weight", 10 * self.units)


@frozen(slots=False)
class Parcel(_WithWeight, Generic[T]):
    """A parcel."""

    sku: T
    units: int = 1
    notes: tuple[str, ...] = field(default=(), compare=False)
    labels: list[str] = field(default_factory=list, repr=False)
    weight: int = field(init=False, default=0)


@dataclass(frozen=True)
class StandardParcel(_WithWeight, Generic[T]):
    """The same class, made by ``dataclasses``."""

    sku: T
    units: int = 1
    notes: tuple[str, ...] = field(default=(), compare=False)
    labels: list[str] = field(default_factory=list, repr=False)
    weight: int = field(init=False, default=0)


@frozen(kw_only=True)
class Label:
    text: str
    size: int = 1


@frozen
class Point:
    x: int
    y: int = 0


def unused_class() -> Any:
    """Return a class that has no value yet, hence no generated methods."""

    @frozen
    class Unused:
        x: int
        y: tuple[int, ...] = ()

    return Unused


def test_value_equals_a_standard_frozen_dataclass() -> None:
    ours, standard = Parcel("A", 2, ("n",)), StandardParcel("A", 2, ("n",))
    assert repr(ours) == repr(standard).replace("StandardParcel", "Parcel")
    assert [each.name for each in fields(ours)] == [each.name for each in fields(standard)]
    assert (ours.weight, ours.labels, ours.notes) == (
        standard.weight,
        standard.labels,
        standard.notes,
    )
    assert is_dataclass(Parcel)
    assert vars(Parcel)["__match_args__"] == vars(StandardParcel)["__match_args__"]
    assert not hasattr(Point(1), "__dict__")
    assert (Parcel.__doc__, Point.__doc__) == ("A parcel.", "Point")


def test_equality_uses_compared_fields_and_the_class() -> None:
    assert Parcel("A", 1, ("n",)) == Parcel("A", 1, ())
    assert Parcel("A") != Parcel("B")
    other: object = StandardParcel("A")
    assert Parcel("A") != other
    assert len({Point(1), Point(1), Point(2)}) == 2


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda cls, value: cls(1) == value, id="init"),
        pytest.param(lambda cls, value: value == cls(1), id="eq"),
        pytest.param(lambda cls, value: hash(value) == hash(cls(1)), id="hash"),
        pytest.param(lambda cls, value: repr(value).endswith("Unused(x=1, y=())"), id="repr"),
    ],
)
def test_first_call_of_any_method_generates_all_methods(call: Any) -> None:
    cls = unused_class()
    # Bypass __init__, so that the method under test is the first one called.
    value = object.__new__(cls)
    object.__setattr__(value, "x", 1)
    object.__setattr__(value, "y", ())
    assert call(cls, value)
    assert cls(2).x == 2


def test_fields_cannot_be_set_or_deleted() -> None:
    point = Point(1)
    with pytest.raises(FrozenInstanceError):
        point.x = 2  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        del point.x
    assert (point, replace(point, y=5)) == (Point(1), Point(1, 5))


def test_invalid_arguments_fail_on_the_first_call_and_later() -> None:
    cls = unused_class()
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        cls()
    with pytest.raises(TypeError, match="unexpected keyword argument"):
        cls(x=1, z=2)
    with pytest.raises(TypeError):
        Label("a")  # type: ignore[call-arg]
    assert Label(text="a").size == 1
    with pytest.raises(ValueError, match="1 or more"):
        Parcel("A", 0)


def test_value_can_be_copied_and_pickled() -> None:
    point = Point(3, 4)
    assert copy.copy(point) == copy.deepcopy(point) == pickle.loads(pickle.dumps(point)) == point  # noqa: S301


def test_match_statement_binds_fields() -> None:
    match Point(3, 4):
        case Point(x, y):
            assert (x, y) == (3, 4)


def test_methods_are_generated_once() -> None:
    cls = unused_class()
    placeholder = cls.__init__
    cls(1)
    generated = cls.__init__
    cls(2)
    assert placeholder is not generated is cls.__init__
    assert generated.__code__.co_varnames[:3] == ("self", "x", "y")
