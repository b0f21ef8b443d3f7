"""Quotes without promotions: prices, shipping, tax, sums and JSON."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from shop.kernel.errors import InvalidRequest
from shop.kernel.money import Money
from shop.places.model.destination import Destination
from shop.pricing.actions.quotes import quote
from shop.pricing.model.basket import Basket, BasketLine
from shop.pricing.model.quote import Quote
from shop.pricing.model.quote_lines import QuoteLine
from shop.pricing.model.rule_set import RuleSet

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
RULES = RuleSet(version="7")


def line(id: str, price: int, quantity: int, currency: str = "USD") -> BasketLine:
    return BasketLine(id, f"p-{id}", f"p-{id}.1", f"SKU-{id}", id, Money(price, currency), quantity)


def test_tax_is_added_in_the_united_states() -> None:
    basket = Basket(
        (line("a", 1999, 3), line("b", 500, 1)),
        "USD",
        destination=Destination("US", "CA"),
        shipping=Money(599, "USD"),
    )
    q = quote(basket, rules=RULES, at=AT)
    assert q.subtotal == Money(6497, "USD")
    assert [str(entry.tax.amount) for entry in q.lines] == ["4.35 USD", "0.36 USD"]
    assert q.tax == Money(435 + 36, "USD"), "California does not tax carriage"
    assert q.total == q.subtotal + q.shipping + q.tax


def test_tax_is_included_in_the_european_union() -> None:
    basket = Basket((line("a", 11900, 1, "EUR"),), "EUR", market="EU")
    q = quote(basket, rules=RULES, at=AT)
    assert q.tax == Money(1900, "EUR")
    assert q.total == Money(11900, "EUR")


def test_quote_round_trips_through_json() -> None:
    basket = Basket(
        (line("a", 1999, 3), line("b", 500, 1)),
        "USD",
        destination=Destination("US", "NY"),
        shipping=Money(599, "USD"),
    )
    q = quote(basket, rules=RULES, at=AT)
    assert Quote.from_dict(json.loads(json.dumps(q.to_dict()))) == q


def test_line_lookup_iterates_over_the_lines_once() -> None:
    class CountingLines(tuple[QuoteLine, ...]):
        iterations = 0

        def __iter__(self) -> Iterator[QuoteLine]:
            CountingLines.iterations += 1
            return super().__iter__()

    q = quote(Basket(tuple(line(f"l{n}", 100, 1) for n in range(50)), "USD"), rules=RULES, at=AT)
    q = replace(q, lines=CountingLines(q.lines))
    CountingLines.iterations = 0
    assert [q.line(f"l{n}").id for n in range(50)] == [f"l{n}" for n in range(50)]
    assert CountingLines.iterations == 1
    with pytest.raises(KeyError):
        q.line("l50")


def test_quantity_of_zero_is_rejected_with_its_path() -> None:
    with pytest.raises(InvalidRequest) as error:
        quote(Basket((line("a", 100, 0),), "USD"), rules=RULES, at=AT)
    assert error.value.problems[0].path == "$.lines[0].quantity"
