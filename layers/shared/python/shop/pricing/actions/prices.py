"""What is done with prices over time: record them, and say what may be announced."""

from datetime import datetime

from shop.kernel.money import Money
from shop.pricing.model.history import PriceHistory, PricePoint, Reduction
from shop.pricing.ports import Histories


def record_price(
    article: str,
    market: str,
    price: Money,
    *,
    regular: Money | None = None,
    histories: Histories,
    at: datetime,
) -> PriceHistory:
    """From now on the article costs this; ``regular`` is what a reduction is off."""
    before = histories.of(article, market)
    after = before.changed(PricePoint(at, price, regular))
    return before if after is before else histories.save(before, after, market)


def reduction_now(
    article: str, market: str, *, histories: Histories, at: datetime
) -> Reduction | None:
    """The reduction running now, with the lowest price of the thirty days before it began."""
    return histories.of(article, market).reduction(at)
