"""GET /staff/orders: the orders of a day, today's when none is named, newest first."""

from shop.edge.http import Request, endpoint
from shop.orders.store import DynamoOrders
from shop.orders.wire.staff import OrderList, day_of, page_size, status_of

orders = DynamoOrders()


@endpoint()
def handler(request: Request[None]) -> OrderList:
    query = request.query
    page = orders.placed_on(
        day_of(query.get("day"), request.at),
        status=status_of(query.get("status")),
        cursor=query.get("cursor"),
        limit=page_size(query.get("limit")),
    )
    return OrderList.of(page)
