"""An order of many articles changed → its stock, which moves in batches, has moved to the last."""

from shop.entrypoints.eventbridge import EventEnvelope, event_handler
from shop.inventory.store import DynamoStockRepository
from shop.orders.actions.batched_placement import process_queued_batches
from shop.orders.store import DynamoOrderRepository
from shop.storage.connection import connection
from shop.storage.transactions import DynamoUnitOfWork

orders = DynamoOrderRepository()
stock = DynamoStockRepository()
ledger = DynamoUnitOfWork(connection())


@event_handler
def handler(event: EventEnvelope) -> None:
    process_queued_batches(event.subject, orders=orders, reservations=stock, uow=ledger)
