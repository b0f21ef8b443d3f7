"""Stock in DynamoDB."""

from shop.inventory.store.alarms import DynamoAlarms
from shop.inventory.store.kits import DynamoKits
from shop.inventory.store.network import DynamoLocations, known_network
from shop.inventory.store.recent import RecentLevels, count_bins, recent_counts, recent_levels
from shop.inventory.store.stock import DynamoStock

__all__ = [
    "DynamoAlarms",
    "DynamoKits",
    "DynamoLocations",
    "DynamoStock",
    "RecentLevels",
    "count_bins",
    "known_network",
    "recent_counts",
    "recent_levels",
]
