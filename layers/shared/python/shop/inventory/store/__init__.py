"""Stock in DynamoDB."""

from shop.inventory.store.recent import RecentLevels
from shop.inventory.store.stock import DynamoStock

__all__ = ["DynamoStock", "RecentLevels"]
