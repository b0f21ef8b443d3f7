"""POST /staff/orders/{id}/cancel: cancel an order, or its unshipped pieces.

Stock and usage are released in the same transaction; the refund follows the event.
"""

from shop.credits.store.repository import DynamoCreditAccountRepository
from shop.entrypoints.http import Request, endpoint
from shop.inventory.store import DynamoStockRepository, counter_shards
from shop.orders.actions.cancellation import cancel_order
from shop.orders.actions.order_writes import OrderWrites
from shop.orders.schemas.staff import StaffOrder
from shop.orders.schemas.staff_requests import CancelRequest
from shop.orders.store import DynamoOrderRepository
from shop.pricing.store.usage_counters import DynamoUsageCounters
from shop.storage.connection import connection
from shop.storage.transactions import DynamoUnitOfWork

writes = OrderWrites(
    orders=DynamoOrderRepository(),
    stock=DynamoStockRepository(),
    usage=DynamoUsageCounters(counter_shards(), DynamoCreditAccountRepository()),
    uow=DynamoUnitOfWork(connection()),
)


@endpoint(CancelRequest)
def handler(request: Request[CancelRequest]) -> StaffOrder:
    order = cancel_order(
        request.path["id"],
        request.body.reason,
        at=request.received_at,
        actor=f"staff {request.caller.username}",
        writes=writes,
        allow_partial=True,
    )
    return StaffOrder.of(order)
