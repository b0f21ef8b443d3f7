"""A carrier said where a parcel is: the order's timeline takes note, once for each event."""

from shop.edge.queue import Message, consumer
from shop.kernel.errors import Invalid
from shop.orders.actions.delivering import move_parcel
from shop.orders.model import Tracking
from shop.orders.store import DynamoOrders
from shop.orders.wire.carrier import CarrierMessage

orders = DynamoOrders()


@consumer(CarrierMessage, final=(Invalid,))
def handler(message: Message[CarrierMessage]) -> None:
    said = message.body
    heard = Tracking(said.id, said.occurred_at, said.status, said.description)
    move_parcel(said.carrier, said.tracking_number, heard, at=message.at, orders=orders)
