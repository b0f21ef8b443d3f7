"""The order index in tests: stored orders are indexed as the stream of their table passes them."""

from typing import Any

import boto3

from shop.entrypoints.dynamodb_stream import from_dynamodb_value
from shop.orders.ports import OrderFinder, OrderRepository
from tests.doubles.orders import MemoryOrderFinder, MemoryOrderRepository

KEY = b"k" * 32


def images(table: str = "orders") -> list[dict[str, Any]]:
    """Return the images of all stored orders."""
    items = boto3.client("dynamodb", region_name="us-east-1").scan(TableName=table)["Items"]
    decoded = [{name: from_dynamodb_value(v) for name, v in item.items()} for item in items]
    return [image for image in decoded if image["SK"].startswith("HEAD#")]


def index_all() -> None:
    """Index all orders in moto, as after their placement."""
    from shop.orders.store import DynamoOrderRepository
    from shop.orders.store.order_index import DynamoOrderIndex

    index = DynamoOrderIndex(lambda: (KEY,), DynamoOrderRepository())
    assert index.apply([(image["PK"], None, image) for image in images()]) is None


def finder_of(orders: OrderRepository) -> OrderFinder:
    """Return a finder over all orders of this repository, in memory or in moto."""
    if isinstance(orders, MemoryOrderRepository):
        return MemoryOrderFinder(orders)
    from shop.orders.store.finding import DynamoOrderFinder

    index_all()
    return DynamoOrderFinder(lambda: (KEY,))
