"""Shipping follows the goods (docs/rules/pricing.md §10.3a)."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from shop.kernel.money import Money, Rounding
from shop.places.model.destination import Destination
from shop.pricing.actions.quotes import quote
from shop.pricing.model.basket import Basket, BasketLine, CustomerFacts
from shop.pricing.model.quote import Quote
from shop.pricing.model.quote_lines import ShippingQuote
from shop.pricing.model.rounding import RoundingPolicy
from shop.pricing.model.rule_set import RuleSet
from shop.pricing.model.trace import PricingStep
from shop.pricing.schemas.quotes import QuoteView
from shop.tax.model.rates import BUNDLED_TAX_TABLE, SHIPPING, TaxRate, TaxTable

NOW = datetime(2026, 11, 22, tzinfo=UTC)
BOOK, MUG, STAMP = "reduced", "standard", "zero"


def basket(*goods: tuple[str, int], shipping: int = 600, country: str = "AT") -> Basket:
    lines = tuple(
        BasketLine(f"{n}", "p", f"p.{n}", "S", "Thing", Money(price, "EUR"), 1, tax_class=tax_class)
        for n, (tax_class, price) in enumerate(goods)
    )
    return Basket(
        lines,
        "EUR",
        "EU",
        destination=Destination(country),
        shipping=Money(shipping, "EUR"),
    )


def shipping_of(priced: Quote) -> list[tuple[int, int, int]]:
    assert priced.delivery is not None
    return [
        (part.base.minor, part.tax.rate, part.tax.amount.minor) for part in priced.delivery.taxes
    ]


def test_order_of_the_lines_changes_no_part() -> None:
    one = quote(basket((BOOK, 2000), (MUG, 1000)), rules=RuleSet(), at=NOW)
    other = quote(basket((MUG, 1000), (BOOK, 2000)), rules=RuleSet(), at=NOW)
    assert shipping_of(one) == shipping_of(other) == [(200, 200_000, 33), (400, 100_000, 36)]


def test_goods_that_cost_nothing_count_as_equal() -> None:
    priced = quote(basket((BOOK, 0), (MUG, 0), shipping=601), rules=RuleSet(), at=NOW)
    assert shipping_of(priced) == [(301, 200_000, 50), (300, 100_000, 27)]


def test_goods_that_cost_nothing_take_no_part_beside_others() -> None:
    priced = quote(basket((BOOK, 0), (MUG, 1000)), rules=RuleSet(), at=NOW)
    assert shipping_of(priced) == [(600, 200_000, 100)]


def test_basket_without_goods_has_the_standard_rate() -> None:
    assert shipping_of(quote(basket(), rules=RuleSet(), at=NOW)) == [(600, 200_000, 100)]


def test_two_classes_of_one_rate_are_one_part() -> None:
    priced = quote(
        basket((BOOK, 500), ("super_reduced", 700), country="DE"), rules=RuleSet(), at=NOW
    )
    assert shipping_of(priced) == [(600, 70_000, 39)]


def test_unknown_destination_taxes_no_added_tax() -> None:
    unknown = replace(basket((MUG, 1000)), market="US", destination=None)
    assert shipping_of(quote(unknown, rules=RuleSet(), at=NOW)) == [(600, 0, 0)]


def test_staff_give_shipping_a_rate_of_its_own_from_a_day_on() -> None:
    austria = tuple(rate for rate in BUNDLED_TAX_TABLE.rates if rate.country == "AT")
    own = TaxRate("AT", 130_000, SHIPPING, since=date(2026, 11, 23))
    rules = RuleSet(tax=TaxTable((*austria, own)))
    goods = basket((BOOK, 2000), (STAMP, 1000))
    assert shipping_of(quote(goods, rules=rules, at=NOW)) == [(400, 100_000, 36), (200, 0, 0)]
    later = datetime(2026, 11, 22, 23, tzinfo=UTC)
    assert shipping_of(quote(goods, rules=rules, at=later)) == [(600, 130_000, 69)]


@pytest.mark.parametrize("mode", list(Rounding))
@pytest.mark.parametrize("tax_by", ["line", "unit"])
@pytest.mark.parametrize("shipping", [0, 1, 2, 599, 601])
def test_parts_sum_to_the_shipping_and_to_the_tax(
    mode: Rounding, tax_by: str, shipping: int
) -> None:
    rules = RuleSet(rounding=RoundingPolicy(mode, tax_by))
    priced = quote(
        basket((BOOK, 333), (MUG, 77), (STAMP, 9), shipping=shipping), rules=rules, at=NOW
    )
    parts = shipping_of(priced)
    assert sum(base for base, _, _ in parts) == shipping
    lines = sum(line.tax.amount.minor for line in priced.lines)
    assert priced.tax.minor == lines + sum(tax for _, _, tax in parts)
    taxed = sum(entry.amount for entry in priced.trace if entry.step is PricingStep.TAX)
    assert taxed == priced.tax.minor


def test_reverse_charge_is_one_untaxed_part() -> None:
    business = replace(
        basket((BOOK, 2000), (MUG, 1000)), customer=CustomerFacts("c", vat_id="ATU1")
    )
    priced = quote(business, rules=RuleSet(), at=NOW)
    assert priced.delivery is not None
    assert priced.delivery.price.minor == 167 + 364, "2.00 at 20 % and 4.00 at 10 %, net"
    assert [part.tax.name for part in priced.delivery.taxes] == ["reverse charge"]


@pytest.mark.parametrize("goods", [[(BOOK, 2000)], [(BOOK, 2000), (MUG, 1000)], [(STAMP, 5)], []])
def test_stored_quote_keeps_each_part(goods: list[tuple[str, int]]) -> None:
    priced = quote(basket(*goods), rules=RuleSet(), at=NOW)
    assert Quote.from_dict(priced.to_dict()) == priced


def test_shipping_stored_with_one_tax_is_read() -> None:
    stored = {"price": 600, "total": 500, "tax": [200_000, 83, "USt"]}
    (part,) = ShippingQuote.from_dict(stored, "EUR", included=True).taxes
    assert (part.base.minor, part.tax.rate, part.tax.amount.minor) == (500, 200_000, 83)


def test_view_shows_each_part_with_its_base() -> None:
    view = QuoteView.of(quote(basket((BOOK, 2000), (MUG, 1000)), rules=RuleSet(), at=NOW)).shipping
    assert view is not None
    assert view.tax == 69
    assert [(tax.base, tax.rate_ppm, tax.amount, tax.jurisdiction) for tax in view.taxes] == [
        (200, 200_000, 33, "AT"),
        (400, 100_000, 36, "AT"),
    ]
