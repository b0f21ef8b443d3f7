"""POST /webhooks/payments/{provider}: verified, queued, answered at once."""

from typing import Any

from shop.edge.http import Answer, Request, endpoint, parse, setting
from shop.edge.queue import send
from shop.edge.webhook import Secret, verified
from shop.kernel.errors import NotFound
from shop.payments.gateway.chosen import webhook_secret_of_the_stage
from shop.payments.wire import PaymentEvent

QUEUE = setting("QUEUE_PAYMENT_EVENTS")
PROVIDER = setting("PAYMENT_PROVIDER")
secret = Secret(webhook_secret_of_the_stage())


@endpoint(status=202)
def handler(request: Request[None]) -> Any:
    if request.path["provider"] != PROVIDER:
        raise NotFound("this shop has no such payment provider", path="provider")
    verified(request.headers, request.raw, secret, request.at)
    event = parse(PaymentEvent, request.raw)
    send(QUEUE, {"provider": PROVIDER, **event.model_dump()})
    return Answer(None, 202)
