"""GET /account/orders: what the signed-in customer bought, newest first."""

from shop.edge.http import Request, endpoint
from shop.orders.store import DynamoOrders
from shop.orders.wire.staff import OrderList, page_size

orders = DynamoOrders()


@endpoint()
def handler(request: Request[None]) -> OrderList:
    query = request.query
    page = orders.of_customer(
        request.caller.owner, cursor=query.get("cursor"), limit=page_size(query.get("limit"))
    )
    return OrderList.of(page)
