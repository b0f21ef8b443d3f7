"""GET /staff/orders: list the orders of a day (default: today, UTC), newest first."""

from shop.entrypoints.http import Request, endpoint
from shop.orders.schemas.order_list import (
    OrderList,
    day_from_query,
    page_size_from_query,
    status_from_query,
)
from shop.orders.store import DynamoOrderRepository

orders = DynamoOrderRepository()


@endpoint()
def handler(request: Request[None]) -> OrderList:
    query = request.query
    page = orders.list_by_day(
        day_from_query(query.get("day"), request.received_at),
        status=status_from_query(query.get("status")),
        cursor=query.get("cursor"),
        limit=page_size_from_query(query.get("limit")),
    )
    return OrderList.of(page)
