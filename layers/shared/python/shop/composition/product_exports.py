"""The stock that exports of products state."""

from collections.abc import Iterable, Mapping

from shop.inventory.ports import StockRepository


def units_on_hand(skus: Iterable[str], stock: StockRepository) -> Mapping[str, int]:
    """Return the units on hand at all shipping locations, of the SKUs that have stock.

    A kit has no stock of its own. The reads are batched: one per 100 SKUs and locations.
    """
    levels = stock.levels(skus).values()
    return {level.sku: level.on_hand for level in levels if level.version and not level.parts}
