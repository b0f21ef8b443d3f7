"""POST /staff/orders/{id}/returns: record delivered pieces that the buyer sent back.

Handlers of the event refund the money and reverse points and credits.
"""

from collections.abc import Mapping
from typing import Any

from shop.entrypoints.http import Request, endpoint
from shop.orders.actions.returns import ReturnInput, create_return
from shop.orders.model import Order
from shop.orders.schemas.staff import StaffOrder
from shop.orders.schemas.staff_requests import ReturnRequest
from shop.orders.store import DynamoOrderRepository
from shop.storage.connection import connection
from shop.storage.idempotency import DynamoIdempotencyStore
from shop.storage.transactions import DynamoUnitOfWork

orders = DynamoOrderRepository()
idempotency = DynamoIdempotencyStore()
uow = DynamoUnitOfWork(connection())


def view(order: Order) -> Mapping[str, Any]:
    return StaffOrder.of(order).model_dump(mode="json", exclude_none=True)


@endpoint(ReturnRequest, status=201)
def handler(request: Request[ReturnRequest]) -> Mapping[str, Any]:
    return create_return(
        request.idempotent,
        request.path["id"],
        ReturnInput(request.body.pieces(), request.body.reason),
        view,
        actor=f"staff {request.caller.username}",
        orders=orders,
        idempotency=idempotency,
        uow=uow,
    )
