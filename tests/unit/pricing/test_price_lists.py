"""Price lists: which price applies, and which lists are invalid."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shop.kernel.errors import InvalidRequest
from shop.kernel.money import Money
from shop.pricing.actions.quotes import quote
from shop.pricing.model.basket import Basket, BasketLine, CustomerFacts
from shop.pricing.model.price_lists import PriceEntry, PriceList
from shop.pricing.model.quote import Quote
from shop.pricing.model.rule_set import RuleSet
from shop.pricing.model.targeting import Window

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LINE = BasketLine(
    "a", "p", "p.1", "S", "Thing", Money(1000, "USD"), 1, compare_at=Money(1500, "USD")
)


def quote_of(*lists: PriceList, quantity: int = 1, **basket: Any) -> Quote:
    return quote(
        Basket((replace(LINE, quantity=quantity),), "USD", **{"market": "WORLD", **basket}),
        rules=RuleSet("1", price_lists=lists),
        at=NOW,
    )


def price(*lists: PriceList, **basket: Any) -> int:
    return quote_of(*lists, **basket).lines[0].unit_price.minor


def listed_at(amount: int, **fields: Any) -> PriceList:
    return PriceList(fields.pop("id", "list"), "USD", (PriceEntry("p.1", amount),), **fields)


def test_price_list_applies_to_its_market_channel_and_group() -> None:
    assert price(listed_at(900, markets=("WORLD",))) == 900
    assert price(listed_at(900, markets=("EU",))) == 1000
    assert price(listed_at(900, channels=("app",))) == 1000
    assert price(listed_at(900, channels=("app",)), channel="app") == 900
    assert price(listed_at(900, groups=("gold",))) == 1000
    assert price(listed_at(900, groups=("gold",)), customer=CustomerFacts("c", ("gold",))) == 900


def test_price_list_applies_within_its_window() -> None:
    assert price(listed_at(900, window=Window(starts=NOW))) == 900
    assert price(listed_at(900, window=Window(ends=NOW))) == 1000
    assert price(listed_at(900, window=Window(starts=NOW + timedelta(seconds=1)))) == 1000


def test_lowest_priority_number_wins_over_a_lower_price() -> None:
    assert price(listed_at(1200, id="first", priority=1), listed_at(900, id="second")) == 1200
    assert price(listed_at(950, id="b"), listed_at(900, id="c"), listed_at(900, id="a")) == 900
    assert quote_of(listed_at(900, id="c"), listed_at(900, id="a")).lines[0].price_list == "a"


def test_variant_entry_wins_over_product_entry_and_tier_by_quantity() -> None:
    tiers = PriceList(
        "t",
        "USD",
        (
            PriceEntry("p", 700),
            PriceEntry("p.1", 900, min_quantity=5),
            PriceEntry("p.1", 800, min_quantity=10),
        ),
    )
    assert price(tiers, quantity=4) == 700
    assert price(tiers, quantity=5) == 900
    assert price(tiers, quantity=10) == 800


def test_compare_at_price_comes_from_the_source_of_the_price() -> None:
    entry = PriceEntry("p.1", 900, compare_at=1100)
    assert quote_of(PriceList("l", "USD", (entry,))).lines[0].compare_at == Money(1100, "USD")
    assert quote_of(listed_at(900)).lines[0].compare_at is None
    assert quote_of().lines[0].compare_at == Money(1500, "USD")


def test_trace_names_the_price_list() -> None:
    entry = quote_of(listed_at(900, id="summer"), quantity=2).trace[0]
    assert (entry.step.value, entry.rule, entry.amount, entry.lines) == (
        "price",
        "summer",
        1800,
        ("a",),
    )


ENTRIES = [{"article": "p.1", "price": 5}]


@pytest.mark.parametrize(
    ("fields", "code", "path"),
    [
        ({"currency": "XYZ"}, "currency_unknown", "$.currency"),
        ({"entries": [{"article": "a", "price": -1}]}, "price_invalid", "$.entries[0].price"),
        (
            {"entries": [{"article": "a", "price": 5, "compare_at": 5}]},
            "compare_at_invalid",
            "$.entries[0].compare_at",
        ),
        (
            {"entries": [{"article": "a", "price": 5}, {"article": "a", "price": 6}]},
            "duplicate",
            "$.entries[1]",
        ),
        (
            {"entries": [{"article": "a", "price": 5, "min_quantity": 0}]},
            "quantity_invalid",
            "$.entries[0].min_quantity",
        ),
        (
            {"window": {"starts": "2026-11-22T00:00:00Z", "ends": "2026-11-22T00:00:00Z"}},
            "ends_before_start",
            "$.window.ends",
        ),
        ({"entries": [{"article": "a", "price": 5.5}]}, "wrong_type", "$.entries[0].price"),
        ({"title": "<b>Winter</b>"}, "markup_not_allowed", "$.title"),
        ({"title": "Winter\nsale"}, "text_invalid", "$.title"),
        ({"title": "Winter\u2028sale"}, "text_invalid", "$.title"),
        ({"entries": []}, "missing", "$.entries"),
    ],
)
def test_invalid_price_list_is_rejected_with_its_field(
    fields: dict[str, Any], code: str, path: str
) -> None:
    with pytest.raises(InvalidRequest) as error:
        PriceList.from_dict({"id": "l", "currency": "USD", "entries": ENTRIES, **fields})
    assert (code, path) in {(p.code, p.path) for p in error.value.problems}


def test_price_list_round_trips_through_json() -> None:
    price_list = PriceList(
        "l", "USD", (PriceEntry("p.1", 5, 2, 7),), ("EU",), window=Window(starts=NOW)
    )
    assert PriceList.from_dict(price_list.to_dict()) == price_list


def test_price_list_reconstructs_its_earlier_contents() -> None:
    first = replace(listed_at(900), created_at=NOW)
    second = first.update(listed_at(800), NOW + timedelta(days=1))
    third = second.update(
        PriceList("other", "USD", (PriceEntry("q.1", 5),), markets=("EU",), priority=7),
        NOW + timedelta(days=2),
    )
    assert (third.id, third.version) == ("list", 3)
    assert third.as_of(NOW - timedelta(seconds=1)) is None

    def content(days: float) -> tuple[tuple[tuple[str, int], ...], tuple[str, ...], int]:
        then = third.as_of(NOW + timedelta(days=days))
        assert then is not None
        prices = tuple((entry.article, entry.price) for entry in then.entries)
        return prices, then.markets, then.priority

    assert content(0) == ((("p.1", 900),), (), 100)
    assert content(1) == content(1.9) == ((("p.1", 800),), (), 100)
    assert content(2) == ((("q.1", 5),), ("EU",), 7)
    assert PriceList.from_dict(third.to_dict()) == third


def test_revision_stores_changed_entries_only() -> None:
    many = PriceList("l", "USD", tuple(PriceEntry(f"p.{n}", 100 + n) for n in range(50)))
    after = many.update(replace(many, entries=(PriceEntry("p.0", 7), *many.entries[1:])), NOW)
    assert [revision.articles for revision in after.revisions] == [("p.0",)]
    assert after.update(replace(after, title="Other"), NOW).revisions == after.revisions


@pytest.mark.parametrize(
    ("other", "overlaps"),
    [
        (listed_at(800, id="other"), True),
        (listed_at(900, id="other"), False),
        (listed_at(800, id="other", priority=99), False),
        (listed_at(800, id="other", markets=("EU",)), False),
        (listed_at(800, id="other", groups=("gold",)), False),
        (listed_at(800, id="other", window=Window(starts=NOW + timedelta(days=9))), False),
        (listed_at(800, id="other", window=Window(starts=NOW + timedelta(days=6))), True),
    ],
)
def test_overlapping_prices_for_the_same_customers_are_rejected(
    other: PriceList, overlaps: bool
) -> None:
    price_list = listed_at(900, window=Window(ends=NOW + timedelta(days=7)))
    problems = price_list.overlaps([price_list, other])
    expected = [("price_overlaps", "$.entries[0]")] if overlaps else []
    assert [(p.code, p.path) for p in problems] == expected
