"""The shipping table in DynamoDB, and in the memory of warm Lambdas."""

from shop.shipping.store.cache import ShippingTableCache, shipping_table_cache
from shop.shipping.store.repository import DynamoShippingTableRepository

__all__ = ["DynamoShippingTableRepository", "ShippingTableCache", "shipping_table_cache"]
