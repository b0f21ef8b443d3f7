"""POST /staff/orders/{id}/cancel: an order, or what has not left of it, is called off; stock and
money go back."""

from shop.credits.store.repository import DynamoCreditAccountRepository
from shop.entrypoints.http import Request, endpoint
from shop.inventory.store import DynamoStockRepository, counter_shards
from shop.orders.actions.cancellation import cancel_order
from shop.orders.schemas.staff import CancelRequest, StaffOrder
from shop.orders.store import DynamoOrderRepository
from shop.pricing.store.usage_counters import DynamoUsageCounters
from shop.storage.connection import connection
from shop.storage.transactions import DynamoUnitOfWork

orders = DynamoOrderRepository()
stock = DynamoStockRepository()
tallies = DynamoUsageCounters(counter_shards(), DynamoCreditAccountRepository())
ledger = DynamoUnitOfWork(connection())


@endpoint(CancelRequest)
def handler(request: Request[CancelRequest]) -> StaffOrder:
    order = cancel_order(
        request.path["id"],
        request.body.reason,
        at=request.received_at,
        actor=f"staff {request.caller.username}",
        orders=orders,
        reservations=stock,
        usage=tallies,
        uow=ledger,
        rest=True,
    )
    return StaffOrder.of(order)
