"""The shipping table in DynamoDB, and in the memory of warm Lambdas."""

from shop.shipping.store.book import DynamoShippingBook
from shop.shipping.store.tables import DynamoShippingTables, shipping_tables

__all__ = ["DynamoShippingBook", "DynamoShippingTables", "shipping_tables"]
