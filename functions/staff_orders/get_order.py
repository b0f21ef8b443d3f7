"""GET /staff/orders/{id}: everything the shop knows of an order."""

from shop.edge.http import Request, endpoint
from shop.orders.store import DynamoOrders
from shop.orders.wire.staff import StaffOrder

orders = DynamoOrders()


@endpoint()
def handler(request: Request[None]) -> StaffOrder:
    return StaffOrder.of(orders.by_id(request.path["id"]))
