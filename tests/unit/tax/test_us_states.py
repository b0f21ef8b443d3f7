"""The sales taxes of the states that the shop knows, and the rates that staff add from them."""

import csv
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from shop.places.model.countries import US_REGIONS
from shop.places.model.destination import Destination
from shop.tax.model.bundled_rates import US_UNTAXED_CARRIAGE
from shop.tax.model.country_rates import CountryRates, RatesChange, tax_table_with
from shop.tax.model.local_import import parse_local_rates, update_state
from shop.tax.model.local_rates import StateRates
from shop.tax.model.rates import BUNDLED_TAX_TABLE, SHIPPING, STANDARD, TaxRate
from shop.tax.model.us_states import (
    FOLLOWS,
    NO_TAX,
    TAXED,
    UNTAXED,
    US_STATE_RATES,
    US_TAXED_CARRIAGE,
    state_taxes,
)

DATA = Path(__file__).parents[4] / "shared" / "data" / "tax"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TODAY = date(2026, 11, 22)
TAXES = {tax.state: tax for tax in state_taxes(TODAY)}
TERRITORIES = {"AS", "GU", "MP", "PR", "VI", "AA", "AE", "AP"}
HEADER = (
    "State,ZipCode,TaxRegionName,EstimatedCombinedRate,StateRate,EstimatedCountyRate,"
    "EstimatedCityRate,EstimatedSpecialRate"
)


def rows(name: str) -> list[dict[str, str]]:
    if not (DATA / name).is_file():
        pytest.skip(f"{DATA / name} is not on this machine")
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_state_and_the_district_is_known() -> None:
    assert set(TAXES) == US_REGIONS - TERRITORIES
    assert len(TAXES) == 51


def test_rates_are_those_of_the_source() -> None:
    for row in rows("us-state-rates.csv"):
        rate, has_local_taxes, _ = US_STATE_RATES[row["code"]]
        assert rate == Decimal(row["state_rate_pct"]) * 10_000, row["code"]
        assert has_local_taxes is (row["local_varies"] == "true"), row["code"]


def test_shipping_is_that_of_the_source() -> None:
    for row in rows("us-shipping.csv"):
        tax = TAXES[row["state"]]
        assert (tax.shipping, tax.confidence) == (row["rule"], row["confidence"]), row["state"]
        assert tax.basis or row["rule"] == NO_TAX


def test_shipping_is_known_for_every_state_once() -> None:
    assert not set(US_UNTAXED_CARRIAGE) & set(US_TAXED_CARRIAGE)
    assert sorted(tax.shipping for tax in TAXES.values()) == sorted(
        [FOLLOWS] * 26 + [UNTAXED] * 19 + [NO_TAX] * 5 + [TAXED]
    )


def test_states_of_the_bundled_rates_have_the_same_rate() -> None:
    bundled = [r for r in BUNDLED_TAX_TABLE.rates if r.country == "US" and r.tax_class == STANDARD]
    assert len(bundled) == 5
    for rate in bundled:
        assert rate in TAXES[rate.region or ""].rates
        assert rate.rate == TAXES[rate.region or ""].rate


@pytest.mark.parametrize("state", sorted(US_STATE_RATES))
def test_state_is_not_taxed_until_staff_add_its_rate(state: str) -> None:
    # Given a shop without rates in the US
    empty = CountryRates("US")
    place = Destination("US", state)
    assert tax_table_with([empty]).rate(STANDARD, place, TODAY) is None

    # When staff add the rates of the state
    rates = TAXES[state].rates
    after = empty.update(RatesChange(rates), TODAY, at=NOW, actor="ann")

    # Then the rate applies from today
    found = tax_table_with([after]).rate(STANDARD, place, TODAY)
    assert (found is not None) == bool(rates)
    if found is not None:
        assert found.rate == {"DC": 70_000}.get(state, US_STATE_RATES[state][0])
        assert found.since == TODAY


@pytest.mark.parametrize(
    ("state", "day", "rate"),
    [
        ("DC", date(2026, 9, 30), 65_000),
        ("DC", date(2026, 10, 1), 70_000),
        ("LA", date(2029, 12, 31), 50_000),
        ("LA", date(2030, 1, 1), 47_500),
        ("SD", date(2027, 6, 30), 42_000),
        ("SD", date(2027, 7, 1), 45_000),
        ("HI", date(2027, 7, 1), 40_000),
        ("NM", date(2026, 11, 22), 48_750),
        ("MN", date(2026, 11, 22), 68_750),
    ],
)
def test_enacted_change_begins_on_its_day(state: str, day: date, rate: int) -> None:
    for known in (min(day, date(2026, 9, 1)), day):
        (tax,) = [one for one in state_taxes(known) if one.state == state]
        (found,) = [one.rate for one in tax.rates if one.applies_on(day)]
        assert found == rate


@pytest.mark.parametrize("state", ["DE", "MT", "NH", "OR"])
def test_state_without_a_sales_tax_has_no_rate_to_add(state: str) -> None:
    assert (TAXES[state].rates, TAXES[state].has_local_taxes) == ((), False)
    assert "No sales tax." in TAXES[state].note


def test_alaska_has_local_taxes_only() -> None:
    # Given a seller who is registered in Alaska, with the table of its places
    alaska = CountryRates("US").update(RatesChange(TAXES["AK"].rates), TODAY, at=NOW, actor="ann")
    table = f"{HEADER}\nAK,99801,JUNEAU,0.05,0,0,0.05,0\n"
    edition = parse_local_rates(table, "AK", TODAY)
    local = update_state(StateRates("AK"), edition, TODAY, at=NOW, actor="ann")
    rates = tax_table_with([alaska], {"AK": local})

    # Then Juneau has the rate of the city, and Anchorage none
    juneau, anchorage = (
        rates.rate(STANDARD, Destination("US", "AK", code), TODAY) for code in ("99801", "99501")
    )
    assert juneau is not None
    assert juneau.rate == 50_000
    assert anchorage is not None
    assert anchorage.rate == 0


def test_registered_seller_adds_local_taxes_to_the_rate_of_the_state() -> None:
    texas = CountryRates("US").update(RatesChange(TAXES["TX"].rates), TODAY, at=NOW, actor="ann")
    table = f"{HEADER}\nTX,78701,AUSTIN,0.0825,0.0625,0,0.01,0.01\n"
    edition = parse_local_rates(table, "TX", TODAY)
    local = update_state(StateRates("TX"), edition, TODAY, at=NOW, actor="ann")
    rates = tax_table_with([texas], {"TX": local})
    austin, elsewhere = (
        rates.rate(STANDARD, Destination("US", "TX", code), TODAY) for code in ("78701", "75001")
    )
    assert austin is not None
    assert austin.rate == 82_500
    assert elsewhere is not None
    assert elsewhere.rate == 62_500


def test_untaxed_delivery_stays_untaxed_in_a_state_that_staff_add() -> None:
    bundled = CountryRates.bundled("US")
    rates = (*bundled.rates, *TAXES["VA"].rates)
    after = bundled.update(RatesChange(rates), TODAY, at=NOW, actor="ann")
    found = tax_table_with([after]).rate(SHIPPING, Destination("US", "VA"), TODAY)
    assert found is not None
    assert (found.rate, found.tax_class) == (0, SHIPPING)


def known_to(rates: CountryRates, state: str, today: date) -> tuple[TaxRate, ...]:
    (tax,) = [one for one in state_taxes(today, rates.rates) if one.state == state]
    return tax.rates


def test_state_with_a_rate_has_none_to_add_until_it_ends() -> None:
    # Given the bundled rates, which tax New York
    bundled = CountryRates.bundled("US")
    assert known_to(bundled, "NY", TODAY) == ()
    assert known_to(bundled, "VA", TODAY) == TAXES["VA"].rates

    # When staff end the rate of New York, and register there again, on the same day or later
    ended = tuple(
        replace(rate, until=TODAY) if rate.region == "NY" and rate.tax_class == STANDARD else rate
        for rate in bundled.rates
    )
    without = bundled.update(RatesChange(ended), TODAY, at=NOW, actor="ann")
    for today in (TODAY, date(2027, 2, 1)):
        added = known_to(without, "NY", today)
        rates = RatesChange((*without.rates, *added))
        after = without.update(rates, today, at=NOW, actor="ann")

        # Then its rate begins on that day
        found = tax_table_with([after]).rate(STANDARD, Destination("US", "NY"), today)
        assert found == TaxRate("US", 40_000, region="NY", name="NY sales tax", since=today)


def test_planned_rate_of_a_state_is_one() -> None:
    planned = TaxRate("US", 40_000, region="VA", since=date(2027, 1, 1))
    assert known_to(CountryRates("US", (planned,)), "VA", TODAY) == ()
