"""Sharing a hot SKU's stock out, or a hot count, and merging it again."""

from datetime import datetime

from shop.inventory.actions.peaks import prepare
from shop.inventory.ports import Locations, Stock
from shop.peak.model.rushes import Limited
from shop.pricing.actions.hot_counts import share_out
from shop.pricing.ports import CountRows


class StockBins:
    """See :class:`shop.peak.ports.Bins`."""

    def __init__(self, stock: Stock, locations: Locations) -> None:
        self._stock = stock
        self._locations = locations

    def prepare(self, sku: str, orders_a_second: int) -> bool:
        shipping = self._locations.network().sources()
        bins = prepare(sku, orders_a_second, stock=self._stock, shipping=shipping)
        return orders_a_second > 0 or all(each == 1 for each in bins.values())

    def refill(self, sku: str, orders_a_second: int) -> bool:
        before = {level.location: level.bins for level in self._stock.everywhere(sku)}
        shipping = self._locations.network().sources()
        return prepare(sku, orders_a_second, stock=self._stock, shipping=shipping) != before


class CountBins:
    """See :class:`shop.peak.ports.Counts`."""

    def __init__(self, rows: CountRows, stock: Stock) -> None:
        self._rows = rows
        self._stock = stock

    def share(self, count: Limited, orders_a_second: int, at: datetime) -> bool:
        return share_out(
            count.sort,
            count.name,
            count.limit,
            orders_a_second,
            rows=self._rows,
            stock=self._stock,
            at=at,
        )
