"""Less is due than was paid, or money arrived late: refund the excess."""

from shop.entrypoints.eventbridge import EventEnvelope, event_handler
from shop.orders.actions.payments import refund_excess_payment
from shop.orders.store import DynamoOrderRepository
from shop.payments.gateway.factory import create_payment_provider

orders = DynamoOrderRepository()
provider = create_payment_provider()


@event_handler
def handler(event: EventEnvelope) -> None:
    refund_excess_payment(event.subject, at=event.now, orders=orders, provider=provider)
