"""Stock in DynamoDB."""

from shop.inventory.store.recent import RecentLevels, recent_levels
from shop.inventory.store.stock import DynamoStock

__all__ = ["DynamoStock", "RecentLevels", "recent_levels"]
