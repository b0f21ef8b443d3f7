"""Finding customers by their orders, for staff."""

from shop.kernel.errors import NotFound
from shop.kernel.pagination import Page
from shop.orders.model.customers import OrderingCustomer
from shop.orders.model.finding import OrderSearch
from shop.orders.ports import CustomerFinder, OrderRepository


def find_customers(
    search: OrderSearch,
    *,
    cursor: str | None,
    limit: int,
    orders: OrderRepository,
    customers: CustomerFinder,
) -> Page[OrderingCustomer]:
    """Return the customers whose orders match, each once."""
    if search.number is None:
        return customers.find(search, cursor=cursor, limit=limit)
    try:
        order = orders.get_by_id(search.number)
    except NotFound:
        return Page(())
    return Page((customers.customer_of(order),) if search.matches(order) else ())
