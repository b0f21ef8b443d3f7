"""Stock in DynamoDB."""

from shop.inventory.store.stock import DynamoStock

__all__ = ["DynamoStock"]
