"""POST /staff/untaxed-decisions: one decision to sell to several countries without tax."""

from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest

from functions.staff_pricing import get_markets, set_markets
from functions.staff_tax import get_tax_rates, record_untaxed_decisions, set_tax_rates
from shop.kernel.errors import VersionConflict
from shop.pricing.store.rule_set_cache import rule_set_cache
from shop.tax.actions import MAX_DECISIONS
from shop.tax.store.cache import tax_table_cache
from shop.tax.store.repository import DynamoTaxRateRepository
from shop.tax.store.rows import RATES, TaxRow
from tests.kit.order_fixtures import signed_in
from tests.kit.shop import ApiResponse, call

ROUTE = "POST /staff/untaxed-decisions"
COUNTRY = "/staff/tax-rates/{country}"
WANDA, BOB = signed_in("wanda", "catalog"), signed_in("bob", "staff")
REASON = "Not registered here"

pytestmark = pytest.mark.usefixtures("cloud")


@pytest.fixture(autouse=True)
def _no_rules_from_other_tests() -> Iterator[None]:
    rule_set_cache(tax_table_cache()).clear()
    yield
    rule_set_cache(tax_table_cache()).clear()


def as_staff(function: Any, route: str, body: Any = None, *, by: Any = WANDA, **more: Any) -> Any:
    rule_set_cache(tax_table_cache()).clear()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("ACCESS", "staff")
        environment.setenv("ACCESS_GROUPS", "staff,catalog")
        return call(function.handler, route, body, claims=by, **more)


def record(*countries: Any, reason: str = REASON, by: Any = WANDA) -> ApiResponse:
    """Record a decision for countries; without any, for all that have none."""
    named = [{"country": one} if isinstance(one, str) else one for one in countries]
    body = {"reason": reason, **({"countries": named} if named else {})}
    response: ApiResponse = as_staff(record_untaxed_decisions, ROUTE, body, by=by)
    return response


def rates_of(country: str) -> dict[str, Any]:
    return dict(as_staff(get_tax_rates, f"GET {COUNTRY}", country=country).json)


def warned() -> set[str]:
    markets = as_staff(get_markets, "GET /staff/markets").json
    return {warning["country"] for warning in markets["warnings"]}


def codes(countries: list[dict[str, Any]]) -> list[str]:
    return [one["country"] for one in countries]


def test_one_request_decides_for_all_countries_without_a_decision() -> None:
    # Given the bundled markets, with a decision for Norway of another day
    assert record("NO", reason="Exports").status == 200
    undecided = warned() - {"*"}
    assert {"CH", "GB", "US", "XK"} <= undecided
    assert "NO" not in undecided

    # When the merchant decides for all others
    response = record()

    # Then each of them has the decision, and nothing but the rest of the world is left
    assert response.status == 200, response.text
    assert set(codes(response.json["recorded"])) == undecided
    assert response.json["unchanged"] == []
    assert [one["country"] for one in response.json["warnings"]] == ["*"]
    assert warned() == {"*"}
    assert [one["reason"] for one in rates_of("CH")["untaxed"]] == [REASON]
    assert [one["reason"] for one in rates_of("NO")["untaxed"]] == ["Exports"]


def test_it_is_recorded_as_one_change() -> None:
    response = record("Schweiz", "NO", "Northern Ireland", "XK").json

    assert response["recorded"] == [
        {"country": country, "version": 1} for country in ("CH", "NO", "XI", "XK")
    ]
    for country in ("CH", "NO", "XI", "XK"):
        rates = rates_of(country)
        assert (rates["version"], rates["actor"], rates["reason"]) == (1, WANDA["username"], REASON)
        assert rates["at"] == response["at"]
        assert rates["untaxed"][0]["at"] == response["at"]
    events = [event for row in TaxRow.query(RATES) for event in row.events or ()]
    (decision,) = [event for event in events if event.type == "UntaxedDecisionRecorded"]
    assert decision.data == {
        "reason": REASON,
        "actor": WANDA["username"],
        "versions": {"CH": 1, "NO": 1, "XI": 1, "XK": 1},
    }
    changed = [event.subject for event in events if event.type == "TaxRatesChanged"]
    assert changed == ["CH", "NO", "XI", "XK"]


def test_repeated_request_changes_nothing() -> None:
    first = record("CH", {"country": "NO", "version": 0})
    again = record("CH", {"country": "NO", "version": 0}, by=BOB)

    assert (first.status, again.status) == (200, 200)
    assert again.json["recorded"] == []
    assert codes(again.json["unchanged"]) == ["CH", "NO"]
    assert rates_of("NO")["version"] == 1
    assert rates_of("NO")["untaxed"][0]["actor"] == WANDA["username"]

    everything = record()
    nothing = record(by=BOB)
    assert everything.json["recorded"]
    assert (nothing.json["recorded"], nothing.json["unchanged"]) == ([], [])


def test_named_country_gets_the_new_reason_and_keeps_its_rates_and_regions() -> None:
    before = rates_of("US")
    untaxed = [{"region": "OR", "reason": "No sales tax"}, {"reason": "Undecided"}]
    body = {**before, "untaxed": untaxed}
    assert as_staff(set_tax_rates, f"PUT {COUNTRY}", body, country="US").status == 200

    assert record("US").json["recorded"] == [{"country": "US", "version": 2}]

    after = rates_of("US")
    assert after["rates"] == before["rates"]
    assert [(one.get("region"), one["reason"]) for one in after["untaxed"]] == [
        ("OR", "No sales tax"),
        (None, REASON),
    ]


def test_version_that_was_read_is_a_condition_of_all() -> None:
    assert record("NO", reason="Exports").status == 200

    response = record("CH", {"country": "NO", "version": 0})

    assert response.status == 409
    assert "the current version is 1, not 0" in response.text
    assert rates_of("CH")["version"] == 0
    assert record("CH", {"country": "NO", "version": 1}).status == 200


def test_change_in_between_is_never_lost() -> None:
    # Given another change of Norway's rates, after the request has read them
    save_all = DynamoTaxRateRepository.save_all

    def save_late(self: Any, after: Any, events: Any) -> None:
        with patch.object(DynamoTaxRateRepository, "save_all", save_all):
            record("NO", reason="Exports", by=BOB)
        save_all(self, after, events)

    # When the decision is written
    with patch.object(DynamoTaxRateRepository, "save_all", save_late):
        response = record("CH", "NO")

    # Then nothing of it is
    assert response.status == 409
    assert "The tax rates of NO have changed" in response.text
    assert rates_of("CH")["version"] == 0
    assert rates_of("NO")["untaxed"][0]["reason"] == "Exports"


@pytest.mark.parametrize(
    ("body", "code", "path"),
    [
        ({}, "missing", "$.reason"),
        ({"reason": ""}, "text_invalid", "$.reason"),
        ({"reason": " "}, "text_invalid", "$.reason"),
        ({"reason": "\u200b"}, "text_invalid", "$.reason"),
        ({"reason": "<b>x</b>"}, "markup_not_allowed", "$.reason"),
        ({"reason": "x" * 501}, "text_invalid", "$.reason"),
        ({"reason": "x", "countries": []}, "missing", "$.countries"),
        (
            {"reason": "x", "countries": [{"country": "Narnia"}]},
            "country_unknown",
            "$.countries[0].country",
        ),
        (
            {"reason": "x", "countries": [{"country": "CH"}, {"country": "Suisse"}]},
            "duplicate",
            "$.countries[1].country",
        ),
        (
            {"reason": "x", "countries": [{"country": "CH", "version": "1"}]},
            "wrong_type",
            "$.countries[0].version",
        ),
        ({"reason": "x", "country": "CH"}, "unknown_field", "$.country"),
    ],
)
def test_invalid_request_names_the_place(body: Any, code: str, path: str) -> None:
    response = as_staff(record_untaxed_decisions, ROUTE, body)

    assert response.status == 400, response.text
    problems = response.json["errors"]
    assert (problems[0]["code"], problems[0]["path"]) == (code, path)
    assert not list(TaxRow.query(RATES))


def test_all_countries_are_too_many_if_one_transaction_cannot_hold_them() -> None:
    # Given a market without tax that names more countries than one decision may have
    us, union, *others = as_staff(get_markets, "GET /staff/markets").json["markets"]
    union.update(tax="none", home=None, countries=[*union["countries"], *"AU BR CA JP NZ".split()])
    body = {"markets": [us, union, *others], "version": 0}
    assert as_staff(set_markets, "PUT /staff/markets", body).status == 200
    undecided = sorted(warned() - {"*"})
    assert len(undecided) > MAX_DECISIONS

    # Then one request for all is rejected, and two for some of them are not
    response = record()
    assert response.status == 400
    assert response.json["errors"][0]["code"] == "too_many"
    assert record(*undecided[:MAX_DECISIONS]).status == 200
    assert record(*undecided[MAX_DECISIONS:]).status == 200
    assert warned() == {"*"}


def test_conflict_of_the_store_names_the_countries() -> None:
    repository = DynamoTaxRateRepository()
    record("CH")
    stale = repository.get_version("CH", 0)
    with pytest.raises(VersionConflict, match="The tax rates of CH have changed"):
        repository.save_all([stale.decide("x", at=stale.at, actor="ann")], [])


@pytest.mark.parametrize(("by", "status"), [(None, 401), (signed_in("jane"), 403)])
def test_only_staff_may_decide(by: Any, status: int) -> None:
    assert record("CH", by=by).status == status


def test_answer_has_a_summary_of_what_was_decided_and_what_is_left() -> None:
    first = record("CH", "Norwegen").json
    assert first["summary"].startswith("Recorded for CH, NO. Still without a decision: ")
    assert "US" in first["summary"]
    assert "untaxed_reason of the market WORLD" in first["summary"]
    again = record("CH", "GB").json
    assert "Recorded for GB. Recorded with this reason before: CH. " in again["summary"]
    rest = record().json
    assert "Still without" not in rest["summary"]
    nothing = record().json
    assert nothing["summary"].startswith("Recorded for no country. All countries that no market")


def test_warning_of_the_us_names_its_states_until_each_is_decided() -> None:
    def warning() -> str | None:
        warnings = as_staff(get_markets, "GET /staff/markets").json["warnings"]
        return next((one["content"] for one in warnings if one["country"] == "US"), None)

    before = warning()
    assert before is not None
    assert ": AK, AL, AR, AZ, CO, CT, DC, DE, GA" in before
    assert "CA," not in before, "it has a rate"

    # When staff decide for Alaska
    def decide(*states: str) -> None:
        untaxed = [{"region": state, "reason": "Not registered"} for state in states]
        body = {**rates_of("US"), "untaxed": untaxed}
        assert as_staff(set_tax_rates, f"PUT {COUNTRY}", body, country="US").status == 200

    decide("AK")
    after = warning()
    assert after is not None
    assert ": AL, AR" in after
    # And for all others
    decide(*(text.strip() for text in before.partition(": ")[2].partition(".")[0].split(",")))
    assert warning() is None


def test_reason_with_blanks_around_it_is_the_same_decision() -> None:
    before = record("CH", "NO", reason=f"  {REASON}\n").json
    assert before["reason"] == REASON
    assert rates_of("CH")["untaxed"][0]["reason"] == REASON
    assert codes(record("CH", "NO").json["unchanged"]) == ["CH", "NO"]
    again = {**rates_of("CH"), "untaxed": [{"reason": f" {REASON} "}]}
    after = as_staff(set_tax_rates, f"PUT {COUNTRY}", again, country="CH").json
    assert after["untaxed"] == rates_of("CH")["untaxed"]
    assert after["untaxed"][0]["at"] == before["at"]
    blank = as_staff(record_untaxed_decisions, ROUTE, {"reason": " ", "countries": None})
    assert blank.status == 400
