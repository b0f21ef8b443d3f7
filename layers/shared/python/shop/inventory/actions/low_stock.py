"""Telling once that a stock runs low, however many look at it."""

from collections.abc import Callable, Iterable
from datetime import datetime

from shop.inventory.actions.stock_movements import check_level_version
from shop.inventory.model import MAIN_LOCATION, MAX_UNITS, AlertState, LowStockCrossing, StockLevel
from shop.inventory.ports import LowStockAlerts, StockRepository
from shop.kernel.errors import InvalidRequest, NotFound
from shop.kernel.notifications import Email, EmailSender, SentEmails, send_once

BATCH_SIZE = 100
"""Levels that one call of DynamoDB reads."""


def set_low_stock_threshold(
    sku: str,
    low_at: int | None,
    *,
    expected_version: int,
    stock: StockRepository,
    alarms: LowStockAlerts,
    location: str = MAIN_LOCATION,
) -> StockLevel:
    """Be told when no more than ``low_at`` units are for sale; ``None`` to be left in peace.

    Raises Stale, and NotFound where the SKU has never been.
    """
    if low_at is not None and not 0 <= low_at <= MAX_UNITS:
        raise InvalidRequest("an alarm is set to a number of units, from 0", path="$.low_at")
    before = stock.level(sku, location)
    if before.version == 0:
        said = f"there is no stock of {sku} at {location}"
        raise NotFound(said, code="stock_unknown", path="$.sku")
    before.with_movements()  # a kit is refused
    check_level_version(before, expected_version)
    alarms.set_threshold(low_at, before)
    return stock.level(sku, location)


def check_low_stock(
    places: Iterable[tuple[str, str]],
    *,
    at: datetime,
    stock: StockRepository,
    alarms: LowStockAlerts,
) -> tuple[LowStockCrossing, ...]:
    """Look whether thresholds were crossed at these (SKU, location); returns what was noted now.

    A crossing is noted under the condition that nobody noted it yet, and its event leaves with that
    write: whoever crashes before it leaves it to the next who looks, and of two who look at once
    one notes it. Once the stock is above the threshold again the alarm is armed anew.
    """
    noted = []
    for seen in stock.get_levels_at(list(dict.fromkeys(places))):
        level = seen
        if level.shard_count > 1 and level.is_low and level.alert_state is AlertState.OK:
            # Units that moved between bins while these were read were counted in neither.
            level = stock.level(level.sku, level.location)
        if (
            level.is_low
            and level.low_stock_threshold is not None
            and level.alert_state is AlertState.OK
        ):
            news = LowStockCrossing(
                level.sku,
                level.location,
                level.available,
                level.low_stock_threshold,
                level.crossings + 1,
                at,
            )
            if alarms.open_alert(news, level):
                noted.append(news)
        elif not level.is_low and level.alert_state is not AlertState.OK:
            alarms.close_alert(level)
    return tuple(noted)


def check_all_low_stock(
    *, at: datetime, stock: StockRepository, alarms: LowStockAlerts
) -> tuple[int, int]:
    """Look at everything that has a threshold; how many these are, and crossings noted."""
    looked = noted = 0
    cursor = None
    while True:
        page = alarms.list_watched(cursor=cursor, limit=BATCH_SIZE)
        noted += len(check_low_stock(page.items, at=at, stock=stock, alarms=alarms))
        looked += len(page.items)
        cursor = page.cursor
        if cursor is None:
            return looked, noted


def send_low_stock_alert(
    crossing: LowStockCrossing,
    to: str,
    *,
    build_email: Callable[[LowStockCrossing], Email],
    at: datetime,
    sent_emails: SentEmails,
    email_sender: EmailSender,
) -> bool:
    """Write to the staff that a stock runs low, once per crossing; whether a letter left now.

    Raises Unavailable when somebody else is at it just now: try again later.
    """
    return send_once(
        crossing.key,
        "staff",
        to,
        lambda: build_email(crossing),
        at=at,
        sent_emails=sent_emails,
        email_sender=email_sender,
    )
