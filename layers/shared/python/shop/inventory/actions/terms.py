"""Selling what is not here: the terms, and what comes of them when goods arrive."""

from collections.abc import Iterable
from datetime import datetime

from shop.inventory.actions.goods import Slip, as_expected, free_earmarks, look_at
from shop.inventory.model import MAIN, Kind, Movement, StockLevel, Terms
from shop.inventory.ports import Goods, Stock
from shop.kernel.errors import Conflict, Invalid, Stale


def set_terms(
    sku: str,
    terms: Terms,
    *,
    expected_version: int,
    at: datetime,
    stock: Stock,
    goods: Goods,
    location: str = MAIN,
) -> StockLevel:
    """Sell a SKU beyond what is here, from now on on these terms; a limit of 0 ends it.

    Raises NotFound for what no product sells, Invalid for a date that is past, Stale, and Conflict
    (``stock_promised``) for a limit below what was sold on it.
    """
    if terms.limit and terms.ships_from < at.date():
        raise Invalid("goods to come ship on a day to come", path="$.ships_from")
    if terms.limit and terms.until is not None and terms.until <= at:
        raise Invalid("the end lies ahead", path="$.until")
    before = look_at(sku, stock=stock, goods=goods, location=location)
    as_expected(before, expected_version)
    return stock.agree(terms, before)


def put_aside_for_who_waits(
    waiting: Iterable[tuple[str, str]], *, at: datetime, stock: Stock
) -> dict[tuple[str, str], int]:
    """What is for sale of goods that orders wait for is theirs first; what was put aside for orders
    that were called off is for sale again. Returns what is put aside, by SKU and location.

    Where somebody moves the goods just now, they are left for the next time.
    """
    aside = {}
    for sku, location in dict.fromkeys((*waiting, *stock.on_terms())):
        level = stock.level(sku, location)
        missing = min(max(0, level.available), level.awaited - level.earmarked)
        try:
            if missing > 0:
                level = stock.record(
                    Movement(
                        sku,
                        Kind.POLICY,
                        at,
                        "shop",
                        "put aside for who waits",
                        location=location,
                        earmarked=missing,
                    ),
                    level,
                )
            elif level.earmarked > level.awaited:
                slip = Slip("shop", at, "nobody waits for it any more")
                level = free_earmarks(sku, slip, stock=stock, location=location)
        except (Stale, Conflict):
            level = stock.level(sku, location)
        aside[sku, location] = level.earmarked
    return aside
