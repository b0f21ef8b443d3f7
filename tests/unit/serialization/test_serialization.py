"""Dataclasses to JSON and back: round trips, omitted defaults, and problems with their paths."""

import json
from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.kernel.errors import Problem
from shop.kernel.frozen import frozen
from shop.kernel.money import CURRENCIES, Money
from shop.serialization import from_json, to_json


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@frozen
class Fixed:
    kind: ClassVar[str] = "fixed"
    price: Money


@frozen
class Free:
    kind: ClassVar[str] = "free"


@frozen
class Line:
    sku: str
    units: int = 1
    gift: bool = False


@frozen
class Document:
    charge: Fixed | Free
    lines: tuple[Line, ...] = ()
    span: tuple[int, int] = (0, 0)
    tags: frozenset[str] = frozenset()
    colour: Colour = Colour.RED
    note: str | None = None
    at: datetime | None = None
    day: date | None = None
    cut_off: time | None = None


money = st.builds(Money, st.integers(0, 10**15), st.sampled_from(sorted(CURRENCIES)))
lines = st.builds(Line, st.text(max_size=5), st.integers(), st.booleans())
documents = st.builds(
    Document,
    charge=st.builds(Fixed, money) | st.builds(Free),
    lines=st.lists(lines, max_size=3).map(tuple),
    span=st.tuples(st.integers(), st.integers()),
    tags=st.frozensets(st.text(max_size=3), max_size=3),
    colour=st.sampled_from(Colour),
    note=st.none() | st.text(max_size=5),
    at=st.none() | st.datetimes(timezones=st.just(UTC)),
    day=st.none() | st.dates(),
    cut_off=st.none() | st.times(),
)


def problems_of(raw: Any, cls: type = Document) -> list[tuple[str, str | None]]:
    problems: list[Problem] = []
    assert from_json(cls, raw, "$", problems) is None
    return [(problem.code, problem.path) for problem in problems]


@given(documents)
def test_document_reads_back_as_it_was_written(document: Document) -> None:
    problems: list[Problem] = []
    stored = json.loads(json.dumps(to_json(document)))
    assert from_json(Document, stored, "$", problems) == document
    assert problems == []


def test_fields_equal_to_their_default_are_omitted() -> None:
    assert to_json(Document(Free())) == {"charge": {"kind": "free"}}
    assert to_json(Line("A", 1)) == {"sku": "A"}
    assert to_json(Line("A", 2)) == {"sku": "A", "units": 2}


def test_equal_sets_have_equal_json() -> None:
    assert to_json(frozenset("bca")) == ["a", "b", "c"]


def test_unsupported_type_raises_type_error() -> None:
    with pytest.raises(TypeError, match="float has no JSON form"):
        to_json(1.5)


def test_all_problems_are_reported_at_once_with_their_paths() -> None:
    raw = {
        "charge": {"kind": "fixed", "price": {"amount": -1, "currency": "EUR"}},
        "lines": [{"sku": "A"}, {"units": "2", "gift": 0}, 7],
        "span": [1],
        "colour": "green",
        "at": "2026-11-27T08:00:00",
        "unknown": 1,
    }
    assert problems_of(raw) == [
        ("unknown_field", "$.unknown"),
        ("amount_invalid", "$.charge.price.amount"),
        ("missing", "$.lines[1].sku"),
        ("wrong_type", "$.lines[1].units"),
        ("wrong_type", "$.lines[1].gift"),
        ("wrong_type", "$.lines[2]"),
        ("wrong_type", "$.span"),
        ("value_unknown", "$.colour"),
        ("time_invalid", "$.at"),
    ]


@pytest.mark.parametrize(
    ("raw", "code", "path"),
    [
        ({}, "missing", "$.charge"),
        ({"charge": None}, "wrong_type", "$.charge"),
        ({"charge": {"kind": "other"}}, "value_unknown", "$.charge.kind"),
        ({"charge": {"kind": ["free"]}}, "value_unknown", "$.charge.kind"),
        ({"charge": {}}, "value_unknown", "$.charge.kind"),
        ({"charge": {"kind": "fixed"}}, "missing", "$.charge.price"),
        ({"charge": {"kind": "fixed", "price": 5}}, "wrong_type", "$.charge.price"),
        (
            {"charge": {"kind": "fixed", "price": {"amount": True, "currency": "EUR"}}},
            "amount_invalid",
            "$.charge.price.amount",
        ),
        (
            {"charge": {"kind": "fixed", "price": {"amount": 1, "currency": "XYZ"}}},
            "currency_unknown",
            "$.charge.price.currency",
        ),
        ({"charge": {"kind": "free"}, "tags": "ab"}, "wrong_type", "$.tags"),
        ({"charge": {"kind": "free"}, "day": "2026-02-30"}, "time_invalid", "$.day"),
        ({"charge": {"kind": "free"}, "day": 7}, "time_invalid", "$.day"),
        ({"charge": {"kind": "free"}, "cut_off": "08:00+01:00"}, "time_invalid", "$.cut_off"),
        ([], "wrong_type", "$"),
    ],
)
def test_invalid_json_is_reported_with_code_and_path(raw: Any, code: str, path: str) -> None:
    assert problems_of(raw) == [(code, path)]


def test_whole_numbers_are_not_booleans() -> None:
    assert problems_of({"sku": "A", "units": True}, Line) == [("wrong_type", "$.units")]
    assert problems_of({"sku": "A", "units": 1.0}, Line) == [("wrong_type", "$.units")]


@pytest.mark.parametrize("item", [["a"], {"a": 1}])
def test_set_with_a_list_or_an_object_is_a_problem(item: Any) -> None:
    raw = {"charge": {"kind": "free"}, "tags": ["b", item]}
    assert problems_of(raw) == [("wrong_type", "$.tags[1]")]
