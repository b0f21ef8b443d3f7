"""Letters to the buyer."""

from collections.abc import Callable
from datetime import datetime

from shop.kernel.letters import write_once
from shop.orders.model import CALLED_OFF, Order
from shop.orders.ports import Letter, Letters, Mail, Orders


def confirm_by_mail(
    order_id: str,
    *,
    letter: Callable[[Order], Letter],
    at: datetime,
    orders: Orders,
    letters: Letters,
    mail: Mail,
) -> bool:
    """Write to the buyer that the order is confirmed, once. Returns whether a letter left now.

    Raises Unavailable when somebody else is at it just now: try again later.
    """
    order = orders.by_id(order_id)
    if order.status in CALLED_OFF:
        return False
    kind = "confirmation"
    return write_once(
        order_id, kind, order.email, lambda: letter(order), at=at, letters=letters, mail=mail
    )
