"""Lookup of an order for its buyer."""

from shop.kernel.errors import NotFound
from shop.orders.model import GUEST_OWNER, Order
from shop.orders.ports import OrderRepository


def get_order(customer: str | None, order_id: str, *, orders: OrderRepository) -> Order:
    """Return an order for a customer, or for a guest (``None``). Raises NotFound.

    A guest's order is readable for every caller who knows its unguessable id, so a customer also
    finds orders that were placed before signing in. A customer's order is readable for that
    customer only.
    """
    if customer is not None:
        try:
            return _require_placed(orders.get(customer, order_id))
        except NotFound:
            pass  # it may be a guest's order
    return _require_placed(orders.get(GUEST_OWNER, order_id))


def _require_placed(order: Order) -> Order:
    if order.never_placed:
        raise NotFound("No order has this id. Check the id.")
    return order
