"""The lowest price of thirty days, and a history nobody rewrites."""

from datetime import UTC, datetime, timedelta

import pytest

from shop.kernel.errors import Conflict
from shop.kernel.money import Money
from shop.pricing.actions.prices import record_price, reduction_now
from tests.doubles.pricing import MemoryHistories

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def days_ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def eur(minor: int) -> Money:
    return Money(minor, "EUR")


def shelf(*changes: tuple[float, int, int | None]) -> MemoryHistories:
    histories = MemoryHistories()
    for days, price, regular in changes:
        record_price(
            "a",
            "EU",
            eur(price),
            regular=None if regular is None else eur(regular),
            histories=histories,
            at=days_ago(days),
        )
    return histories


def lowest(*changes: tuple[float, int, int | None]) -> tuple[int | None, int] | None:
    reduction = reduction_now("a", "EU", histories=shelf(*changes), at=NOW)
    if reduction is None:
        return None
    return (reduction.lowest.minor if reduction.lowest else None, reduction.percent)


def test_without_a_reduction_there_is_nothing_to_announce() -> None:
    assert lowest((100, 10_000, None)) is None
    assert lowest() is None


def test_a_price_raised_before_the_sale_makes_no_better_percentage() -> None:
    assert lowest((100, 10_000, None), (10, 12_000, None), (1, 9_000, 12_000)) == (10_000, 10)


def test_a_low_price_ended_thirty_days_before_the_sale_is_out_of_the_window() -> None:
    assert lowest((100, 5_000, None), (32, 10_000, None), (2, 8_000, 10_000)) == (10_000, 20)
    assert lowest((100, 5_000, None), (31.9, 10_000, None), (2, 8_000, 10_000)) == (5_000, 0)


def test_an_earlier_sale_within_the_window_counts() -> None:
    assert lowest(
        (100, 10_000, None), (25, 7_000, 10_000), (20, 10_000, None), (1, 8_000, 10_000)
    ) == (7_000, 0)


def test_the_percentage_is_rounded_down() -> None:
    assert lowest((100, 2_999, None), (1, 1_999, 2_999)) == (2_999, 33)


def test_what_was_never_sold_before_has_no_reference() -> None:
    assert lowest((1, 8_000, 10_000)) == (None, 0)


def test_an_article_younger_than_thirty_days_looks_back_as_far_as_it_can() -> None:
    assert lowest((5, 10_000, None), (1, 9_000, 10_000)) == (10_000, 10)


def test_the_same_price_again_is_no_change_and_the_past_stays_as_it_was() -> None:
    histories = shelf((10, 100, None), (5, 100, None))
    assert len(histories.get("a", "EU").points) == 1
    with pytest.raises(Conflict) as refusal:
        record_price("a", "EU", eur(90), histories=histories, at=days_ago(20))
    assert refusal.value.code == "history_backdated"
