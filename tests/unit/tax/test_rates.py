"""The bundled tax table, and how a rate is looked up."""

from datetime import date, timedelta

import pytest

from shop.kernel.errors import InvalidRequest
from shop.places.model.destination import Destination
from shop.tax.model.rates import BUNDLED_TAX_TABLE, TaxRate, TaxTable

TODAY = date(2026, 11, 22)
STANDARD_RATES = """AT 20 BE 21 BG 20 CY 19 CZ 21 DE 19 DK 25 EE 24 ES 21 FI 25.5 FR 20 GR 24 HR 25
    HU 27 IE 23 IT 22 LT 21 LU 17 LV 21 MT 18 NL 21 PL 23 PT 23 RO 21 SE 25 SI 22 SK 23"""
"""Standard rates in per cent, as the members of the Union published them for the end of 2026."""


def rate(
    country: str, tax_class: str = "standard", region: str | None = None, day: date = TODAY
) -> int:
    """The bundled rate; 0 where nothing is taxed."""
    found = BUNDLED_TAX_TABLE.rate(tax_class, Destination(country, region), day)
    return found.rate if found else 0


def test_bundled_table_has_rates_of_all_members_of_the_union() -> None:
    assert len(BUNDLED_TAX_TABLE.union) == 27
    assert all(150_000 < rate(country) < 280_000 for country in BUNDLED_TAX_TABLE.union)
    assert (rate("DE"), rate("HU"), rate("LU")) == (190_000, 270_000, 170_000)
    assert rate("FR", "reduced") == 55_000
    assert rate("FR", "super_reduced") == 21_000
    assert rate("DK", "reduced") == 250_000, "Denmark has no reduced rate"


def test_standard_rates_of_the_union_are_the_published_ones() -> None:
    words = STANDARD_RATES.split()
    published = {
        country: round(float(percent) * 10_000)
        for country, percent in zip(words[::2], words[1::2], strict=True)
    }
    assert {country: rate(country) for country in BUNDLED_TAX_TABLE.union} == published


def test_super_reduced_rate_is_never_above_the_reduced_one() -> None:
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
def test_bundled_table_has_former_rates(
    country: str, tax_class: str, changed: date, before: int, after: int
) -> None:
    assert rate(country, tax_class, day=changed - timedelta(days=1)) == before
    assert rate(country, tax_class, day=changed) == after


def test_rate_is_in_force_from_its_first_day_until_the_next_one_begins() -> None:
    assert rate("FI", day=date(2024, 8, 31)) == 240_000
    assert rate("FI", day=date(2024, 9, 1)) == 255_000
    assert rate("DE", day=date(2020, 12, 31)) == 160_000
    assert rate("DE", day=date(2021, 1, 1)) == 190_000


def test_region_precedes_its_country_and_unknown_places_are_untaxed() -> None:
    assert rate("US", region="CA") == 72_500
    assert rate("US", region="OR") == 0
    assert rate("BR") == 0
    assert rate("DE", "zero") == 0
    assert rate("DE", "a class of the shop's own") == 190_000


def test_overlapping_and_impossible_rates_are_rejected() -> None:
    with pytest.raises(InvalidRequest) as error:
        TaxTable((TaxRate("DE", 190_000), TaxRate("DE", 160_000, since=date(2020, 7, 1))))
    assert error.value.code == "rates_overlap"
    with pytest.raises(InvalidRequest):
        TaxTable((TaxRate("DE", 190_000, since=date(2020, 7, 1), until=date(2020, 7, 1)),))
    with pytest.raises(InvalidRequest):
        TaxTable((TaxRate("DE", 1_000_001),))


def test_rate_of_a_region_applies_to_the_regions_within_it() -> None:
    canaries = TaxRate("ES", 70_000, region="CN")
    table = TaxTable((TaxRate("ES", 210_000), canaries, TaxRate("ES", 95_000, region="GC")))
    found = {
        code: table.rate("standard", Destination("ES", code), TODAY) for code in ("TF", "GC", "M")
    }
    assert {code: each.rate for code, each in found.items() if each} == {
        "TF": 70_000,
        "GC": 95_000,
        "M": 210_000,
    }
    assert table.regions_named("ES") == {"CN", "GC"}
    assert table.regions_named("PT") == frozenset()
