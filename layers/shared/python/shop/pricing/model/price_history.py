"""The price history of an article (docs/rules/pricing.md §11)."""

from bisect import bisect_right
from dataclasses import replace
from datetime import datetime, timedelta

from shop.kernel.errors import Conflict
from shop.kernel.frozen import frozen
from shop.kernel.money import Money

LOWEST_PRICE_DAYS = 30


@frozen
class PricePoint:
    """The price from ``since`` on.

    ``regular`` is the price before a reduction, if there is one.
    """

    since: datetime
    price: Money
    regular: Money | None = None

    @property
    def reduced(self) -> bool:
        return self.regular is not None and self.price < self.regular


@frozen
class PriceReduction:
    """A reduction that began at ``began``. ``lowest`` is the lowest price before it.

    ``percent`` is calculated from ``lowest`` and rounded down. If it is 0, or ``lowest`` is
    ``None``, there is no percentage to display.
    """

    price: Money
    began: datetime
    lowest: Money | None
    percent: int


@frozen
class PriceHistory:
    """The prices of one article in one market, oldest first; append-only."""

    article: str
    points: tuple[PricePoint, ...] = ()

    def with_price(self, point: PricePoint) -> "PriceHistory":
        """Return the history with one more change; an unchanged price adds nothing.

        Raises :class:`Conflict` (``history_backdated``) for a change before the last one.
        """
        if self.points:
            last = self.points[-1]
            if (last.price, last.regular) == (point.price, point.regular):
                return self
            if point.since <= last.since:
                raise Conflict(
                    "A price change must be later than the last one.", code="history_backdated"
                )
        return replace(self, points=(*self.points, point))

    def lowest_before(self, began: datetime, days: int = LOWEST_PRICE_DAYS) -> Money | None:
        """Return the lowest price in the ``days`` before an instant, or ``None``."""
        begin = began - timedelta(days=days)
        # The price in force when the period began counts, although it was set before.
        first = max(0, bisect_right(self.points, begin, key=lambda point: point.since) - 1)
        prices = [point.price for point in self.points[first:] if point.since < began]
        return min(prices, key=lambda price: price.minor) if prices else None

    def reduction(self, at: datetime, days: int = LOWEST_PRICE_DAYS) -> PriceReduction | None:
        """Return the reduction in force at an instant, or ``None`` without a reduction.

        Source: Directive 98/6/EC, Art. 6a; the Commission's guidance of 2021, C/2021/9328.
        """
        current = bisect_right(self.points, at, key=lambda point: point.since) - 1
        if current < 0 or not self.points[current].reduced:
            return None
        # §11.1: successive reductions without a break keep the reference of the first.
        first = current
        while first > 0 and self.points[first - 1].reduced:
            first -= 1
        price, began = self.points[current].price, self.points[first].since
        lowest = self.lowest_before(began, days)
        percent = 0
        if lowest is not None and price < lowest:
            percent = (lowest.minor - price.minor) * 100 // lowest.minor
        return PriceReduction(price, began, lowest, percent)
