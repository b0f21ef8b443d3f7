"""POST /webhooks/payments/sandbox: verify and queue a payment event."""

from typing import Any

from shop.entrypoints.http import Request, Response, endpoint, required_setting
from shop.entrypoints.request_body import parse_body
from shop.entrypoints.sqs import send_message
from shop.entrypoints.webhook import SigningSecret, verify_standard_webhook
from shop.payments.schemas import PaymentEvent

QUEUE = required_setting("QUEUE_PAYMENT_EVENTS")
secret = SigningSecret(required_setting("SECRET_SANDBOX_WEBHOOK"))


@endpoint(status=202)
def handler(request: Request[None]) -> Any:
    verify_standard_webhook(request.headers, request.raw_body, secret, request.received_at)
    event = parse_body(PaymentEvent, request.raw_body)
    send_message(QUEUE, {"provider": "sandbox", **event.model_dump()})
    return Response(None, 202)
