"""GET /staff/customers: find customers by email, name, phone or the number of an order.

A request reads a page of orders, then the orders of each customer: a call for an account, two for
a guest.
"""

from datetime import UTC, datetime

from shop.customers.store import DynamoCustomerSegmentRepository
from shop.entrypoints.http import Request, endpoint, required_setting
from shop.entrypoints.webhook import RawSigningSecret
from shop.orders.actions.finding_customers import find_customers
from shop.orders.schemas.customer_list import (
    CustomerListView,
    customers_page_size,
    search_from_text,
)
from shop.orders.store import DynamoOrderRepository
from shop.orders.store.customer_finder import DynamoCustomerFinder
from shop.storage.prefetch import prefetch

secret = RawSigningSecret(required_setting("SECRET_ORDER_INDEX"))
orders = DynamoOrderRepository()
customers = DynamoCustomerFinder(lambda: secret.keys(datetime.now(UTC)))
segments = DynamoCustomerSegmentRepository()


@endpoint()
def handler(request: Request[None]) -> CustomerListView:
    query = request.query
    page = find_customers(
        search_from_text(query.get("q")),
        cursor=query.get("cursor"),
        limit=customers_page_size(query.get("limit")),
        orders=orders,
        customers=customers,
    )
    accounts = [each.key.id for each in page.items if not each.key.is_guest]
    if not accounts:
        return CustomerListView.of(page, {})
    with prefetch(*(segments.read_set(id_, consistent=False) for id_ in accounts)):
        found = {id_: segments.get(id_, consistent=False) for id_ in accounts}
    return CustomerListView.of(page, found)
