"""Preparing a SKU for a rush, and putting things back afterwards."""

from collections.abc import Collection, Mapping

from shop.inventory.model import MAIN_LOCATION
from shop.inventory.model.shards import MAX_SHARDS
from shop.inventory.ports import StockRepository

ORDERS_PER_SECOND_PER_SHARD = 25
"""Orders a second that a bin takes with room to spare: 5,000 on 200, and 10,000 were sustained
on 256 (docs/adr, "hot SKUs")."""
MIN_UNITS_PER_SHARD = 16
"""Below this, buyers meet empty bins more often than full ones."""


def shards_for(orders_a_second: float, units: int) -> int:
    """How many bins a SKU needs for this rush, and no more than its units can fill."""
    return max(1, min(_for_rate(orders_a_second), units // MIN_UNITS_PER_SHARD))


def _for_rate(orders_a_second: float) -> int:
    return min(-(-int(orders_a_second * 1000) // (ORDERS_PER_SECOND_PER_SHARD * 1000)), MAX_SHARDS)


def reshard_for_peak(
    sku: str,
    orders_a_second: float,
    *,
    stock: StockRepository,
    shipping: Collection[str] = (MAIN_LOCATION,),
) -> Mapping[str, int]:
    """Split or merge a SKU's stock for so many orders a second; 0 after the sale.

    It is shared out at every location of ``shipping``, as far as the units there fill bins, and
    each for the whole rush: orders are drawn from the first choice until it is empty, and then all
    of them meet in the next. Elsewhere it is merged.

    Returns how many bins there are, by location; none for a SKU without stock. Asked again it
    shares out what has come since, or goes on merging; what was sold since takes no bin away.
    """
    bins = {}
    for level in stock.levels_by_location(sku):
        rate = orders_a_second if level.location in shipping else 0
        filled = shards_for(rate, max(0, level.available))
        wanted = max(filled, min(level.shard_count, _for_rate(rate)))
        split = max(wanted, level.shard_count) > 1
        bins[level.location] = stock.reshard(sku, wanted, level.location) if split else 1
    return bins
