"""Telling once that a stock runs low, however many look at it."""

from collections.abc import Callable, Iterable

from shop.inventory.actions.goods import as_expected
from shop.inventory.model import MAIN, MOST, LowStock, StockLevel, Watch
from shop.inventory.ports import Stock
from shop.kernel.errors import Invalid


def set_alarm(
    sku: str,
    low_at: int | None,
    *,
    expected_version: int,
    stock: Stock,
    location: str = MAIN,
) -> StockLevel:
    """Be told when no more than ``low_at`` units are for sale; ``None`` to be left in peace."""
    if low_at is not None and not 0 <= low_at <= MOST:
        raise Invalid("an alarm is set to a number of units, from 0", path="$.low_at")
    before = stock.level(sku, location)
    as_expected(before, expected_version)
    return stock.alarm(low_at, before)


def watch_low_stock(
    skus: Iterable[str], *, stock: Stock, tell: Callable[[LowStock], None]
) -> tuple[LowStock, ...]:
    """Look whether thresholds were crossed, after an order or by the clock; returns what was told.

    A crossing is noted before it is told, and noted as told only afterwards: whoever crashes in
    between leaves it to the next who looks, and two who look at once tell the same. So ``tell``
    may hear of a crossing twice and must go by its :attr:`LowStock.key`. Once the stock is above
    the threshold again the alarm is armed anew.
    """
    told = []
    for level in [one for levels in stock.by_location(skus).values() for one in levels]:
        if level.low and level.low_at is not None and level.watch is not Watch.TOLD:
            noted = level if level.watch is Watch.CROSSED else stock.mark(level, Watch.CROSSED)
            if noted is None:
                continue
            news = LowStock(
                level.sku, level.location, level.available, level.low_at, noted.crossings
            )
            tell(news)
            stock.mark(noted, Watch.TOLD)
            told.append(news)
        elif not level.low and level.watch is not Watch.FINE:
            stock.mark(level, Watch.FINE)
    return tuple(told)
