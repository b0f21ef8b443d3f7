"""Frozen values behave as frozen dataclasses do, though their methods are written on first use."""

import copy
import pickle
from dataclasses import FrozenInstanceError, dataclass, field, fields, is_dataclass, replace
from typing import Any, Generic, TypeVar

import pytest

from shop.kernel.frozen import frozen

T = TypeVar("T")


class _Weighed:
    def __post_init__(self: Any) -> None:
        if self.units < 1:
            raise ValueError("at least one")
        object.__setattr__(self, "weight", 10 * self.units)


@frozen(slots=False)
class Parcel(_Weighed, Generic[T]):
    """A parcel."""

    sku: T
    units: int = 1
    notes: tuple[str, ...] = field(default=(), compare=False)
    marks: list[str] = field(default_factory=list, repr=False)
    weight: int = field(init=False, default=0)


@dataclass(frozen=True)
class Usual(_Weighed, Generic[T]):
    """What dataclasses makes of the same."""

    sku: T
    units: int = 1
    notes: tuple[str, ...] = field(default=(), compare=False)
    marks: list[str] = field(default_factory=list, repr=False)
    weight: int = field(init=False, default=0)


@frozen(kw_only=True)
class Sign:
    text: str
    size: int = 1


@frozen
class Point:
    x: int
    y: int = 0


def fresh() -> Any:
    """A class that nobody made a value of yet."""

    @frozen
    class Fresh:
        x: int
        y: tuple[int, ...] = ()

    return Fresh


def test_a_value_is_what_a_frozen_dataclass_would_be() -> None:
    ours, usual = Parcel("A", 2, ("n",)), Usual("A", 2, ("n",))
    assert repr(ours) == repr(usual).replace("Usual", "Parcel")
    assert [part.name for part in fields(ours)] == [part.name for part in fields(usual)]
    assert (ours.weight, ours.marks, ours.notes) == (usual.weight, usual.marks, usual.notes)
    assert is_dataclass(Parcel)
    assert vars(Parcel)["__match_args__"] == vars(Usual)["__match_args__"]
    assert not hasattr(Point(1), "__dict__")
    assert (Parcel.__doc__, Point.__doc__) == ("A parcel.", "Point")


def test_values_are_equal_by_what_is_compared_and_never_to_another_kind() -> None:
    assert Parcel("A", 1, ("n",)) == Parcel("A", 1, ())
    assert Parcel("A") != Parcel("B")
    other: object = Usual("A")
    assert Parcel("A") != other
    assert len({Point(1), Point(1), Point(2)}) == 2


@pytest.mark.parametrize(
    "use",
    [
        lambda kind, one: kind(1) == one,
        lambda kind, one: one == kind(1),
        lambda kind, one: hash(one) == hash(kind(1)),
        lambda kind, one: repr(one).endswith("Fresh(x=1, y=())"),
    ],
)
def test_whichever_method_comes_first_completes_the_class(use: Any) -> None:
    kind = fresh()
    one = object.__new__(kind)
    object.__setattr__(one, "x", 1)
    object.__setattr__(one, "y", ())
    assert use(kind, one)
    assert kind(2).x == 2


def test_nothing_of_it_can_be_changed() -> None:
    point = Point(1)
    with pytest.raises(FrozenInstanceError):
        point.x = 2  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        del point.x
    assert (point, replace(point, y=5)) == (Point(1), Point(1, 5))


def test_what_is_wrong_is_refused_on_the_first_call_as_on_any() -> None:
    kind = fresh()
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        kind()
    with pytest.raises(TypeError, match="unexpected keyword argument"):
        kind(x=1, z=2)
    with pytest.raises(TypeError):
        Sign("a")  # type: ignore[call-arg]
    assert Sign(text="a").size == 1
    with pytest.raises(ValueError, match="at least one"):
        Parcel("A", 0)


def test_it_is_copied_and_sent_to_other_processes() -> None:
    point = Point(3, 4)
    assert copy.copy(point) == copy.deepcopy(point) == pickle.loads(pickle.dumps(point)) == point  # noqa: S301


def test_match_takes_it_apart() -> None:
    match Point(3, 4):
        case Point(x, y):
            assert (x, y) == (3, 4)


def test_its_methods_are_written_once() -> None:
    kind = fresh()
    later = kind.__init__
    kind(1)
    written = kind.__init__
    kind(2)
    assert later is not written is kind.__init__
    assert written.__code__.co_varnames[:3] == ("self", "x", "y")
