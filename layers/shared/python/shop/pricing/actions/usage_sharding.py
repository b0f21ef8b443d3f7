"""Shard usage counters before a traffic peak, and merge them afterwards.

Business rules: docs/rules/pricing.md §14.4.
"""

from datetime import datetime

from shop.inventory.actions.sharding import shards_for
from shop.inventory.model import USAGE_LOCATION, MovementType, StockLevel, StockMovement
from shop.inventory.ports import StockRepository
from shop.kernel.errors import Conflict, Contention, NotFound
from shop.pricing.model.usage import UsageCounter
from shop.pricing.ports import UsageCounterRepository

MAX_ATTEMPTS = 20
"""Attempts of a move: orders may take uses between its read and its write."""
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
    """Split a counter into as many shards as the load needs.

    A load of 0 orders per second merges the shards again.

    The remaining uses of the row become stock of an article, which inventory shards like a hot SKU.
    One transaction moves them, so row and shards together never exceed ``limit`` (the row of a code
    stores its own limit). If the limit was lowered, unused uses above it are removed from the
    shards. A counter that never needs shards stays a row. The operation is idempotent.

    Return whether the counter is settled. It is not settled while orders hold uses of the row: a
    cancelled order returns them to the row, and a later call moves them. Raises Contention if
    orders change the counter during every attempt, and Unavailable.
    """
    for _ in range(MAX_ATTEMPTS):
        row = rows.get(kind, name, limit)
        level = stock.level(row.article, USAGE_LOCATION)
        available = max(0, level.available)
        shard_count = shards_for(orders_per_second, available + max(0, row.remaining))
        if not row.shard_count and (shard_count == 1 or not row.remaining):
            return True
        # Below zero after the limit was lowered: then unused uses return from the shards.
        moved = row.remaining if row.remaining >= 0 else -min(-row.remaining, available)
        if moved and not _move(row, level, moved, rows, stock, at):
            continue
        try:
            stock.reshard(row.article, shard_count, USAGE_LOCATION)
        except NotFound:
            # No use was ever moved, so there is no stock to shard.
            return True
        if shard_count != row.shard_count:
            rows.set_shard_count(row, shard_count)
        return row.used == 0
    raise Contention(f"Orders are changing the uses of {name}. Try again.")


def _move(
    row: UsageCounter,
    level: StockLevel,
    units: int,
    rows: UsageCounterRepository,
    stock: StockRepository,
    at: datetime,
) -> bool:
    """Move uses to the shards; return ``False`` if an order changed the row or the shards."""
    movement = StockMovement(
        row.article,
        MovementType.COUNTED,
        at,
        ACTOR,
        "remaining uses, for a traffic peak",
        location=USAGE_LOCATION,
        on_hand=units,
    )
    try:
        stock.write_movement(movement, level, extra_writes=[rows.move_to_shards_op(row, units)])
    except Conflict:
        return False
    return True
