"""Settle a sandbox payment and send a signed webhook, as a real provider would."""

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
    state = sandbox.settle(message.body.reference)
    event = {"type": f"payment.{state.status}", "reference": state.reference}
    send_webhook(URL, event, message.id, secret, message.at)
