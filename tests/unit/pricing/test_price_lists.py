"""Price lists: who gets which price, and what is refused."""

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


def ask(*lists: PriceList, quantity: int = 1, **basket: Any) -> Quote:
    return quote(
        Basket((replace(LINE, quantity=quantity),), "USD", **{"market": "WORLD", **basket}),
        rules=RuleSet("1", price_lists=lists),
        at=NOW,
    )


def price(*lists: PriceList, **basket: Any) -> int:
    return ask(*lists, **basket).lines[0].unit_price.minor


def at(amount: int, **more: Any) -> PriceList:
    return PriceList(more.pop("id", "list"), "USD", (PriceEntry("p.1", amount),), **more)


def test_a_list_is_for_its_market_channel_and_group() -> None:
    assert price(at(900, markets=("WORLD",))) == 900
    assert price(at(900, markets=("EU",))) == 1000
    assert price(at(900, channels=("app",))) == 1000
    assert price(at(900, channels=("app",)), channel="app") == 900
    assert price(at(900, groups=("gold",))) == 1000
    assert price(at(900, groups=("gold",)), customer=CustomerFacts("c", ("gold",))) == 900


def test_a_list_holds_in_its_time() -> None:
    assert price(at(900, window=Window(starts=NOW))) == 900
    assert price(at(900, window=Window(ends=NOW))) == 1000
    assert price(at(900, window=Window(starts=NOW + timedelta(seconds=1)))) == 1000


def test_the_list_that_goes_first_counts_though_it_is_dearer() -> None:
    assert price(at(1200, id="first", priority=1), at(900, id="second")) == 1200
    assert price(at(950, id="b"), at(900, id="c"), at(900, id="a")) == 900
    assert ask(at(900, id="c"), at(900, id="a")).lines[0].price_list == "a"


def test_a_variant_goes_before_its_product_and_tiers_by_quantity() -> None:
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


def test_the_price_to_compare_with_comes_from_where_the_price_comes_from() -> None:
    entry = PriceEntry("p.1", 900, compare_at=1100)
    assert ask(PriceList("l", "USD", (entry,))).lines[0].compare_at == Money(1100, "USD")
    assert ask(at(900)).lines[0].compare_at is None
    assert ask().lines[0].compare_at == Money(1500, "USD")


def test_the_trace_names_the_list() -> None:
    entry = ask(at(900, id="summer"), quantity=2).trace[0]
    assert (entry.step.value, entry.rule, entry.amount, entry.lines) == (
        "price",
        "summer",
        1800,
        ("a",),
    )


PRICED = [{"article": "p.1", "price": 5}]


@pytest.mark.parametrize(
    ("told", "code", "path"),
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
            "price_repeated",
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
        ({"entries": []}, "entries_missing", "$.entries"),
    ],
)
def test_a_list_that_makes_no_sense_is_refused_with_its_field(
    told: dict[str, Any], code: str, path: str
) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        PriceList.from_dict({"id": "l", "currency": "USD", "entries": PRICED, **told})
    assert (code, path) in {(p.code, p.path) for p in refusal.value.problems}


def test_a_list_survives_its_way_through_data() -> None:
    price_list = PriceList(
        "l", "USD", (PriceEntry("p.1", 5, 2, 7),), ("EU",), window=Window(starts=NOW)
    )
    assert PriceList.from_dict(price_list.to_dict()) == price_list


def test_a_list_remembers_what_it_said_and_when() -> None:
    first = replace(at(900), created_at=NOW)
    second = first.update(at(800), NOW + timedelta(days=1))
    third = second.update(
        PriceList("other", "USD", (PriceEntry("q.1", 5),), markets=("EU",), priority=7),
        NOW + timedelta(days=2),
    )
    assert (third.id, third.version) == ("list", 3)
    assert third.as_of(NOW - timedelta(seconds=1)) is None

    def stood(days: float) -> tuple[tuple[tuple[str, int], ...], tuple[str, ...], int]:
        then = third.as_of(NOW + timedelta(days=days))
        assert then is not None
        prices = tuple((entry.article, entry.price) for entry in then.entries)
        return prices, then.markets, then.priority

    assert stood(0) == ((("p.1", 900),), (), 100)
    assert stood(1) == stood(1.9) == ((("p.1", 800),), (), 100)
    assert stood(2) == ((("q.1", 5),), ("EU",), 7)
    assert PriceList.from_dict(third.to_dict()) == third


def test_of_the_past_only_what_changed_is_kept() -> None:
    many = PriceList("l", "USD", tuple(PriceEntry(f"p.{n}", 100 + n) for n in range(50)))
    after = many.update(replace(many, entries=(PriceEntry("p.0", 7), *many.entries[1:])), NOW)
    assert [change.articles for change in after.revisions] == [("p.0",)]
    assert after.update(replace(after, title="Other"), NOW).revisions == after.revisions


@pytest.mark.parametrize(
    ("other", "refused"),
    [
        (at(800, id="other"), True),
        (at(900, id="other"), False),
        (at(800, id="other", priority=99), False),
        (at(800, id="other", markets=("EU",)), False),
        (at(800, id="other", groups=("gold",)), False),
        (at(800, id="other", window=Window(starts=NOW + timedelta(days=9))), False),
        (at(800, id="other", window=Window(starts=NOW + timedelta(days=6))), True),
    ],
)
def test_two_prices_for_the_same_people_at_the_same_time_are_refused(
    other: PriceList, refused: bool
) -> None:
    mine = at(900, window=Window(ends=NOW + timedelta(days=7)))
    problems = mine.overlaps([mine, other])
    found = [("price_overlaps", "$.entries[0]")] if refused else []
    assert [(p.code, p.path) for p in problems] == found
