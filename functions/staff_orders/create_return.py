"""POST /staff/orders/{id}/returns: record delivered pieces that the buyer sent back.

Pieces that staff restock are in stock in the same transaction. Handlers of the event refund the
money and reverse points and credits.
"""

from collections.abc import Mapping
from typing import Any

from shop.entrypoints.http import Request, endpoint
from shop.inventory.store import DynamoLocationRepository, DynamoStockRepository
from shop.orders.actions.order_writes import OrderStockWrites
from shop.orders.actions.returns import create_return
from shop.orders.model import Order
from shop.orders.schemas.staff import StaffOrder
from shop.orders.schemas.staff_requests import ReturnRequest
from shop.orders.store import DynamoOrderRepository
from shop.storage.connection import connection
from shop.storage.idempotency import DynamoIdempotencyStore
from shop.storage.transactions import DynamoUnitOfWork

locations = DynamoLocationRepository()
idempotency = DynamoIdempotencyStore()
writes = OrderStockWrites(
    orders=DynamoOrderRepository(),
    stock=DynamoStockRepository(),
    uow=DynamoUnitOfWork(connection()),
)


def view(order: Order) -> Mapping[str, Any]:
    return StaffOrder.of(order).model_dump(mode="json", exclude_none=True)


@endpoint(ReturnRequest, status=201)
def handler(request: Request[ReturnRequest]) -> Mapping[str, Any]:
    return create_return(
        request.idempotent,
        request.path["id"],
        request.body.as_input(),
        view,
        actor=f"staff {request.caller.username}",
        writes=writes,
        locations=locations,
        idempotency=idempotency,
    )
