"""Sharing the uses of a code, or a sale's quota, out over bins before a rush, and merging them."""

from datetime import datetime

from shop.inventory.actions.peaks import bins_for
from shop.inventory.model import USES, Kind, Movement
from shop.inventory.ports import Stock
from shop.kernel.errors import Conflict, NotFound, Stale
from shop.pricing.ports import CountRows

TRIES = 20
"""Buyers may take uses between a look and a write; each time it is looked at again."""
KEEPER = "peak"


def share_out(
    sort: str,
    name: str,
    limit: int,
    orders_a_second: int,
    *,
    rows: CountRows,
    stock: Stock,
    at: datetime,
) -> bool:
    """Keep a count in as many bins as so many orders a second need; 0 after the rush.

    The uses that are left in its row go to the stockroom, in one transaction with the row, so that
    there are never more than ``limit`` of both together (a code's row knows its own). A limit that
    was lowered is taken back from there, as far as it is not used. What never needs bins stays a
    row. Asked again it changes nothing.

    Returns whether it is done: uses that orders took from the row before may still be given back to
    it, and have to be handed over then. Raises Stale where buyers leave no gap, Unavailable.
    """
    for _ in range(TRIES):
        row = rows.of(sort, name, limit)
        level = stock.level(row.article, USES)
        bins = bins_for(orders_a_second, max(0, level.available) + max(0, row.left))
        if not row.bins and (bins == 1 or not row.left):
            return True
        moving = row.left if row.left >= 0 else -min(-row.left, max(0, level.available))
        if moving:
            movement = Movement(
                row.article,
                Kind.COUNTED,
                at,
                KEEPER,
                "uses left, for a rush",
                location=USES,
                on_hand=moving,
            )
            try:
                stock.record(movement, level, along=[rows.handing_over(row, moving)])
            except (Stale, Conflict):
                continue
        try:
            stock.spread(row.article, bins, USES)
        except NotFound:
            return True
        if bins != row.bins:
            rows.tell(row, bins)
        return row.used == 0
    raise Stale(f"the uses of {name} keep being taken")
