"""Set back-order terms, and earmark received units for waiting orders."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from shop.inventory.actions.stock_movements import (
    AuditInfo,
    check_level_version,
    get_level,
    release_backorder_earmarks,
)
from shop.inventory.model import (
    MAIN_LOCATION,
    BackorderTerms,
    MovementType,
    StockKey,
    StockLevel,
    StockMovement,
)
from shop.inventory.ports import SkuDirectory, StockRepository
from shop.kernel.errors import Conflict, InvalidRequest

LAST_ZONE_BEHIND_UTC = timedelta(hours=12)
"""The terms of a SKU hold in all markets: a ship date is past when its day is over in each zone."""
SYSTEM_ACTOR = "shop"
"""The actor of journal entries that no staff user made."""


def set_backorder_terms(
    sku: str,
    terms: BackorderTerms,
    *,
    expected_version: int,
    at: datetime,
    stock: StockRepository,
    skus: SkuDirectory,
    location: str = MAIN_LOCATION,
) -> StockLevel:
    """Sell a SKU beyond its stock on hand on these terms; a limit of 0 ends the sale.

    Raises:

    - InvalidRequest (``time_past``) for a ship date or an end in the past;
    - NotFound (``sku_unknown``) for a SKU that no product sells;
    - VersionConflict;
    - Conflict (``stock_promised``) for a limit below the back-ordered units.
    """
    if terms.limit and terms.ships_from < (at - LAST_ZONE_BEHIND_UTC).date():
        raise InvalidRequest(
            "The ship date must be today or later.", code="time_past", path="$.ships_from"
        )
    if terms.limit and terms.until is not None and terms.until <= at:
        raise InvalidRequest(
            "The end of the sale must be in the future.", code="time_past", path="$.until"
        )
    before = get_level(sku, stock=stock, skus=skus, location=location)
    check_level_version(before, expected_version)
    return stock.set_backorder_terms(terms, before)


def earmark_for_backorders(
    waiting: Iterable[StockKey], *, at: datetime, stock: StockRepository
) -> dict[StockKey, int]:
    """Earmark available units for waiting orders; return the earmarked units by SKU and location.

    Units that were earmarked for orders become available again after these are cancelled. If
    another process moves a level at the same time, the next run adjusts it.
    """
    earmarked = {}
    for sku, location in dict.fromkeys((*waiting, *stock.list_backorderable())):
        level = stock.level(sku, location)
        try:
            level = _adjust_earmarks(level, at, stock)
        except Conflict:
            # The job runs every minute, so a conflict needs no retry here.
            level = stock.level(sku, location)
        earmarked[sku, location] = level.earmarked
    return earmarked


def _adjust_earmarks(level: StockLevel, at: datetime, stock: StockRepository) -> StockLevel:
    """Earmark units up to the back-ordered ones, or release surplus earmarks."""
    missing = min(max(0, level.available), level.backordered - level.earmarked)
    if missing > 0:
        movement = StockMovement(
            level.sku,
            MovementType.POLICY,
            at,
            SYSTEM_ACTOR,
            "earmarked for waiting orders",
            location=level.location,
            earmarked=missing,
        )
        return stock.write_movement(movement, level)
    if level.earmarked > level.backordered:
        audit = AuditInfo(SYSTEM_ACTOR, at, "no order waits for these units")
        return release_backorder_earmarks(
            level.sku, audit, stock_writer=stock, location=level.location
        )
    return level
