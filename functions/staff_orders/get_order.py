"""GET /staff/orders/{id}: return an order with payment, history and price calculation."""

from shop.entrypoints.http import Request, endpoint
from shop.orders.schemas.pricing import PricedOrderView
from shop.orders.store import DynamoOrderRepository

orders = DynamoOrderRepository()


@endpoint()
def handler(request: Request[None]) -> PricedOrderView:
    return PricedOrderView.of(orders.get_by_id(request.path["id"]))
