"""A carrier said where a parcel is: the order's timeline takes note, once for each event."""

from shop.entrypoints.sqs import QueueMessage, consumer
from shop.kernel.errors import InvalidRequest
from shop.orders.actions.delivery import record_tracking_event
from shop.orders.model import TrackingEvent
from shop.orders.schemas.carrier import CarrierMessage
from shop.orders.store import DynamoOrderRepository

orders = DynamoOrderRepository()


@consumer(CarrierMessage, final=(InvalidRequest,))
def handler(message: QueueMessage[CarrierMessage]) -> None:
    said = message.body
    heard = TrackingEvent(said.id, said.occurred_at, said.status, said.description)
    record_tracking_event(said.carrier, said.tracking_number, heard, at=message.at, orders=orders)
