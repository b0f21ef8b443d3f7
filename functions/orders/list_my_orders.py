"""GET /account/orders: list the signed-in customer's orders, newest first."""

from shop.entrypoints.http import Request, endpoint
from shop.orders.schemas.order_list import OrderList, page_size_from_query
from shop.orders.store import DynamoOrderRepository

orders = DynamoOrderRepository()


@endpoint()
def handler(request: Request[None]) -> OrderList:
    query = request.query
    page = orders.list_by_customer(
        request.caller.owner,
        cursor=query.get("cursor"),
        limit=page_size_from_query(query.get("limit")),
    )
    return OrderList.of(page)
