"""GET /orders/{id}: an order as it stands, for its customer or who knows a guest's id."""

from typing import Any

from shop.edge.http import Request, endpoint, setting
from shop.orders.actions.finding import find_order
from shop.orders.store import DynamoOrders
from shop.orders.wire.ucp import order_view

SHOP_URL = setting("SHOP_URL")
orders = DynamoOrders()


@endpoint(capability="dev.ucp.shopping.order")
def handler(request: Request[None]) -> dict[str, Any]:
    order = find_order(request.caller.customer, request.path["id"], orders=orders)
    return order_view(order, SHOP_URL)
