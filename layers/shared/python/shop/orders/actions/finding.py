"""Finding orders, for staff."""

from shop.kernel.errors import NotFound
from shop.kernel.pagination import Page
from shop.orders.model import Order
from shop.orders.model.finding import OrderSearch, OrderSums
from shop.orders.ports import OrderFinder, OrderRepository, OrderSummaryItem


def find_orders(
    search: OrderSearch,
    *,
    cursor: str | None,
    limit: int,
    orders: OrderRepository,
    finder: OrderFinder,
) -> Page[OrderSummaryItem]:
    """Return the orders that meet every condition, newest first."""
    if search.number is None:
        return finder.find(search, cursor=cursor, limit=limit)
    found = _of_number(search.number, search, orders)
    return Page(tuple(summary_of(order) for order in found))


def sum_orders(search: OrderSearch, *, orders: OrderRepository, finder: OrderFinder) -> OrderSums:
    """Return the sums of the orders that meet every condition."""
    if search.number is None:
        return finder.sum_up(search)
    found = _of_number(search.number, search, orders)
    return OrderSums.of(summary_of(order) for order in found)


def _of_number(number: str, search: OrderSearch, orders: OrderRepository) -> tuple[Order, ...]:
    """Return the order of the number, if it meets the other conditions, too."""
    try:
        order = orders.get_by_id(number)
    except NotFound:
        return ()
    return (order,) if search.matches(order) else ()


def summary_of(order: Order) -> OrderSummaryItem:
    """Return an order as lists show it."""
    return OrderSummaryItem(
        id=order.id,
        status=order.status,
        placed_at=order.placed_at,
        currency=order.currency,
        total=order.total,
        pieces=sum(line.quantity for line in order.lines),
        email=order.email,
        returned=order.returned_value,
        refunded=order.payment.total_of("refunded"),
        worth=order.worth,
        cancelled=order.cancelled_value,
        net=order.net_value,
        net_tax=order.net_tax,
        net_shipping=order.net_shipping,
        active_pieces=order.active_pieces,
    )
