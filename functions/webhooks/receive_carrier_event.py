"""POST /webhooks/carriers/{carrier}: verified, queued, answered at once."""

import re
from typing import Any

from shop.edge.http import Answer, Request, endpoint, parse, setting
from shop.edge.queue import send
from shop.edge.webhook import Secret, verified
from shop.kernel.errors import NotFound
from shop.orders.wire.carrier import CARRIER, CarrierEvent

QUEUE = setting("QUEUE_CARRIER_EVENTS")
secret = Secret(setting("SECRET_CARRIER_WEBHOOK"))


@endpoint(status=202)
def handler(request: Request[None]) -> Any:
    carrier = request.path["carrier"]
    if not re.fullmatch(CARRIER, carrier):
        raise NotFound("no carrier has such a name", path="carrier")
    verified(request.headers, request.raw, secret, request.at)
    event = parse(CarrierEvent, request.raw)
    send(QUEUE, {"carrier": carrier, **event.model_dump(mode="json")})
    return Answer(None, 202)
