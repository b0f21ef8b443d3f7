"""A payment changed: ask the provider for its state and record it on the order.

The message only identifies the payment, because webhooks arrive late and in any order.
"""

from shop.composition.orders import order_writes
from shop.entrypoints.sqs import QueueMessage, consumer
from shop.orders.actions.payments import record_payment
from shop.payments.gateway.factory import create_payment_provider
from shop.payments.schemas import PaymentMessage

writes = order_writes()
provider = create_payment_provider()


@consumer(PaymentMessage)
def handler(message: QueueMessage[PaymentMessage]) -> None:
    order_id, state = provider.get_payment(message.body.reference)
    record_payment(order_id, state, at=message.at, actor=provider.name, writes=writes)
