"""Emails to the buyer of an order."""

from collections.abc import Callable
from datetime import datetime

from shop.kernel.notifications import EmailSender, SentEmails, send_once
from shop.orders.model import TERMINATED, Order
from shop.orders.ports import Email, OrderRepository


def send_order_confirmation(
    order_id: str,
    *,
    build_email: Callable[[Order], Email],
    at: datetime,
    orders: OrderRepository,
    sent_emails: SentEmails,
    email_sender: EmailSender,
) -> bool:
    """Send the order confirmation once. Returns whether it was sent now.

    Raises Unavailable while another process is sending it; the event is then delivered again.
    """
    order = orders.get_by_id(order_id)
    # Events may arrive late: a cancelled order gets no confirmation.
    if order.status in TERMINATED:
        return False
    return send_once(
        order_id,
        "confirmation",
        order.email,
        lambda: build_email(order),
        at=at,
        sent_emails=sent_emails,
        email_sender=email_sender,
    )
