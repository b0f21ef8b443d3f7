"""Resharding of hot SKUs and usage counters before and after a peak."""

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
        shards = reshard_for_peak(
            sku, orders_per_second, stock=self._stock, shipping_locations=shipping
        )
        # Merging is finished when each location is down to one shard; splitting always is.
        return orders_per_second > 0 or all(count == 1 for count in shards.values())

    def rebalance(self, sku: str, orders_per_second: int) -> bool:
        before = {
            level.location: level.shard_count for level in self._stock.levels_by_location(sku)
        }
        shipping = self._locations.get().shipping_locations()
        after = reshard_for_peak(
            sku, orders_per_second, stock=self._stock, shipping_locations=shipping
        )
        return after != before


class CounterShardManager:
    """See :class:`shop.peak.ports.CounterSharding`."""

    def __init__(self, counters: UsageCounterRepository, stock: StockRepository) -> None:
        self._counters = counters
        self._stock = stock

    def reshard_counter(
        self, counter: LimitedCounter, orders_per_second: int, at: datetime
    ) -> bool:
        return reshard_counter(
            counter.kind,
            counter.name,
            counter.limit,
            orders_per_second,
            rows=self._counters,
            stock=self._stock,
            at=at,
        )
