"""POST /webhooks/carriers/{carrier}: verify and queue a carrier's tracking event."""

from typing import Any, cast

from shop.entrypoints.http import Request, Response, endpoint, required_setting
from shop.entrypoints.request_body import parse_body
from shop.entrypoints.sqs import send_message
from shop.entrypoints.webhook import SecretSet, verify_standard_webhook
from shop.orders.schemas.carrier import CarrierEvent

QUEUE = required_setting("QUEUE_CARRIER_EVENTS")
secret = SecretSet(required_setting("SECRET_CARRIER_WEBHOOK"))


@endpoint(status=202)
def handler(request: Request[None]) -> Any:
    carrier = request.path["carrier"]
    verify_standard_webhook(
        request.headers,
        request.raw_body,
        secret.for_sender(carrier, request.received_at),
        request.received_at,
    )
    event = cast(CarrierEvent, parse_body(CarrierEvent, request.raw_body))
    event.validate_time(request.received_at)
    send_message(QUEUE, {"carrier": carrier, **event.model_dump(mode="json")})
    return Response(None, 202)
