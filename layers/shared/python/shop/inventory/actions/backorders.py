"""Selling what is not here: the terms, and what comes of them when goods arrive."""

from collections.abc import Iterable
from datetime import datetime

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
    StockLevel,
    StockMovement,
)
from shop.inventory.ports import SkuDirectory, StockRepository
from shop.kernel.errors import Conflict, InvalidRequest, VersionConflict


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
    """Sell a SKU beyond what is here, from now on on these terms; a limit of 0 ends it.

    Raises NotFound for what no product sells, Invalid for a date that is past, Stale, and Conflict
    (``stock_promised``) for a limit below what was sold on it.
    """
    if terms.limit and terms.ships_from < at.date():
        raise InvalidRequest("goods to come ship on a day to come", path="$.ships_from")
    if terms.limit and terms.until is not None and terms.until <= at:
        raise InvalidRequest("the end lies ahead", path="$.until")
    before = get_level(sku, stock=stock, skus=skus, location=location)
    check_level_version(before, expected_version)
    return stock.set_backorder_terms(terms, before)


def earmark_for_backorders(
    waiting: Iterable[tuple[str, str]], *, at: datetime, stock: StockRepository
) -> dict[tuple[str, str], int]:
    """What is for sale of goods that orders wait for is theirs first; what was put aside for orders
    that were called off is for sale again. Returns what is put aside, by SKU and location.

    Where somebody moves the goods just now, they are left for the next time.
    """
    aside = {}
    for sku, location in dict.fromkeys((*waiting, *stock.list_backorderable())):
        level = stock.level(sku, location)
        missing = min(max(0, level.available), level.backordered - level.earmarked)
        try:
            if missing > 0:
                level = stock.write_movement(
                    StockMovement(
                        sku,
                        MovementType.POLICY,
                        at,
                        "shop",
                        "put aside for who waits",
                        location=location,
                        earmarked=missing,
                    ),
                    level,
                )
            elif level.earmarked > level.backordered:
                slip = AuditInfo("shop", at, "nobody waits for it any more")
                level = release_backorder_earmarks(sku, slip, stock_writer=stock, location=location)
        except (VersionConflict, Conflict):
            level = stock.level(sku, location)
        aside[sku, location] = level.earmarked
    return aside
