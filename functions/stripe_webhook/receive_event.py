"""POST /webhooks/payments/stripe: verified, queued, answered at once."""

from typing import Any, cast

from shop.edge.http import Answer, Request, endpoint, parse, setting
from shop.edge.queue import send
from shop.edge.webhook import WholeSecret, stamped
from shop.payments.wire import StripeEvent

QUEUE = setting("QUEUE_PAYMENT_EVENTS")
secret = WholeSecret(setting("SECRET_STRIPE_WEBHOOK"))


@endpoint(status=202)
def handler(request: Request[None]) -> Any:
    stamped(request.headers.get("stripe-signature", ""), request.raw, secret, request.at)
    event = cast(StripeEvent, parse(StripeEvent, request.raw))
    if event.reference is not None:
        send(QUEUE, {"provider": "stripe", "reference": event.reference})
    return Answer(None, 202)
