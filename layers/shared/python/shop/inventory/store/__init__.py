"""Stock in DynamoDB."""

from shop.inventory.store.kits import DynamoKitRepository
from shop.inventory.store.level_cache import (
    LevelCache,
    counter_level_cache,
    counter_shards,
    level_cache,
)
from shop.inventory.store.locations import DynamoLocationRepository, locations_cache
from shop.inventory.store.low_stock import DynamoLowStockAlerts
from shop.inventory.store.stock import DynamoStockRepository

__all__ = [
    "DynamoKitRepository",
    "DynamoLocationRepository",
    "DynamoLowStockAlerts",
    "DynamoStockRepository",
    "LevelCache",
    "counter_level_cache",
    "counter_shards",
    "level_cache",
    "locations_cache",
]
