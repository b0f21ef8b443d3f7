"""Add a carrier's tracking event to its shipment, once per event, or park it until there is one."""

import os

from shop.entrypoints.eventbridge import emit_metrics
from shop.entrypoints.http import log
from shop.entrypoints.sqs import QueueMessage, consumer
from shop.kernel.errors import InvalidRequest
from shop.orders.actions.delivery import record_or_park
from shop.orders.model import ParkedEvent, TrackingEvent
from shop.orders.schemas.carrier import CarrierMessage
from shop.orders.store import DynamoOrderRepository
from shop.orders.store.parked_events import DynamoParkedEvents

orders = DynamoOrderRepository()
parked_events = DynamoParkedEvents()


# A retry cannot fix an event with an implausible time, so it fails at once.
@consumer(CarrierMessage, final=(InvalidRequest,))
def handler(message: QueueMessage[CarrierMessage]) -> None:
    body = message.body
    event = TrackingEvent(body.id, body.occurred_at, body.status, body.description)
    parked = ParkedEvent(body.carrier, body.tracking_number, event, message.at)
    if record_or_park(parked, orders=orders, parked_events=parked_events):
        fields = {"carrier": body.carrier, "tracking_number": body.tracking_number}
        log.warning("tracking event of an unknown parcel", extra={**fields, "event": body.id})
        emit_metrics({"TrackingEventsParked": 1}, message.at, Stage=os.environ["STAGE"])
