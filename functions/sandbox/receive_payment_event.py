"""POST /webhooks/payments/sandbox: verified, queued, answered at once."""

from typing import Any

from shop.edge.http import Answer, Request, endpoint, parse, setting
from shop.edge.queue import send
from shop.edge.webhook import Secret, verified
from shop.payments.wire import PaymentEvent

QUEUE = setting("QUEUE_PAYMENT_EVENTS")
secret = Secret(setting("SECRET_SANDBOX_WEBHOOK"))


@endpoint(status=202)
def handler(request: Request[None]) -> Any:
    verified(request.headers, request.raw, secret, request.at)
    event = parse(PaymentEvent, request.raw)
    send(QUEUE, {"provider": "sandbox", **event.model_dump()})
    return Answer(None, 202)
