"""What is done with prices over time: record them, and say what may be announced."""

from datetime import datetime

from shop.kernel.money import Money
from shop.pricing.model.price_history import PriceHistory, PricePoint, PriceReduction
from shop.pricing.ports import PriceHistoryRepository


def record_price(
    article: str,
    market: str,
    price: Money,
    *,
    regular: Money | None = None,
    histories: PriceHistoryRepository,
    at: datetime,
) -> PriceHistory:
    """From now on the article costs this; ``regular`` is what a reduction is off."""
    before = histories.get(article, market)
    after = before.with_price(PricePoint(at, price, regular))
    return before if after is before else histories.save(before, after, market)


def reduction_now(
    article: str, market: str, *, histories: PriceHistoryRepository, at: datetime
) -> PriceReduction | None:
    """The reduction running now, with the lowest price of the thirty days before it began."""
    return histories.get(article, market).reduction(at)
