"""The capacity page has the calculated figures, which come from counted calls and the manifests."""

from dataclasses import replace

import pytest

from bench import capacity
from infra.stages import PROD


def test_page_has_the_calculated_tables(capsys: pytest.CaptureFixture[str]) -> None:
    assert capacity.main(["--check"]) == 0, capsys.readouterr().out


def test_page_with_other_figures_is_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capacity, "LOG_KB_PER_ORDER", capacity.LOG_KB_PER_ORDER * 1000)
    assert capacity.main(["--check"]) == 1


def test_page_without_the_markers_is_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capacity, "END", "<!-- another end -->")
    assert capacity.main(["--check"]) == 1


def test_prose_is_wrapped_at_100_characters() -> None:
    prose = [line for line in capacity.render_tables().splitlines() if not line.startswith("|")]
    assert max(len(line) for line in prose) <= 100


def test_twice_the_orders_need_twice_as_much() -> None:
    def requirements(rate: int) -> list[int]:
        return [int(row[1].replace(",", "")) for row in capacity.required_quotas(rate)]

    for one, two in zip(requirements(1000), requirements(2000), strict=True):
        assert two in range(2 * one - 2, 2 * one + 3)


def test_counted_requests_are_those_of_a_traffic_peak_and_one_read() -> None:
    assert set(capacity.shopper_requests()) >= set(capacity.BUDGETS)
    assert set(capacity.REQUEST_COSTS) - set(capacity.shopper_requests()) == {"GET /carts/{id}"}


def test_production_admits_the_requests_of_the_prepared_rate() -> None:
    prepared_for = capacity.RATES[0]
    requests = prepared_for * sum(count for count, _ in capacity.shopper_requests().values())
    assert requests <= PROD.rate <= capacity.QUOTAS["requests"].default


def test_thousand_orders_cost_at_most_their_budget_from_cart_to_paid() -> None:
    due, with_all_transitions = capacity.cost_until_paid()
    assert due <= capacity.BUDGET_DOLLARS
    assert with_all_transitions - due == pytest.approx(0.05)
    assert capacity.TRANSITIONS <= 4


def test_event_handlers_are_counted_from_the_manifests() -> None:
    # The workflow and the business metrics
    assert capacity.handlers_of(("OrderPlaced",), email=False) == 2
    assert capacity.handlers_of(("OrderConfirmed",), email=True) == 1


def test_tables_are_warmed_only_up_to_their_quota(monkeypatch: pytest.MonkeyPatch) -> None:
    def action() -> str:
        rows = [row for row in capacity.required_quotas(10_000) if row[0].endswith("`sessions`")]
        return rows[0][3]

    assert action() == "raise the table's quota 5 ×, then warmed before the start"
    monkeypatch.setattr(capacity, "PROD", replace(PROD, table_quota=200_000))
    assert action() == "warmed before the start"
