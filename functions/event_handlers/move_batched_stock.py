"""An order of many articles changed → its stock, which moves in batches, has moved to the last."""

from shop.entrypoints.eventbridge import EventEnvelope, event_handler
from shop.inventory.store import DynamoStockRepository
from shop.orders.actions.batched_placement import process_queued_batches
from shop.orders.actions.order_writes import OrderStockWrites
from shop.orders.store import DynamoOrderRepository
from shop.storage.connection import connection
from shop.storage.transactions import DynamoUnitOfWork

writes = OrderStockWrites(
    orders=DynamoOrderRepository(),
    stock=DynamoStockRepository(),
    uow=DynamoUnitOfWork(connection()),
)


@event_handler
def handler(event: EventEnvelope) -> None:
    process_queued_batches(event.subject, writes=writes)
