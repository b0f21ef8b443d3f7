"""POST /staff/orders/{id}/refunds: refund an amount that belongs to no piece.

Handlers of the event refund the money, return credits and email the buyer.
"""

from collections.abc import Mapping
from typing import Any

from shop.entrypoints.http import Request, endpoint
from shop.orders.actions.refunds import grant_refund
from shop.orders.model import Order
from shop.orders.schemas.staff import StaffOrder
from shop.orders.schemas.staff_requests import RefundRequest
from shop.orders.store import DynamoOrderRepository
from shop.storage.connection import connection
from shop.storage.idempotency import DynamoIdempotencyStore
from shop.storage.transactions import DynamoUnitOfWork

orders = DynamoOrderRepository()
idempotency = DynamoIdempotencyStore()
uow = DynamoUnitOfWork(connection())


def view(order: Order) -> Mapping[str, Any]:
    return StaffOrder.of(order).model_dump(mode="json", exclude_none=True)


@endpoint(RefundRequest, status=201)
def handler(request: Request[RefundRequest]) -> Mapping[str, Any]:
    return grant_refund(
        request.idempotent,
        request.path["id"],
        request.body.as_input(),
        view,
        actor=f"staff {request.caller.username}",
        orders=orders,
        idempotency=idempotency,
        uow=uow,
    )
