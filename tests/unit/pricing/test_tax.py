"""Rates as dated data, and who pays them."""

from datetime import UTC, date, datetime, timedelta

import pytest

from shop.kernel.errors import InvalidRequest
from shop.kernel.money import Money, Rounding
from shop.places.model.destination import Destination
from shop.pricing.actions.quotes import quote
from shop.pricing.model.basket import Basket, BasketLine, CustomerFacts
from shop.pricing.model.rounding import RoundingPolicy
from shop.pricing.model.rule_set import RuleSet
from shop.tax.model.rates import BUNDLED_TAX_TABLE, TaxRate, TaxTable

TODAY = date(2026, 11, 22)


def rate(
    country: str, tax_class: str = "standard", region: str | None = None, day: date = TODAY
) -> int:
    found = BUNDLED_TAX_TABLE.rate(tax_class, Destination(country, region), day)
    return found.rate if found else 0


def test_the_bundled_table_knows_all_members_of_the_union() -> None:
    assert len(BUNDLED_TAX_TABLE.union) == 27
    assert all(150_000 < rate(country) < 280_000 for country in BUNDLED_TAX_TABLE.union)
    assert (rate("DE"), rate("HU"), rate("LU")) == (190_000, 270_000, 170_000)
    assert rate("FR", "reduced") == 55_000
    assert rate("FR", "super_reduced") == 21_000
    assert rate("DK", "reduced") == 250_000, "Denmark has no reduced rate"


UNION = """AT 20 BE 21 BG 20 CY 19 CZ 21 DE 19 DK 25 EE 24 ES 21 FI 25.5 FR 20 GR 24 HR 25 HU 27
    IE 23 IT 22 LT 21 LU 17 LV 21 MT 18 NL 21 PL 23 PT 23 RO 21 SE 25 SI 22 SK 23"""
"""Standard rates in per cent, as the members published them for the end of 2026."""


def test_the_standard_rates_of_the_union_are_those_of_the_end_of_2026() -> None:
    words = UNION.split()
    published = {c: round(float(r) * 10_000) for c, r in zip(words[::2], words[1::2], strict=True)}
    assert {country: rate(country) for country in BUNDLED_TAX_TABLE.union} == published


def test_what_is_super_reduced_is_never_taxed_higher_than_what_is_reduced() -> None:
    for country in BUNDLED_TAX_TABLE.union:
        assert rate(country, "super_reduced") <= rate(country, "reduced") <= rate(country)
    assert rate("PL", "super_reduced") == 50_000


@pytest.mark.parametrize(
    ("country", "tax_class", "changed", "before", "after"),
    [
        ("EE", "standard", date(2024, 1, 1), 200_000, 220_000),
        ("EE", "standard", date(2025, 7, 1), 220_000, 240_000),
        ("SK", "standard", date(2025, 1, 1), 200_000, 230_000),
        ("RO", "standard", date(2025, 8, 1), 190_000, 210_000),
        ("RO", "reduced", date(2025, 8, 1), 50_000, 110_000),
        ("LU", "standard", date(2024, 1, 1), 160_000, 170_000),
        ("CZ", "reduced", date(2024, 1, 1), 100_000, 120_000),
        ("DE", "reduced", date(2021, 1, 1), 50_000, 70_000),
    ],
)
def test_what_held_before_is_kept(
    country: str, tax_class: str, changed: date, before: int, after: int
) -> None:
    assert rate(country, tax_class, day=changed - timedelta(days=1)) == before
    assert rate(country, tax_class, day=changed) == after


def test_a_rate_holds_from_its_day_on_and_until_the_day_of_the_next() -> None:
    assert rate("FI", day=date(2024, 8, 31)) == 240_000
    assert rate("FI", day=date(2024, 9, 1)) == 255_000
    assert rate("DE", day=date(2020, 12, 31)) == 160_000
    assert rate("DE", day=date(2021, 1, 1)) == 190_000


def test_a_region_goes_before_its_country_and_the_unknown_is_not_taxed() -> None:
    assert rate("US", region="CA") == 72_500
    assert rate("US", region="OR") == 0
    assert rate("BR") == 0
    assert rate("DE", "zero") == 0
    assert rate("DE", "a class of the shop's own") == 190_000


def test_the_day_is_that_of_the_market_not_of_london() -> None:
    line = BasketLine("a", "p", "p.1", "S", "Thing", Money(11_600, "EUR"), 1)
    basket = Basket((line,), "EUR", market="EU", destination=Destination("DE"))
    late = datetime(2020, 6, 30, 22, 30, tzinfo=UTC)  # half past midnight in Berlin
    assert quote(basket, rules=RuleSet("1"), at=late).tax.minor == 1600


def test_two_rates_at_once_are_refused() -> None:
    with pytest.raises(InvalidRequest) as refusal:
        TaxTable((TaxRate("DE", 190_000), TaxRate("DE", 160_000, since=date(2020, 7, 1))))
    assert refusal.value.code == "rates_overlap"
    with pytest.raises(InvalidRequest):
        TaxTable((TaxRate("DE", 190_000, since=date(2020, 7, 1), until=date(2020, 7, 1)),))
    with pytest.raises(InvalidRequest):
        TaxTable((TaxRate("DE", 1_000_001),))


def reversed_for(vat_id: str | None, to: str) -> bool:
    line = BasketLine("a", "p", "p.1", "S", "Thing", Money(11_900, "EUR"), 1)
    customer = CustomerFacts("c", vat_id=vat_id)
    basket = Basket((line,), "EUR", "EU", customer=customer, destination=Destination(to))
    q = quote(basket, rules=RuleSet("1"), at=datetime(2026, 11, 22, tzinfo=UTC))
    if q.reverse_charge:
        assert q.tax.minor == 0
        assert q.lines[0].tax.name == "reverse charge"
    return q.reverse_charge


def test_the_charge_is_reversed_only_between_two_member_states() -> None:
    assert reversed_for("PL5260001246", "PL")
    assert reversed_for("EL094259216", "GR")
    assert reversed_for("PL5260001246", "FR"), "the number need not be the destination's"
    assert not reversed_for("DE136695976", "PL"), "the seller's own state gave the number"
    assert not reversed_for("PL5260001246", "DE"), "the goods stay at home"
    assert not reversed_for("PL5260001246", "CH"), "an export is no trade within the union"
    assert not reversed_for("GB980780684", "FR")
    assert not reversed_for(None, "PL")


def test_halves_are_rounded_as_the_policy_says() -> None:
    table = TaxTable((TaxRate("US", 50_000),))
    for mode, tax in (
        (Rounding.HALF_EVEN, 2),
        (Rounding.HALF_UP, 3),
        (Rounding.HALF_DOWN, 2),
    ):
        line = BasketLine("a", "p", "p.1", "S", "Thing", Money(50, "USD"), 1)
        basket = Basket((line,), "USD", destination=Destination("US"))
        rules = RuleSet("1", tax=table, rounding=RoundingPolicy(mode))
        q = quote(basket, rules=rules, at=datetime(2026, 11, 22, tzinfo=UTC))
        assert q.tax.minor == tax
        assert q.rounding.mode is mode
