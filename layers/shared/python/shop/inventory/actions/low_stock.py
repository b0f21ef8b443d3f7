"""Detect low stock and send one alert per crossing of a threshold."""

from collections.abc import Callable, Iterable
from datetime import datetime

from shop.inventory.actions.stock_movements import check_level_version
from shop.inventory.model import (
    MAIN_LOCATION,
    MAX_UNITS,
    AlertState,
    LowStockCrossing,
    StockKey,
    StockLevel,
)
from shop.inventory.ports import LowStockAlerts, StockRepository
from shop.kernel.errors import InvalidRequest, NotFound
from shop.kernel.notifications import Email, EmailSender, SentEmails, send_once

BATCH_SIZE = 100
"""Levels per call of DynamoDB."""


def set_low_stock_threshold(
    sku: str,
    threshold: int | None,
    *,
    expected_version: int,
    stock: StockRepository,
    alerts: LowStockAlerts,
    location: str = MAIN_LOCATION,
) -> StockLevel:
    """Set the number of available units at which staff are alerted; ``None`` clears it.

    Raises InvalidRequest, VersionConflict, NotFound (``stock_unknown``) for a level that does not
    exist, and Conflict for a kit.
    """
    if threshold is not None and not 0 <= threshold <= MAX_UNITS:
        raise InvalidRequest(
            f"The threshold must be from 0 to {MAX_UNITS} units.",
            code="out_of_range",
            path="$.low_stock_threshold",
        )
    before = stock.level(sku, location)
    if before.version == 0:
        raise NotFound(
            f"{sku} has no stock at {location}. Enter a count first.",
            code="stock_unknown",
            path="$.sku",
        )
    before.require_no_kit()
    check_level_version(before, expected_version)
    alerts.set_threshold(threshold, before)
    return stock.level(sku, location)


def check_low_stock(
    keys: Iterable[StockKey],
    *,
    at: datetime,
    stock: StockRepository,
    alerts: LowStockAlerts,
) -> tuple[LowStockCrossing, ...]:
    """Check levels against their thresholds; return the crossings that this call recorded.

    One conditional write records the crossing together with its event. After a crash before the
    write, the next check records the crossing. Of two concurrent checks, one records it. The alert
    closes when the stock is above the threshold again.
    """
    recorded = []
    for read_level in stock.get_levels_at(list(dict.fromkeys(keys))):
        level = read_level
        if _crosses_threshold(level) and level.shard_count > 1:
            # The read of many shards can miss units that move between them. A second, consistent
            # read must confirm the crossing.
            level = stock.level(level.sku, level.location)
        if _crosses_threshold(level) and level.low_stock_threshold is not None:
            crossing = LowStockCrossing(
                level.sku,
                level.location,
                level.available,
                level.low_stock_threshold,
                level.crossings + 1,
                at,
            )
            if alerts.open_alert(crossing, level):
                recorded.append(crossing)
        elif not level.is_low and level.alert_state is not AlertState.OK:
            alerts.close_alert(level)
    return tuple(recorded)


def _crosses_threshold(level: StockLevel) -> bool:
    """Whether the stock is low and no alert is open."""
    return level.is_low and level.alert_state is AlertState.OK


def check_all_low_stock(
    *, at: datetime, stock: StockRepository, alerts: LowStockAlerts
) -> tuple[int, int]:
    """Check every level with a threshold.

    Return the number of levels and the number of new crossings.
    """
    level_count = crossing_count = 0
    cursor = None
    while True:
        page = alerts.list_watched(cursor=cursor, limit=BATCH_SIZE)
        crossing_count += len(check_low_stock(page.items, at=at, stock=stock, alerts=alerts))
        level_count += len(page.items)
        cursor = page.cursor
        if cursor is None:
            return level_count, crossing_count


def send_low_stock_alert(
    crossing: LowStockCrossing,
    to: str,
    *,
    build_email: Callable[[LowStockCrossing], Email],
    at: datetime,
    sent_emails: SentEmails,
    email_sender: EmailSender,
) -> bool:
    """Email the staff, once per crossing; return whether this call sent the email.

    Raises Unavailable while another process sends the same email; callers retry later.
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
