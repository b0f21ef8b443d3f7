"""Sales tax below a state of the US, by ZIP code (docs/rules/pricing.md §10.5c)."""

import csv
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from shop.kernel.errors import InvalidRequest
from shop.kernel.money import Money
from shop.places.model.destination import Destination
from shop.pricing.actions.quotes import quote
from shop.pricing.model.basket import Basket, BasketLine
from shop.pricing.model.quote import Quote
from shop.pricing.model.rule_set import RuleSet
from shop.pricing.model.trace import PricingStep
from shop.tax.model.country_rates import tax_table_with
from shop.tax.model.local_import import RETENTION, parse_local_rates, update_state
from shop.tax.model.local_rates import StateRates

TODAY = date(2026, 11, 22)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HEADER = (
    "State,ZipCode,TaxRegionName,EstimatedCombinedRate,StateRate,EstimatedCountyRate,"
    "EstimatedCityRate,EstimatedSpecialRate"
)
# New York as of March 2025. Derived from ejosterberg/open-sales-tax at 4cfd3c2 (Apache-2.0).
MANHATTAN = "NY,10001,NEW YORK CITY,0.088750,0.040000,0.000000,0.045000,0.003750"
FISHERS_ISLAND = "NY,06390,SUFFOLK,0.087500,0.040000,0.043750,0.000000,0.003750"
NEW_YORK = "\n".join((HEADER, MANHATTAN, FISHERS_ISLAND))


def state_of(text: str = NEW_YORK, since: date = TODAY) -> StateRates:
    edition = parse_local_rates(text, "NY", since)
    return update_state(StateRates("NY"), edition, TODAY, at=NOW, actor="ann")


def quote_to(
    zip_code: str | None,
    *,
    state: str = "NY",
    rates: StateRates | None = None,
    at: datetime = NOW,
    tax_class: str = "standard",
    shipping: int | None = None,
) -> Quote:
    lines = (
        BasketLine("a", "p", "p.1", "S", "Thing", Money(10_000, "USD"), 1, tax_class=tax_class),
    )
    basket = Basket(
        lines,
        "USD",
        destination=Destination("US", state, zip_code),
        shipping=None if shipping is None else Money(shipping, "USD"),
    )
    rules = RuleSet(tax=tax_table_with((), {"NY": rates or state_of()}))
    return quote(basket, rules=rules, at=at)


def details(priced: Quote) -> list[tuple[str, str]]:
    return [(e.reason, e.detail) for e in priced.trace if e.step is PricingStep.TAX]


@pytest.mark.parametrize(
    "zip_code",
    [
        "10001", "10001-1234", "100011234", " 10001 ", "１０００１", "10001\u20111234",
        "10001 \u2013 1234", "10001\u200b", "US-10001", "NY 10001", "10001.",
    ],
)  # fmt: skip
def test_tax_is_the_sum_of_all_rates_of_the_zip_code(zip_code: str) -> None:
    priced = quote_to(zip_code)
    assert priced.tax.minor == 888
    assert priced.lines[0].tax.rate == 88_750
    assert details(priced) == [
        (
            "",
            "NEW YORK CITY sales tax 8.875 % (state 4 %, city 4.5 %, special 0.375 %)",
        )
    ]


@pytest.mark.parametrize(
    "zip_code", [None, "", "14201", "1000", "ABCDE", "10001-23", "010001", "1O001"]
)
def test_unknown_zip_code_has_the_rate_of_the_state_and_a_trace(zip_code: str | None) -> None:
    priced = quote_to(zip_code)
    assert priced.tax.minor == 400
    assert priced.zip_unknown
    assert "local rate" in details(priced)[-1][1]
    assert Quote.from_dict(priced.to_dict()).zip_unknown


def test_other_states_are_as_before() -> None:
    assert (quote_to("94107", state="CA").tax.minor, quote_to("94107", state="CA").zip_unknown) == (
        725,
        False,
    )


def test_state_without_a_rate_of_its_own_has_that_of_the_file() -> None:
    text = f"{HEADER}\nNJ,07001,NEW JERSEY,0.06625,0.06625,0,0,0"
    edition = parse_local_rates(text, "NJ", TODAY)
    rates = update_state(StateRates("NJ"), edition, TODAY, at=NOW, actor="ann")
    rules = RuleSet(tax=tax_table_with((), {"NJ": rates}))
    lines = (BasketLine("a", "p", "p.1", "S", "Thing", Money(10_000, "USD"), 1),)
    for zip_code, name in (("07001", "NEW JERSEY sales tax"), ("08999", "NJ sales tax")):
        basket = Basket(lines, "USD", destination=Destination("US", "NJ", zip_code))
        priced = quote(basket, rules=rules, at=NOW)
        assert (priced.tax.minor, priced.lines[0].tax.name) == (663, name)
        assert priced.untaxed_undecided is None


def test_shipping_and_classes_follow_the_same_rate() -> None:
    priced = quote_to("10001", shipping=1000)
    assert priced.delivery is not None
    assert [part.tax.rate for part in priced.delivery.taxes] == [88_750]
    assert quote_to("10001", tax_class="zero").tax.minor == 0


def test_edition_is_in_force_from_its_day_in_the_market() -> None:
    rates = state_of(since=date(2026, 11, 23))
    # Midnight in New York
    midnight = datetime(2026, 11, 23, 5, tzinfo=UTC)
    before, after = (
        quote_to("10001", rates=rates, at=at).tax.minor
        for at in (midnight - timedelta(seconds=1), midnight)
    )
    assert (before, after) == (400, 888)


def test_range_of_add_on_codes_precedes_the_zip_code() -> None:
    text = "\n".join(
        (
            f"{HEADER},Plus4Low,Plus4High",
            f"{MANHATTAN},,",
            "NY,10001,PIER,0.05,0.04,0,0.01,0,1000,1999",
            "NY,10001,TOWER,0.06,0.04,0,0.02,0,2000,2000",
        )
    )
    rates = state_of(text)
    for zip_code, tax in (
        ("10001", 888),
        ("10001-0999", 888),
        ("10001-1000", 500),
        ("10001-1999", 500),
        ("10001-2000", 600),
        ("10001-2001", 888),
    ):
        assert quote_to(zip_code, rates=rates).tax.minor == tax, zip_code


def rejected(*lines: str, header: str = HEADER) -> list[tuple[str, str | None]]:
    with pytest.raises(InvalidRequest) as error:
        parse_local_rates("\n".join((header, *lines)), "NY", TODAY)
    return [(problem.code, problem.path) for problem in error.value.problems]


def test_file_is_read_after_a_reader_that_accepts_short_cells_only() -> None:
    before = csv.field_size_limit(1)
    try:
        assert len(parse_local_rates(NEW_YORK, "NY", TODAY).entries) == 2
        assert csv.field_size_limit() >= before
    finally:
        csv.field_size_limit(before)


def row(**changes: str) -> str:
    values = dict(zip(HEADER.split(","), MANHATTAN.split(","), strict=True)) | changes
    return ",".join(values.values())


@pytest.mark.parametrize(
    ("changes", "code", "column"),
    [
        ({"State": "CA"}, "state_other", "State"),
        ({"State": ""}, "state_other", "State"),
        ({"ZipCode": "1001"}, "zip_invalid", "ZipCode"),
        ({"ZipCode": "10001-1234"}, "zip_invalid", "ZipCode"),
        ({"TaxRegionName": ""}, "name_invalid", "TaxRegionName"),
        ({"TaxRegionName": "<b>NYC</b>"}, "name_invalid", "TaxRegionName"),
        ({"TaxRegionName": "N" * 61}, "name_invalid", "TaxRegionName"),
        ({"EstimatedCityRate": ""}, "rate_invalid", "EstimatedCityRate"),
        ({"EstimatedCityRate": "4.5 %"}, "rate_invalid", "EstimatedCityRate"),
        ({"EstimatedCityRate": "-0.045"}, "rate_invalid", "EstimatedCityRate"),
        ({"EstimatedCityRate": "4.5"}, "rate_invalid", "EstimatedCityRate"),
        ({"EstimatedCityRate": "NaN"}, "rate_invalid", "EstimatedCityRate"),
        ({"EstimatedCityRate": "1e999999999"}, "rate_invalid", "EstimatedCityRate"),
        ({"EstimatedCityRate": "1e-999999999"}, "rate_invalid", "EstimatedCityRate"),
        ({"EstimatedCityRate": "9" * 5_000}, "rate_invalid", "EstimatedCityRate"),
        ({"EstimatedCityRate": "0.0_45"}, "rate_invalid", "EstimatedCityRate"),
        ({"EstimatedCityRate": "Infinity"}, "rate_invalid", "EstimatedCityRate"),
        ({"EstimatedCityRate": "0.0450001"}, "rate_invalid", "EstimatedCityRate"),
        ({"EstimatedCombinedRate": "0.0887"}, "rates_sum", "EstimatedCombinedRate"),
    ],
)
def test_invalid_value_is_reported_with_line_and_column(
    changes: dict[str, str], code: str, column: str
) -> None:
    assert rejected(FISHERS_ISLAND, row(**changes)) == [(code, f"$.lines[3].{column}")]


def test_all_problems_of_a_file_are_reported() -> None:
    invalid = row(State="CA", ZipCode="x", EstimatedCityRate="y")
    assert {code for code, _ in rejected(invalid)} == {"state_other", "zip_invalid", "rate_invalid"}


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ((MANHATTAN, MANHATTAN), "duplicate"),
        ((MANHATTAN, row(TaxRegionName="OTHER")), "duplicate"),
        (
            (
                MANHATTAN,
                "NY,10002,X,0.09,0.05,0,0.04,0",
            ),
            "rate_differs",
        ),
        ((), "missing"),
        (("NY,10001",), "csv_malformed"),
        (('NY,"10001',), "csv_malformed"),
    ],
)
def test_inconsistent_file_is_rejected(lines: tuple[str, ...], code: str) -> None:
    with pytest.raises(InvalidRequest) as error:
        parse_local_rates("\n".join((HEADER, *lines)), "NY", TODAY)
    assert error.value.code == code


@pytest.mark.parametrize("header", ["", "State,ZipCode", HEADER + ",State"])
def test_file_without_the_columns_is_rejected(header: str) -> None:
    with pytest.raises(InvalidRequest) as error:
        parse_local_rates(f"{header}\n{MANHATTAN}", "NY", TODAY)
    assert error.value.code == "columns_missing"


@pytest.mark.parametrize(
    ("ranges", "code"),
    [
        (["1000,1999", "1999,2500"], "duplicate"),
        (["1000,"], "zip_invalid"),
        ([",1000"], "zip_invalid"),
        (["2000,1000"], "zip_invalid"),
        (["1,9"], "zip_invalid"),
        (["１０００,１９９９"], "zip_invalid"),
    ],
)
def test_invalid_ranges_are_rejected(ranges: list[str], code: str) -> None:
    lines = [f"{MANHATTAN},{codes}" for codes in ranges]
    assert rejected(*lines, header=f"{HEADER},Plus4Low,Plus4High")[0][0] == code


def test_further_columns_and_a_byte_order_mark_are_accepted() -> None:
    text = f"\ufeff{HEADER},RiskLevel\n{MANHATTAN},1\n"
    assert list(parse_local_rates(text, "NY", TODAY).entries) == ["10001"]


def updated(before: StateRates, since: date, today: date = TODAY) -> Any:
    return update_state(
        before, parse_local_rates(NEW_YORK, "NY", since), today, at=NOW, actor="bob"
    )


def test_first_import_needs_no_past_and_a_later_one_changes_none() -> None:
    first = updated(StateRates("NY"), date(2025, 3, 1))
    with pytest.raises(InvalidRequest) as error:
        updated(first, TODAY - timedelta(days=1))
    assert error.value.code == "rate_past"
    second = updated(first, TODAY)
    assert [edition.since for edition in second.editions] == [date(2025, 3, 1), TODAY]
    assert second.on(TODAY - timedelta(days=1)).since == date(2025, 3, 1)
    assert second.on(date(2025, 2, 28)) is None


def test_import_replaces_editions_that_have_not_begun() -> None:
    planned = updated(updated(StateRates("NY"), TODAY), TODAY + timedelta(days=30))
    changed = updated(planned, TODAY + timedelta(days=20))
    assert [edition.since for edition in changed.editions] == [
        TODAY,
        TODAY + timedelta(days=20),
    ]
    corrected = updated(changed, TODAY)
    assert [edition.since for edition in corrected.editions] == [TODAY]


def test_editions_are_dropped_after_their_retention() -> None:
    old = updated(StateRates("NY"), date(2024, 1, 1))
    later = TODAY + RETENTION
    second = updated(old, TODAY)
    assert len(updated(second, later, today=later).editions) == 2
    assert (
        len(updated(second, later - timedelta(days=1), today=later - timedelta(days=1)).editions)
        == 3
    )
