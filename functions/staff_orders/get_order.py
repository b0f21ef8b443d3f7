"""GET /staff/orders/{id}: everything the shop knows of an order, and how its prices came about."""

from shop.edge.http import Request, endpoint
from shop.orders.store import DynamoOrders
from shop.orders.wire.pricing import PricedOrder

orders = DynamoOrders()


@endpoint()
def handler(request: Request[None]) -> PricedOrder:
    return PricedOrder.of(orders.by_id(request.path["id"]))
