"""A sandbox payment comes to its end; a signed webhook tells, as a real provider's would."""

from shop.entrypoints.http import required_setting
from shop.entrypoints.sqs import QueueMessage, consumer
from shop.entrypoints.webhook import SigningSecret, send_webhook
from shop.payments.gateway.factory import create_sandbox_provider
from shop.payments.schemas import PaymentEvent

URL = f"{required_setting('SHOP_URL')}/webhooks/payments/sandbox"
secret = SigningSecret(required_setting("SECRET_SANDBOX_WEBHOOK"))
sandbox = create_sandbox_provider()


@consumer(PaymentEvent)
def handler(message: QueueMessage[PaymentEvent]) -> None:
    report = sandbox.settle(message.body.reference)
    told = {"type": f"payment.{report.status}", "reference": report.reference}
    send_webhook(URL, told, message.id, secret, message.at)
