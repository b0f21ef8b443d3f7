"""A sandbox payment comes to its end; a signed webhook tells, as a real provider's would."""

from shop.edge.http import setting
from shop.edge.queue import Message, consumer
from shop.edge.webhook import Secret, deliver
from shop.payments.gateway.chosen import sandbox_of_the_stage
from shop.payments.wire import PaymentEvent

URL = f"{setting('SHOP_URL')}/webhooks/payments/sandbox"
secret = Secret(setting("SECRET_SANDBOX_WEBHOOK"))
sandbox = sandbox_of_the_stage()


@consumer(PaymentEvent)
def handler(message: Message[PaymentEvent]) -> None:
    report = sandbox.settle(message.body.reference)
    told = {"type": f"payment.{report.status}", "reference": report.reference}
    deliver(URL, told, message.id, secret, message.at)
