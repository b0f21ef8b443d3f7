"""GET /staff/orders: find orders by what staff know about them, newest first."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from shop.entrypoints.http import Request, endpoint, required_setting
from shop.entrypoints.webhook import RawSigningSecret
from shop.orders.actions.finding import find_orders
from shop.orders.schemas.order_list import OrderList, page_size_from_query
from shop.orders.schemas.order_search import search_from_query
from shop.orders.store import DynamoOrderRepository
from shop.orders.store.finding import DynamoOrderFinder

zone = ZoneInfo(required_setting("TIME_ZONE"))
secret = RawSigningSecret(required_setting("SECRET_ORDER_INDEX"))
orders = DynamoOrderRepository()
finder = DynamoOrderFinder(lambda: secret.keys(datetime.now(UTC)))


@endpoint()
def handler(request: Request[None]) -> OrderList:
    query = request.query
    page = find_orders(
        search_from_query(query, at=request.received_at, zone=zone),
        cursor=query.get("cursor"),
        limit=page_size_from_query(query.get("limit")),
        orders=orders,
        finder=finder,
    )
    return OrderList.of(page)
