"""GET /orders/{id}: return an order to its customer, or a guest's order to any caller."""

from typing import Any

from shop.entrypoints.http import Request, endpoint, required_setting
from shop.orders.actions.lookup import get_order
from shop.orders.schemas.ucp import order_view
from shop.orders.store import DynamoOrderRepository

SHOP_URL = required_setting("SHOP_URL")
orders = DynamoOrderRepository()


@endpoint(capability="dev.ucp.shopping.order")
def handler(request: Request[None]) -> dict[str, Any]:
    order = get_order(request.caller.customer, request.path["id"], orders=orders)
    return order_view(order, SHOP_URL)
