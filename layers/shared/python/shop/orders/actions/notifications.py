"""Letters to the buyer."""

from collections.abc import Callable
from datetime import datetime

from shop.kernel.notifications import send_once
from shop.orders.model import TERMINATED, Order
from shop.orders.ports import Email, EmailSender, OrderRepository, SentEmails


def send_order_confirmation(
    order_id: str,
    *,
    build_email: Callable[[Order], Email],
    at: datetime,
    orders: OrderRepository,
    sent_emails: SentEmails,
    email_sender: EmailSender,
) -> bool:
    """Write to the buyer that the order is confirmed, once. Returns whether a letter left now.

    Raises Unavailable when somebody else is at it just now: try again later.
    """
    order = orders.get_by_id(order_id)
    if order.status in TERMINATED:
        return False
    kind = "confirmation"
    return send_once(
        order_id,
        kind,
        order.email,
        lambda: build_email(order),
        at=at,
        sent_emails=sent_emails,
        email_sender=email_sender,
    )
