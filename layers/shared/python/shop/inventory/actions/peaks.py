"""Preparing a SKU for a rush, and putting things back afterwards."""

from shop.inventory.model import MAIN
from shop.inventory.model.bins import MOST_BINS
from shop.inventory.ports import Stock

ORDERS_A_BIN = 25
"""Orders a second that a bin takes with room to spare: 5,000 on 200, and 10,000 were sustained
on 256 (docs/adr, "hot SKUs")."""
UNITS_A_BIN = 16
"""Below this, buyers meet empty bins more often than full ones."""


def bins_for(orders_a_second: float, units: int) -> int:
    """How many bins a SKU needs for this rush, and no more than its units can fill."""
    for_rate = -(-int(orders_a_second * 1000) // (ORDERS_A_BIN * 1000))
    return max(1, min(for_rate, units // UNITS_A_BIN, MOST_BINS))


def prepare(sku: str, orders_a_second: float, *, stock: Stock, location: str = MAIN) -> int:
    """Split or merge a SKU's stock for so many orders a second; 0 after the sale.

    Returns how many bins there are. Asked again it changes nothing, or goes on merging.
    """
    level = stock.level(sku, location)
    return stock.spread(sku, bins_for(orders_a_second, max(0, level.available)), location)
