"""Stock in DynamoDB.

``low_stock`` is imported by its own path: it needs the email modules, which buyers' Lambdas
should not load.
"""

from shop.inventory.store.kits import DynamoKitRepository
from shop.inventory.store.level_cache import (
    LevelCache,
    counter_level_cache,
    counter_shards,
    level_cache,
)
from shop.inventory.store.locations import DynamoLocationRepository, locations_cache
from shop.inventory.store.stock import DynamoStockRepository

__all__ = [
    "DynamoKitRepository",
    "DynamoLocationRepository",
    "DynamoStockRepository",
    "LevelCache",
    "counter_level_cache",
    "counter_shards",
    "level_cache",
    "locations_cache",
]
