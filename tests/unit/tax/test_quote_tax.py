"""Tax in a quote: the day of the market, the reverse charge, and rounding."""

from datetime import UTC, datetime

import pytest

from shop.kernel.money import Money, Rounding
from shop.places.model.destination import Destination
from shop.pricing.actions.quotes import quote
from shop.pricing.model.basket import Basket, BasketLine, CustomerFacts
from shop.pricing.model.quote import Quote
from shop.pricing.model.rounding import RoundingPolicy
from shop.pricing.model.rule_set import RuleSet
from shop.pricing.model.trace import PricingStep
from shop.tax.model.rates import TaxRate, TaxTable

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def line(price: Money) -> BasketLine:
    return BasketLine("a", "p", "p.1", "S", "Thing", price, 1)


def test_rate_is_the_one_of_the_day_in_the_market() -> None:
    basket = Basket(
        (line(Money(11_600, "EUR")),), "EUR", market="EU", destination=Destination("DE")
    )
    half_past_midnight_in_berlin = datetime(2020, 6, 30, 22, 30, tzinfo=UTC)

    priced = quote(basket, rules=RuleSet("1"), at=half_past_midnight_in_berlin)

    assert priced.tax.minor == 1600


@pytest.mark.parametrize(
    ("vat_id", "destination", "is_reversed"),
    [
        pytest.param("PL5260001246", "PL", True, id="business of another member"),
        pytest.param("EL094259216", "GR", True, id="Greece, EL in numbers"),
        pytest.param("PL5260001246", "FR", True, id="number of a third member"),
        pytest.param("DE136695976", "PL", False, id="number of the seller's state"),
        pytest.param("PL5260001246", "DE", False, id="goods stay in the seller's state"),
        pytest.param("PL5260001246", "CH", False, id="goods leave the union"),
        pytest.param("GB980780684", "FR", False, id="number from outside the union"),
        pytest.param(None, "PL", False, id="consumer"),
    ],
)
def test_charge_is_reversed_only_between_two_member_states(
    vat_id: str | None, destination: str, is_reversed: bool
) -> None:
    customer = CustomerFacts("c", vat_id=vat_id)
    basket = Basket(
        (line(Money(11_900, "EUR")),),
        "EUR",
        "EU",
        customer=customer,
        destination=Destination(destination),
    )

    priced = quote(basket, rules=RuleSet("1"), at=NOW)

    assert priced.reverse_charge is is_reversed
    if is_reversed:
        assert priced.tax.minor == 0
        assert priced.lines[0].tax.name == "reverse charge"


@pytest.mark.parametrize(
    ("mode", "tax"),
    [(Rounding.HALF_EVEN, 2), (Rounding.HALF_UP, 3), (Rounding.HALF_DOWN, 2)],
    ids=str,
)
def test_half_a_cent_of_tax_is_rounded_by_the_policy(mode: Rounding, tax: int) -> None:
    basket = Basket((line(Money(50, "USD")),), "USD", destination=Destination("US"))
    table = TaxTable((TaxRate("US", 50_000),))
    rules = RuleSet("1", tax=table, rounding=RoundingPolicy(mode))

    priced = quote(basket, rules=rules, at=NOW)

    assert priced.tax.minor == tax
    assert priced.rounding.mode is mode


@pytest.mark.parametrize(
    ("price", "rate", "tax"),
    [(50, 50_000, 3), (70, 50_000, 4), (10_000, 66_250, 663), (2_500, 45_000, 113)],
)
def test_half_a_cent_of_tax_is_rounded_up_by_default(price: int, rate: int, tax: int) -> None:
    basket = Basket((line(Money(price, "USD")),), "USD", destination=Destination("US"))
    rules = RuleSet("1", tax=TaxTable((TaxRate("US", rate),)))
    priced = quote(basket, rules=rules, at=NOW)
    assert priced.tax.minor == tax
    assert (priced.rounding.mode, priced.rounding.for_tax) == (
        Rounding.HALF_EVEN,
        Rounding.HALF_UP,
    )
    assert Quote.from_dict(priced.to_dict()).rounding == priced.rounding


def test_quote_of_a_time_with_one_rounding_keeps_it_for_tax() -> None:
    stored = {"mode": "half_down", "tax_by": "unit"}
    policy = RoundingPolicy.from_dict(stored)
    assert policy.for_tax is Rounding.HALF_DOWN
    assert policy.to_dict() == stored
    assert RoundingPolicy.from_dict({"mode": "half_even", "tax_by": "line"}).for_tax is (
        Rounding.HALF_EVEN
    )


@pytest.mark.parametrize(
    ("region", "detail"),
    [
        (None, "The region is not known yet."),
        ("OR", "No tax is charged in US-OR, and nobody decided so."),
    ],
)
def test_trace_names_the_reason_for_no_tax(region: str | None, detail: str) -> None:
    basket = Basket((line(Money(50, "USD")),), "USD", destination=Destination("US", region))

    priced = quote(basket, rules=RuleSet("1"), at=NOW)

    assert [entry.detail for entry in priced.trace if entry.step is PricingStep.TAX] == [detail]
