"""Sharing a hot SKU's stock out, and merging it again."""

from shop.inventory.actions.peaks import prepare
from shop.inventory.ports import Stock
from shop.kernel.errors import NotFound


class StockBins:
    """See :class:`shop.peak.ports.Bins`."""

    def __init__(self, stock: Stock) -> None:
        self._stock = stock

    def prepare(self, sku: str, orders_a_second: int) -> bool:
        try:
            bins = prepare(sku, orders_a_second, stock=self._stock)
        except NotFound:
            return True
        return orders_a_second > 0 or bins == 1
