"""What an article cost and when; and the lowest price that the law wants beside a reduction."""

from bisect import bisect_right
from dataclasses import replace
from datetime import datetime, timedelta

from shop.kernel.errors import Conflict
from shop.kernel.frozen import frozen
from shop.kernel.money import Money

LOWEST_PRICE_DAYS = 30


@frozen
class PricePoint:
    """From ``since`` on it cost ``price``; where that was a reduction, ``regular`` is what it was
    off.
    """

    since: datetime
    price: Money
    regular: Money | None = None

    @property
    def reduced(self) -> bool:
        return self.regular is not None and self.price < self.regular


@frozen
class PriceReduction:
    """A reduction as it may be announced. ``lowest`` is the lowest price of the days before
    ``began``.

    ``percent`` is reckoned from ``lowest`` and rounded down; 0, or no ``lowest``: nothing to
    announce.
    """

    price: Money
    began: datetime
    lowest: Money | None
    percent: int


@frozen
class PriceHistory:
    """The prices of one article in one market, oldest first. It grows at the end and is never
    rewritten.
    """

    article: str
    points: tuple[PricePoint, ...] = ()

    def with_price(self, to: PricePoint) -> "PriceHistory":
        """The history with one change more; the same price again changes nothing.

        Raises :class:`Conflict` for a change before the last one: what was, was.
        """
        if self.points:
            last = self.points[-1]
            if (last.price, last.regular) == (to.price, to.regular):
                return self
            if to.since <= last.since:
                raise Conflict("a price history only grows at its end", code="history_backdated")
        return replace(self, points=(*self.points, to))

    def lowest_before(self, began: datetime, days: int = LOWEST_PRICE_DAYS) -> Money | None:
        """The lowest price in force at any time in the ``days`` before an instant, or ``None``."""
        begin = began - timedelta(days=days)
        first = max(0, bisect_right(self.points, begin, key=lambda point: point.since) - 1)
        prices = [point.price for point in self.points[first:] if point.since < began]
        return min(prices, key=lambda price: price.minor) if prices else None

    def reduction(self, at: datetime, days: int = LOWEST_PRICE_DAYS) -> PriceReduction | None:
        """The reduction running at that instant; ``None`` where the price is not reduced.

        Reductions that follow one another without a break are one, and keep the reference of the
        first (Directive 98/6/EC, Art. 6a; the Commission's guidance of 2021, C/2021/9328).
        """
        now = bisect_right(self.points, at, key=lambda point: point.since) - 1
        if now < 0 or not self.points[now].reduced:
            return None
        first = now
        while first > 0 and self.points[first - 1].reduced:
            first -= 1
        price, began = self.points[now].price, self.points[first].since
        lowest = self.lowest_before(began, days)
        percent = 0
        if lowest is not None and price < lowest:
            percent = (lowest.minor - price.minor) * 100 // lowest.minor
        return PriceReduction(price, began, lowest, percent)
