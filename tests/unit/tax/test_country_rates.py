"""The rates of one country as staff change them: future days only, without gaps or overlaps."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from shop.kernel.errors import InvalidRequest
from shop.places.model.destination import Destination
from shop.tax.model.country_rates import CountryRates, RatesChange, tax_table_with
from shop.tax.model.rates import BUNDLED_TAX_TABLE

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
TODAY = date(2026, 11, 22)
GERMANY, STATES = CountryRates.bundled("DE"), CountryRates.bundled("US")


def update(
    rates: list[dict[str, Any]], before: CountryRates = GERMANY, today: date = TODAY
) -> CountryRates:
    parsed = CountryRates.parse(before.country, rates)
    return before.update(RatesChange(parsed), today, at=AT, actor="ann")


def current_rates(before: CountryRates = GERMANY, **changes: Any) -> list[dict[str, Any]]:
    """The present rates as JSON values, with changes of the present standard rate."""
    rates = before.to_list()
    for rate in rates:
        if "tax_class" not in rate and "until" not in rate:
            rate.update(changes)
    return rates


def rejected(rates: Any, before: CountryRates = GERMANY) -> list[tuple[str, str | None]]:
    """Code and path of each problem."""
    with pytest.raises(InvalidRequest) as error:
        update(rates, before)
    return [(problem.code, problem.path) for problem in error.value.problems]


def rate_on(rates: CountryRates, day: date, tax_class: str = "standard") -> int:
    found = tax_table_with([rates]).rate(tax_class, Destination(rates.country), day)
    return found.rate if found else 0


def test_future_rate_follows_the_rate_that_ends_on_its_first_day() -> None:
    new = {"rate": 200_000, "name": "MwSt", "since": "2027-01-01"}

    after = update([*current_rates(until="2027-01-01"), new])

    assert after.version == 1
    assert rate_on(after, date(2026, 12, 31)) == 190_000
    assert rate_on(after, date(2027, 1, 1)) == 200_000
    assert rate_on(after, date(2020, 8, 1)) == 160_000
    assert rate_on(after, date(2027, 1, 1), "reduced") == 70_000


def test_rate_may_change_today_and_a_future_rate_may_be_withdrawn() -> None:
    today = update([*current_rates(until=str(TODAY)), {"rate": 200_000, "since": str(TODAY)}])
    assert rate_on(today, TODAY) == 200_000

    future = update([*current_rates(until="2027-01-01"), {"rate": 200_000, "since": "2027-01-01"}])
    assert rate_on(update(current_rates(), future), date(2027, 1, 1)) == 190_000


def test_rates_of_past_days_cannot_change() -> None:
    rates = current_rates()
    past = next(n for n, rate in enumerate(rates) if rate.get("until") == "2021-01-01")

    raised = [{**rate, "rate": 200_000} if n == past else rate for n, rate in enumerate(rates)]
    assert rejected(raised)[0][0] == "rate_past"
    without_it = [rate for n, rate in enumerate(rates) if n != past]
    assert rejected(without_it)[0][0] in ("rate_past", "rates_gap")
    yesterday = [*current_rates(until="2026-11-21"), {"rate": 200_000, "since": "2026-11-21"}]
    assert rejected(yesterday)[0][0] == "rate_past"
    assert rejected([])[0][0] == "rate_past"
    sugar = {"rate": 1, "tax_class": "sugar", "since": "2026-11-21"}
    assert rejected([*rates, sugar])[0][0] == "rate_past"
    ended = {"rate": 1, "tax_class": "sugar", "until": "2026-11-21"}
    assert rejected([*rates, ended])[0][0] == "rate_past"


def test_past_rate_may_be_split_into_two_equal_parts() -> None:
    split = [*current_rates(until="2025-01-01"), {"rate": 190_000, "since": "2025-01-01"}]

    assert update(split).version == 1


def test_first_rates_of_a_country_begin_today() -> None:
    brazil = CountryRates.bundled("BR")

    assert brazil.rates == ()
    for first in ({"rate": 170_000}, {"rate": 170_000, "since": str(TODAY)}):
        after = update([first], brazil)
        assert after.rates[0].since == TODAY
        assert rate_on(after, TODAY) == 170_000
        assert rate_on(after, TODAY - timedelta(days=1)) == 0
    # The second version sends back what it read, and may not extend it into the past
    begun = update([{"rate": 170_000}], brazil)
    assert update(begun.to_list(), begun).rates == begun.rates
    assert rejected([{"rate": 170_000, "since": "2026-11-01"}], begun)[0][0] == "rate_past"


def test_first_rate_of_a_class_or_region_begins_today_beside_the_others() -> None:
    sugar = {"rate": 1, "tax_class": "sugar"}
    assert rate_on(update([*current_rates(), sugar]), TODAY, "sugar") == 1
    new_jersey = {"rate": 66_250, "region": "NJ"}
    (added,) = (
        r for r in update([*STATES.to_list(), new_jersey], STATES).rates if r.region == "NJ"
    )
    assert added.since == TODAY
    # With an end, and a rate that follows it
    ending = [{**sugar, "until": "2027-01-01"}, {**sugar, "rate": 2, "since": "2027-01-01"}]
    after = update([*current_rates(), *ending])
    assert rate_on(after, date(2027, 1, 1), "sugar") == 2
    assert rate_on(after, TODAY, "sugar") == 1


def test_first_rate_of_a_region_joins_the_bundled_table() -> None:
    new = {"rate": 66_250, "region": "NJ", "since": str(TODAY)}

    table = tax_table_with([update([*STATES.to_list(), new], STATES)])

    found = table.rate("standard", Destination("US", "NJ"), TODAY)
    assert found is not None
    assert found.rate == 66_250
    assert table.union == BUNDLED_TAX_TABLE.union


@pytest.mark.parametrize(
    ("fields", "code", "path"),
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
def test_invalid_rate_is_rejected_with_its_path(
    fields: dict[str, Any], code: str, path: str | None
) -> None:
    new = {"rate": 50_000, "tax_class": "books", "since": "2027-01-01", **fields}
    expected = f"$.rates[{len(GERMANY.rates)}]" + (f".{path}" if path else "")

    assert (code, expected) in rejected([*current_rates(), new])


def test_gap_between_two_rates_is_rejected() -> None:
    gap = [*current_rates(until="2027-01-01"), {"rate": 200_000, "since": "2027-01-02"}]

    assert [code for code, _ in rejected(gap)] == ["rates_gap"]


@pytest.mark.parametrize("since", ["2026-12-13", "2027-02-01"])
def test_rate_that_ended_may_begin_again(since: str) -> None:
    # Given a registration that ended three weeks ago
    ended = update(current_rates(until="2026-11-22"))
    today = date(2026, 12, 13)

    # When staff register again, today or later
    new = update([*ended.to_list(), {"rate": 200_000, "since": since}], ended, today)

    # Then the days in between stay without a rate
    begins = date.fromisoformat(since)
    assert rate_on(new, begins - timedelta(days=1)) == 0
    assert rate_on(new, begins) == 200_000


def test_rate_that_ended_does_not_begin_again_in_the_past() -> None:
    ended = update(current_rates(until="2026-11-22"))
    with pytest.raises(InvalidRequest) as error:
        update([*ended.to_list(), {"rate": 1, "since": "2026-12-12"}], ended, date(2026, 12, 13))
    assert error.value.code == "rate_past"


def test_unknown_region_is_rejected() -> None:
    unknown = [*STATES.to_list(), {"rate": 1, "region": "ZZ", "since": str(TODAY)}]

    assert rejected(unknown, STATES) == [("region_unknown", f"$.rates[{len(STATES.rates)}].region")]


def test_table_without_changes_is_the_bundled_table_itself() -> None:
    assert tax_table_with([]) is BUNDLED_TAX_TABLE
