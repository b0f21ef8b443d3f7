"""Telling once that a stock runs low, however many look at it."""

from collections.abc import Callable, Iterable
from datetime import datetime

from shop.inventory.actions.goods import as_expected
from shop.inventory.model import MAIN, MOST, LowStock, StockLevel, Watch
from shop.inventory.ports import Alarms, Stock
from shop.kernel.errors import Invalid, NotFound
from shop.kernel.letters import Letter, Letters, Mail, write_once

LOOKED_AT_ONCE = 100
"""Levels that one call of DynamoDB reads."""


def set_alarm(
    sku: str,
    low_at: int | None,
    *,
    expected_version: int,
    stock: Stock,
    alarms: Alarms,
    location: str = MAIN,
) -> StockLevel:
    """Be told when no more than ``low_at`` units are for sale; ``None`` to be left in peace.

    Raises Stale, and NotFound where the SKU has never been.
    """
    if low_at is not None and not 0 <= low_at <= MOST:
        raise Invalid("an alarm is set to a number of units, from 0", path="$.low_at")
    before = stock.level(sku, location)
    if before.version == 0:
        said = f"there is no stock of {sku} at {location}"
        raise NotFound(said, code="stock_unknown", path="$.sku")
    before.after()  # a kit is refused
    as_expected(before, expected_version)
    alarms.set(low_at, before)
    return stock.level(sku, location)


def watch_low_stock(
    places: Iterable[tuple[str, str]], *, at: datetime, stock: Stock, alarms: Alarms
) -> tuple[LowStock, ...]:
    """Look whether thresholds were crossed at these (SKU, location); returns what was noted now.

    A crossing is noted under the condition that nobody noted it yet, and its event leaves with that
    write: whoever crashes before it leaves it to the next who looks, and of two who look at once
    one notes it. Once the stock is above the threshold again the alarm is armed anew.
    """
    noted = []
    for seen in stock.at(list(dict.fromkeys(places))):
        level = seen
        if level.bins > 1 and level.low and level.watch is Watch.FINE:
            # Units that moved between bins while these were read were counted in neither.
            level = stock.level(level.sku, level.location)
        if level.low and level.low_at is not None and level.watch is Watch.FINE:
            news = LowStock(
                level.sku, level.location, level.available, level.low_at, level.crossings + 1, at
            )
            if alarms.note_low(news, level):
                noted.append(news)
        elif not level.low and level.watch is not Watch.FINE:
            alarms.note_fine(level)
    return tuple(noted)


def watch_all(*, at: datetime, stock: Stock, alarms: Alarms) -> tuple[int, int]:
    """Look at everything that has a threshold; how many these are, and crossings noted."""
    looked = noted = 0
    cursor = None
    while True:
        page = alarms.watched(cursor=cursor, limit=LOOKED_AT_ONCE)
        noted += len(watch_low_stock(page.items, at=at, stock=stock, alarms=alarms))
        looked += len(page.items)
        cursor = page.cursor
        if cursor is None:
            return looked, noted


def tell_low_stock(
    news: LowStock,
    to: str,
    *,
    letter: Callable[[LowStock], Letter],
    at: datetime,
    letters: Letters,
    mail: Mail,
) -> bool:
    """Write to the staff that a stock runs low, once per crossing; whether a letter left now.

    Raises Unavailable when somebody else is at it just now: try again later.
    """
    return write_once(
        news.key, "staff", to, lambda: letter(news), at=at, letters=letters, mail=mail
    )
