"""An order for whoever asks."""

from shop.kernel.errors import NotFound
from shop.orders.model import GUEST, Order
from shop.orders.ports import Orders


def find_order(customer: str | None, order_id: str, *, orders: Orders) -> Order:
    """An order for whoever asks. Raises NotFound for what is another customer's.

    A guest's order opens to everybody who knows its unguessable id, so a customer who is signed in
    now also finds what was bought without signing in; a customer's order opens to that customer.
    """
    if customer is not None:
        try:
            return _placed_one(orders.of(customer, order_id))
        except NotFound:
            pass
    return _placed_one(orders.of(GUEST, order_id))


def _placed_one(order: Order) -> Order:
    if order.never_placed:
        raise NotFound("there is no such order")
    return order
