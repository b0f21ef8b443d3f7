"""POST /staff/orders/{id}/returns: what had arrived came back; money, points and credits follow."""

from collections.abc import Mapping
from typing import Any

from shop.edge.http import Request, endpoint
from shop.orders.actions.returning import take_back
from shop.orders.model import Order
from shop.orders.store import DynamoOrders
from shop.orders.wire.staff import ReturnRequest, StaffOrder
from shop.storage.keys import DynamoKeys
from shop.storage.table import connection
from shop.storage.transactions import DynamoLedger

orders = DynamoOrders()
keys = DynamoKeys()
ledger = DynamoLedger(connection())


def view(order: Order) -> Mapping[str, Any]:
    return StaffOrder.of(order).model_dump(mode="json", exclude_none=True)


@endpoint(ReturnRequest, status=201)
def handler(request: Request[ReturnRequest]) -> Mapping[str, Any]:
    return take_back(
        request.ask,
        request.path["id"],
        request.body.pieces(),
        request.body.reason,
        view,
        who=f"staff {request.caller.username}",
        orders=orders,
        keys=keys,
        ledger=ledger,
    )
