"""An order for whoever asks."""

from shop.kernel.errors import NotFound
from shop.orders.model import GUEST_OWNER, Order
from shop.orders.ports import OrderRepository


def get_order(customer: str | None, order_id: str, *, orders: OrderRepository) -> Order:
    """An order for whoever asks. Raises NotFound for what is another customer's.

    A guest's order opens to everybody who knows its unguessable id, so a customer who is signed in
    now also finds what was bought without signing in; a customer's order opens to that customer.
    """
    if customer is not None:
        try:
            return _placed_one(orders.get(customer, order_id))
        except NotFound:
            pass
    return _placed_one(orders.get(GUEST_OWNER, order_id))


def _placed_one(order: Order) -> Order:
    if order.never_placed:
        raise NotFound("there is no such order")
    return order
