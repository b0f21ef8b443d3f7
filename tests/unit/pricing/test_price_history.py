"""The lowest price of thirty days, and the append-only history that it is taken from."""

from datetime import UTC, datetime, timedelta

import pytest

from shop.kernel.errors import Conflict
from shop.kernel.money import Money
from shop.pricing.model.price_history import PriceHistory, PricePoint

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def days_ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def eur(minor: int) -> Money:
    return Money(minor, "EUR")


def history(*changes: tuple[float, int, int | None]) -> PriceHistory:
    """A history of changes, each (days ago, price, regular price)."""
    result = PriceHistory("a")
    for days, price, regular in changes:
        result = result.with_price(
            PricePoint(days_ago(days), eur(price), None if regular is None else eur(regular))
        )
    return result


def reduction(*changes: tuple[float, int, int | None]) -> tuple[int | None, int] | None:
    """Reference price and percentage of the reduction in force now."""
    current = history(*changes).reduction(NOW)
    if current is None:
        return None
    return (current.lowest.minor if current.lowest else None, current.percent)


def test_price_without_a_reduction_has_no_reference() -> None:
    assert reduction((100, 10_000, None)) is None
    assert reduction() is None


def test_price_raised_before_the_sale_does_not_raise_the_percentage() -> None:
    assert reduction((100, 10_000, None), (10, 12_000, None), (1, 9_000, 12_000)) == (10_000, 10)


def test_lowest_price_ignores_prices_that_ended_before_the_thirty_days() -> None:
    assert reduction((100, 5_000, None), (32, 10_000, None), (2, 8_000, 10_000)) == (10_000, 20)
    assert reduction((100, 5_000, None), (31.9, 10_000, None), (2, 8_000, 10_000)) == (5_000, 0)


def test_earlier_sale_within_thirty_days_is_the_reference() -> None:
    assert reduction(
        (100, 10_000, None), (25, 7_000, 10_000), (20, 10_000, None), (1, 8_000, 10_000)
    ) == (7_000, 0)


def test_percentage_is_rounded_down() -> None:
    assert reduction((100, 2_999, None), (1, 1_999, 2_999)) == (2_999, 33)


def test_article_without_an_earlier_sale_has_no_reference_price() -> None:
    assert reduction((1, 8_000, 10_000)) == (None, 0)


def test_article_younger_than_thirty_days_uses_its_whole_history() -> None:
    assert reduction((5, 10_000, None), (1, 9_000, 10_000)) == (10_000, 10)


def test_history_skips_unchanged_prices_and_rejects_backdated_ones() -> None:
    unchanged = history((10, 100, None), (5, 100, None))
    assert len(unchanged.points) == 1
    with pytest.raises(Conflict) as error:
        unchanged.with_price(PricePoint(days_ago(20), eur(90)))
    assert error.value.code == "history_backdated"
