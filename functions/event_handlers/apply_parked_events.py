"""OrderShipped: record the tracking events that arrived before their parcel."""

import os

from shop.entrypoints.eventbridge import EventEnvelope, emit_metrics, event_handler
from shop.entrypoints.http import log
from shop.orders.actions.delivery import apply_parked_events
from shop.orders.store import DynamoOrderRepository
from shop.orders.store.parked_events import DynamoParkedEvents

orders = DynamoOrderRepository()
parked_events = DynamoParkedEvents()


@event_handler
def handler(event: EventEnvelope) -> None:
    invalid = apply_parked_events(
        event.data["carrier"],
        event.data["tracking_number"],
        at=event.now,
        orders=orders,
        parked_events=parked_events,
    )
    for parked in invalid:
        fields = {"order": event.subject, "event": parked.event.id, "carrier": parked.carrier}
        log.error("message rejected permanently", extra=fields)
        emit_metrics({"MessagesRejected": 1}, event.now, Stage=os.environ["STAGE"])
