"""The rates of a country as staff keep them: what may be said of days to come, and of days gone."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from shop.kernel.errors import InvalidRequest
from shop.places.model.destination import Destination
from shop.tax.model.country_rates import CountryRates, tax_table_with
from shop.tax.model.rates import BUNDLED_TAX_TABLE

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
TODAY = date(2026, 11, 22)
GERMANY = CountryRates.bundled("DE")


def changed(
    rates: list[dict[str, Any]], before: CountryRates = GERMANY, today: date = TODAY
) -> CountryRates:
    read = CountryRates.read(before.country, rates)
    return before.update(read, today, at=AT, actor="ann", reason="")


def told(before: CountryRates = GERMANY, **ends: Any) -> list[dict[str, Any]]:
    """What holds now, the standard rate with an end."""
    rates = before.to_list()
    for rate in rates:
        if "tax_class" not in rate and "until" not in rate:
            rate.update(ends)
    return rates


def refused(rates: Any, before: CountryRates = GERMANY) -> list[tuple[str, str | None]]:
    with pytest.raises(InvalidRequest) as refusal:
        changed(rates, before)
    return [(problem.code, problem.path) for problem in refusal.value.problems]


def rate(rates: CountryRates, day: date, tax_class: str = "standard") -> int:
    found = tax_table_with([rates]).rate(tax_class, Destination(rates.country), day)
    return found.rate if found else 0


def test_a_rate_to_come_is_written_beside_the_one_that_ends_there() -> None:
    new = {"rate": 200_000, "name": "MwSt", "since": "2027-01-01"}
    after = changed([*told(until="2027-01-01"), new])
    assert after.version == 1
    assert rate(after, date(2026, 12, 31)) == 190_000
    assert rate(after, date(2027, 1, 1)) == 200_000
    assert rate(after, date(2020, 8, 1)) == 160_000
    assert rate(after, date(2027, 1, 1), "reduced") == 70_000


def test_a_rate_may_change_today_and_what_is_to_come_may_be_taken_back() -> None:
    today = changed([*told(until=str(TODAY)), {"rate": 200_000, "since": str(TODAY)}])
    assert rate(today, TODAY) == 200_000
    later = changed([*told(until="2027-01-01"), {"rate": 200_000, "since": "2027-01-01"}])
    assert rate(changed(told(), later), date(2027, 1, 1)) == 190_000


def test_what_held_is_never_told_differently() -> None:
    standing = told()
    held = next(n for n, r in enumerate(standing) if r.get("until") == "2021-01-01")
    dearer = [{**r, "rate": 200_000} if n == held else r for n, r in enumerate(standing)]
    assert refused(dearer)[0][0] == "rate_past"
    assert refused([r for n, r in enumerate(standing) if n != held])[0][0] in (
        "rate_past",
        "rates_gap",
    )
    yesterday = [*told(until="2026-11-21"), {"rate": 200_000, "since": "2026-11-21"}]
    assert refused(yesterday)[0][0] == "rate_past"
    assert refused([])[0][0] == "rate_past"
    assert refused([*standing, {"rate": 1, "tax_class": "sugar"}])[0][0] == "rate_past"
    split = [*told(until="2025-01-01"), {"rate": 190_000, "since": "2025-01-01"}]
    assert changed(split).version == 1, "the same, said in two parts"


def test_a_country_that_the_shop_had_no_rates_of_begins_today() -> None:
    brazil = CountryRates.bundled("BR")
    assert brazil.rates == ()
    assert refused([{"rate": 170_000}], brazil) == [("rate_past", "$.rates[0]")]
    assert rate(changed([{"rate": 170_000, "since": str(TODAY)}], brazil), TODAY) == 170_000
    states = CountryRates.bundled("US")
    more = [*states.to_list(), {"rate": 66_250, "region": "NJ", "since": str(TODAY)}]
    table = tax_table_with([changed(more, states)])
    found = table.rate("standard", Destination("US", "NJ"), TODAY)
    assert found is not None
    assert found.rate == 66_250
    assert table.union == BUNDLED_TAX_TABLE.union


@pytest.mark.parametrize(
    ("more", "code", "path"),
    [
        ({"rate": -1}, "rate_invalid", "rate"),
        ({"rate": 1_000_001}, "rate_invalid", "rate"),
        ({"rate": 19.0}, "wrong_type", "rate"),
        ({"since": "2027-02-30"}, "time_invalid", "since"),
        ({"since": "2027-02-01", "until": "2027-01-01"}, "ends_before_start", "until"),
        ({"tax_class": "Books!"}, "tax_class_invalid", "tax_class"),
        ({"tax_class": "zero"}, "tax_class_invalid", "tax_class"),
        ({"country": "FR"}, "country_other", "country"),
        ({"name": "<b>"}, "markup_not_allowed", "name"),
        ({"colour": "red"}, "unknown_field", "colour"),
        ({"tax_class": "standard"}, "rates_overlap", None),
    ],
)
def test_what_is_no_rate_is_refused_with_its_place(
    more: dict[str, Any], code: str, path: str | None
) -> None:
    new = {"rate": 50_000, "tax_class": "books", "since": "2027-01-01", **more}
    where = f"$.rates[{len(GERMANY.rates)}]" + (f".{path}" if path else "")
    assert (code, where) in refused([*told(), new])


def test_no_day_is_left_without_a_rate_between_two() -> None:
    gap = [*told(until="2027-01-01"), {"rate": 200_000, "since": "2027-01-02"}]
    assert [code for code, _ in refused(gap)] == ["rates_gap"]
    states = CountryRates.bundled("US")
    nowhere = [*states.to_list(), {"rate": 1, "region": "ZZ", "since": str(TODAY)}]
    assert refused(nowhere, states) == [("region_unknown", "$.rates[5].region")]


def test_without_a_change_the_table_is_the_bundled_one_itself() -> None:
    assert tax_table_with([]) is BUNDLED_TAX_TABLE
