"""POST /webhooks/carriers/{carrier}: verified, queued, answered at once."""

from typing import Any, cast

from shop.edge.http import Answer, Request, endpoint, parse, setting
from shop.edge.queue import send
from shop.edge.webhook import Keyring, verified
from shop.orders.wire.carrier import CarrierEvent

QUEUE = setting("QUEUE_CARRIER_EVENTS")
secret = Keyring(setting("SECRET_CARRIER_WEBHOOK"))


@endpoint(status=202)
def handler(request: Request[None]) -> Any:
    carrier = request.path["carrier"]
    verified(request.headers, request.raw, secret.of(carrier, request.at), request.at)
    event = cast(CarrierEvent, parse(CarrierEvent, request.raw))
    event.refuse_untimely(request.at)
    send(QUEUE, {"carrier": carrier, **event.model_dump(mode="json")})
    return Answer(None, 202)
