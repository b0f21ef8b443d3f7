"""POST /webhooks/payments/stripe: verify and queue a payment event."""

from typing import Any, cast

from shop.entrypoints.http import Request, Response, endpoint, required_setting
from shop.entrypoints.request_body import parse_body
from shop.entrypoints.sqs import send_message
from shop.entrypoints.webhook import RawSigningSecret, verify_stripe_signature
from shop.payments.schemas import StripeEvent

QUEUE = required_setting("QUEUE_PAYMENT_EVENTS")
secret = RawSigningSecret(required_setting("SECRET_STRIPE_WEBHOOK"))


@endpoint(status=202)
def handler(request: Request[None]) -> Any:
    verify_stripe_signature(
        request.headers.get("stripe-signature", ""), request.raw_body, secret, request.received_at
    )
    event = cast(StripeEvent, parse_body(StripeEvent, request.raw_body))
    # Other programs may use the same Stripe account; their events concern no order of the shop.
    if event.reference is not None:
        send_message(QUEUE, {"provider": "stripe", "reference": event.reference})
    return Response(None, 202)
