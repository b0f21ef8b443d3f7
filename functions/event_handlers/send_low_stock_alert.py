"""LowStockDetected: email the staff, once per crossing."""

from shop.entrypoints.eventbridge import EventEnvelope, event_handler
from shop.entrypoints.http import required_setting
from shop.inventory.actions import send_low_stock_alert
from shop.inventory.model import LowStockCrossing
from shop.inventory.schemas.thresholds import low_stock_email
from shop.inventory.store.low_stock import DynamoStockEmails
from shop.orders.gateway.mail import SesEmailSender

staff_address = required_setting("STAFF_MAIL")
sent_emails = DynamoStockEmails()
email_sender = SesEmailSender(required_setting("MAIL_FROM"))


@event_handler
def handler(event: EventEnvelope) -> None:
    crossing = LowStockCrossing.from_event(event.subject, event.at, event.data)
    send_low_stock_alert(
        crossing,
        staff_address,
        build_email=low_stock_email,
        at=event.now,
        sent_emails=sent_emails,
        email_sender=email_sender,
    )
