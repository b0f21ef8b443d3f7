"""Sharing the uses of a code, or a sale's quota, out over bins before a rush, and merging them."""

from datetime import datetime

from shop.inventory.actions.sharding import shards_for
from shop.inventory.model import USAGE_LOCATION, MovementType, StockMovement
from shop.inventory.ports import StockRepository
from shop.kernel.errors import Conflict, NotFound, VersionConflict
from shop.pricing.ports import UsageCounterRepository

MAX_ATTEMPTS = 20
"""Buyers may take uses between a look and a write; each time it is looked at again."""
ACTOR = "peak"


def reshard_counter(
    kind: str,
    name: str,
    limit: int,
    orders_per_second: int,
    *,
    rows: UsageCounterRepository,
    stock: StockRepository,
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
    for _ in range(MAX_ATTEMPTS):
        row = rows.get(kind, name, limit)
        level = stock.level(row.article, USAGE_LOCATION)
        bins = shards_for(orders_per_second, max(0, level.available) + max(0, row.remaining))
        if not row.shard_count and (bins == 1 or not row.remaining):
            return True
        moving = (
            row.remaining if row.remaining >= 0 else -min(-row.remaining, max(0, level.available))
        )
        if moving:
            movement = StockMovement(
                row.article,
                MovementType.COUNTED,
                at,
                ACTOR,
                "uses left, for a rush",
                location=USAGE_LOCATION,
                on_hand=moving,
            )
            try:
                stock.write_movement(
                    movement, level, extra_writes=[rows.move_to_shards_op(row, moving)]
                )
            except (VersionConflict, Conflict):
                continue
        try:
            stock.reshard(row.article, bins, USAGE_LOCATION)
        except NotFound:
            return True
        if bins != row.shard_count:
            rows.set_shard_count(row, bins)
        return row.used == 0
    raise VersionConflict(f"the uses of {name} keep being taken")
