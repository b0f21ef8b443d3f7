"""Changes of an order after its confirmation: email the buyer, once per change."""

from functools import partial

from shop.entrypoints.eventbridge import EventEnvelope, event_handler
from shop.entrypoints.http import required_setting
from shop.orders.actions.notifications import PublishedEvent, send_order_notice
from shop.orders.gateway.mail import SesEmailSender
from shop.orders.schemas.emails import order_notice_email
from shop.orders.store import DynamoOrderEmails, DynamoOrderRepository

build_email = partial(order_notice_email, shop_url=required_setting("SHOP_URL"))
orders = DynamoOrderRepository()
sent_emails = DynamoOrderEmails()
email_sender = SesEmailSender(required_setting("MAIL_FROM"))


@event_handler
def handler(event: EventEnvelope) -> None:
    send_order_notice(
        event.subject,
        PublishedEvent(event.id, event.type, event.data),
        build_email=build_email,
        at=event.now,
        orders=orders,
        sent_emails=sent_emails,
        email_sender=email_sender,
    )
