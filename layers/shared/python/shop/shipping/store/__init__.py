"""Storage of the shipping table: DynamoDB, and a cache in warm Lambdas."""

from shop.shipping.store.cache import ShippingTableCache, shipping_table_cache
from shop.shipping.store.repository import DynamoShippingTableRepository

__all__ = ["DynamoShippingTableRepository", "ShippingTableCache", "shipping_table_cache"]
