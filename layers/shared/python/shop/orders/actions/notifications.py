"""Emails to the buyer of an order."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from shop.kernel.frozen import frozen
from shop.kernel.notifications import EmailSender, SentEmails, send_once
from shop.orders.model import TERMINATED, Order
from shop.orders.model.notices import Notice, notice_of
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


@frozen
class PublishedEvent:
    """A published event of an order, as its handler receives it."""

    id: str
    type: str
    data: Mapping[str, Any]


def send_order_notice(
    order_id: str,
    event: PublishedEvent,
    *,
    build_email: Callable[[Order, Notice], Email],
    at: datetime,
    orders: OrderRepository,
    sent_emails: SentEmails,
    email_sender: EmailSender,
) -> bool:
    """Send the buyer the notice that an event calls for, once per event.

    Returns whether it was sent now. Raises Unavailable while another process is sending it; the
    event is then delivered again.
    """
    order = orders.get_by_id(order_id)
    notice = notice_of(order, event.type, event.data)
    if notice is None:
        return False
    return send_once(
        order_id,
        # The id of an event is unique per change of the order, and a repeated event has the same.
        f"{notice.kind}.{event.id}",
        order.email,
        lambda: build_email(order, notice),
        at=at,
        sent_emails=sent_emails,
        email_sender=email_sender,
    )
