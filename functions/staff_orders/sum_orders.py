"""GET /staff/order-sums: sum up the orders of a search by currency."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from shop.entrypoints.http import Request, endpoint, required_setting
from shop.entrypoints.webhook import RawSigningSecret
from shop.orders.actions.finding import sum_orders
from shop.orders.schemas.order_search import OrderSumsView, search_from_query
from shop.orders.store import DynamoOrderRepository
from shop.orders.store.finding import DynamoOrderFinder

zone = ZoneInfo(required_setting("TIME_ZONE"))
secret = RawSigningSecret(required_setting("SECRET_ORDER_INDEX"))
orders = DynamoOrderRepository()
finder = DynamoOrderFinder(lambda: secret.keys(datetime.now(UTC)))


@endpoint()
def handler(request: Request[None]) -> OrderSumsView:
    query = request.query
    search = search_from_query(query, at=request.received_at, zone=zone)
    return OrderSumsView.of(sum_orders(search, orders=orders, finder=finder))
