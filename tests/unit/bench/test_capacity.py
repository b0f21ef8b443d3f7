"""The capacity page says what is reckoned, and it is reckoned from what is counted."""

from dataclasses import replace

import pytest

from bench import capacity
from infra.stages import PROD


def test_the_page_says_what_is_reckoned(capsys: pytest.CaptureFixture[str]) -> None:
    assert capacity.main(["--check"]) == 0, capsys.readouterr().out


def test_a_page_that_says_something_else_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capacity, "LOGS_KB", capacity.LOGS_KB * 1000)
    assert capacity.main(["--check"]) == 1


def test_twice_the_orders_need_twice_as_much() -> None:
    def number(rate: int) -> list[int]:
        return [int(row[1].replace(",", "")) for row in capacity.needs(rate)]

    for one, two in zip(number(1000), number(2000), strict=True):
        assert two in range(2 * one - 2, 2 * one + 3)


def test_every_request_that_is_counted_is_one_that_a_rush_is_prepared_for_or_a_look() -> None:
    assert set(capacity.ways()) >= set(capacity.BUDGETS)
    assert set(capacity.COUNTED) - set(capacity.ways()) == {"GET /carts/{id}"}


def test_productions_gateway_lets_in_what_the_shop_is_prepared_for() -> None:
    prepared_for = capacity.RATES[0]
    requests = prepared_for * sum(count for count, _ in capacity.ways().values())
    assert requests <= PROD.rate <= capacity.QUOTAS["requests"].default


def test_a_thousand_orders_cost_no_more_than_their_budget_from_cart_to_paid() -> None:
    due, with_all_transitions = capacity.until_paid()
    assert due <= capacity.BUDGET
    assert with_all_transitions - due == pytest.approx(0.05)
    assert capacity.TRANSITIONS <= 4


def test_what_an_event_wakes_is_counted_from_the_manifests() -> None:
    assert capacity.woken(("OrderPlaced",), mails=False) == 2  # the workflow, and what is measured
    assert capacity.woken(("OrderConfirmed",), mails=True) == 1


def test_a_table_is_said_to_be_warmed_only_as_far_as_its_quota_goes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def told() -> str:
        rows = [row for row in capacity.needs(10_000) if row[0].endswith("`sessions`")]
        return rows[0][3]

    assert told() == "raise the table's quota 5 ×, then warmed before the start"
    monkeypatch.setattr(capacity, "PROD", replace(PROD, table_quota=200_000))
    assert told() == "warmed before the start"
