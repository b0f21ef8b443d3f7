"""Reshard the stock of a SKU before a traffic peak and after it."""

from collections.abc import Collection, Mapping

from shop.inventory.model import MAIN_LOCATION
from shop.inventory.model.shards import MAX_SHARDS
from shop.inventory.ports import StockRepository

ORDERS_PER_SECOND_PER_SHARD = 25
"""A rate below the measured limit of a shard: 10,000 orders/s were sustained on 256 shards
(docs/adr/hot-skus.md)."""
MIN_UNITS_PER_SHARD = 16
"""With fewer units per shard, most picks meet empty shards."""


def shards_for(orders_per_second: float, units: int) -> int:
    """Return the number of shards for a rate of orders; the units limit it."""
    return max(1, min(_shards_for_rate(orders_per_second), units // MIN_UNITS_PER_SHARD))


def _shards_for_rate(orders_per_second: float) -> int:
    # In thousandths, so that the division rounds up without floating-point error.
    thousandths = int(orders_per_second * 1000)
    return min(-(-thousandths // (ORDERS_PER_SECOND_PER_SHARD * 1000)), MAX_SHARDS)


def reshard_for_peak(
    sku: str,
    orders_per_second: float,
    *,
    stock: StockRepository,
    shipping_locations: Collection[str] = (MAIN_LOCATION,),
) -> Mapping[str, int]:
    """Split or merge the stock of a SKU for a rate of orders; 0 after the peak.

    Orders use the first location until it is empty, and then the next. Therefore every shipping
    location is prepared for the whole rate, as far as its units fill shards. Stock at other
    locations is merged.

    Returns the number of shards by location, which is empty for a SKU without stock. A repeated
    call splits units that arrived meanwhile and continues to merge. Sales never reduce the number.
    """
    shard_counts = {}
    for level in stock.levels_by_location(sku):
        rate = orders_per_second if level.location in shipping_locations else 0
        fillable = shards_for(rate, max(0, level.available))
        # Selling units must not merge shards in the middle of a peak; a lower rate may.
        target = max(fillable, min(level.shard_count, _shards_for_rate(rate)))
        is_sharded = max(target, level.shard_count) > 1
        shard_counts[level.location] = (
            stock.reshard(sku, target, level.location) if is_sharded else 1
        )
    return shard_counts
