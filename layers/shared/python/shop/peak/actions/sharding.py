"""Sharing a hot SKU's stock out, or a hot count, and merging it again."""

from datetime import datetime

from shop.inventory.actions.sharding import reshard_for_peak
from shop.inventory.ports import LocationRepository, StockRepository
from shop.peak.model.traffic_peaks import LimitedCounter
from shop.pricing.actions.usage_sharding import reshard_counter
from shop.pricing.ports import UsageCounterRepository


class StockShardManager:
    """See :class:`shop.peak.ports.ShardManager`."""

    def __init__(self, stock: StockRepository, locations: LocationRepository) -> None:
        self._stock = stock
        self._locations = locations

    def reshard(self, sku: str, orders_per_second: int) -> bool:
        shipping = self._locations.get().shipping_locations()
        bins = reshard_for_peak(
            sku, orders_per_second, stock=self._stock, shipping_locations=shipping
        )
        return orders_per_second > 0 or all(each == 1 for each in bins.values())

    def rebalance(self, sku: str, orders_per_second: int) -> bool:
        before = {
            level.location: level.shard_count for level in self._stock.levels_by_location(sku)
        }
        shipping = self._locations.get().shipping_locations()
        return (
            reshard_for_peak(
                sku, orders_per_second, stock=self._stock, shipping_locations=shipping
            )
            != before
        )


class CounterShardManager:
    """See :class:`shop.peak.ports.CounterSharding`."""

    def __init__(self, rows: UsageCounterRepository, stock: StockRepository) -> None:
        self._rows = rows
        self._stock = stock

    def reshard_counter(self, count: LimitedCounter, orders_per_second: int, at: datetime) -> bool:
        return reshard_counter(
            count.kind,
            count.name,
            count.limit,
            orders_per_second,
            rows=self._rows,
            stock=self._stock,
            at=at,
        )
