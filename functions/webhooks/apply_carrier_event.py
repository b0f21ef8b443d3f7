"""Add a carrier's tracking event to its shipment, once per event."""

from shop.entrypoints.sqs import QueueMessage, consumer
from shop.kernel.errors import InvalidRequest
from shop.orders.actions.delivery import record_tracking_event
from shop.orders.model import TrackingEvent
from shop.orders.schemas.carrier import CarrierMessage
from shop.orders.store import DynamoOrderRepository

orders = DynamoOrderRepository()


# A retry cannot fix an event with an implausible time, so it fails at once.
@consumer(CarrierMessage, final=(InvalidRequest,))
def handler(message: QueueMessage[CarrierMessage]) -> None:
    body = message.body
    event = TrackingEvent(body.id, body.occurred_at, body.status, body.description)
    record_tracking_event(body.carrier, body.tracking_number, event, at=message.at, orders=orders)
