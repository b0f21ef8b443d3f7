"""POST /staff/orders/{id}/parcels: a parcel is handed to a carrier."""

from collections.abc import Mapping
from typing import Any

from shop.entrypoints.http import Request, endpoint, required_setting
from shop.entrypoints.webhook import SecretSet
from shop.inventory.store import DynamoStockRepository
from shop.kernel.errors import InvalidRequest
from shop.orders.actions.order_writes import OrderStockWrites
from shop.orders.actions.shipments import create_shipment, create_shipment_once
from shop.orders.model import Order
from shop.orders.schemas.staff import ParcelRequest, StaffOrder
from shop.orders.store import DynamoOrderRepository
from shop.storage.connection import connection
from shop.storage.idempotency import DynamoIdempotencyStore
from shop.storage.transactions import DynamoUnitOfWork

secret = SecretSet(required_setting("SECRET_CARRIER_WEBHOOK"))
keys = DynamoIdempotencyStore()
writes = OrderStockWrites(
    orders=DynamoOrderRepository(),
    stock=DynamoStockRepository(),
    uow=DynamoUnitOfWork(connection()),
)


def view(order: Order) -> Mapping[str, Any]:
    return StaffOrder.of(order).model_dump(mode="json", exclude_none=True)


@endpoint(ParcelRequest, status=201)
def handler(request: Request[ParcelRequest]) -> Mapping[str, Any]:
    if not secret.has_sender(request.body.carrier, request.received_at):
        said = "no carrier of this name reports to the shop: its parcel would never arrive"
        raise InvalidRequest(said, code="carrier_unknown", path="$.carrier")
    parcel: dict[str, Any] = {
        "carrier": request.body.carrier,
        "tracking_number": request.body.tracking_number,
        "tracking_url": request.body.tracking_url,
        "lines": request.body.pieces(),
        "location": request.body.location,
        "at": request.received_at,
        "actor": f"staff {request.caller.username}",
    }
    order_id = request.path["id"]
    if request.idempotency_key is None:
        return view(create_shipment(order_id, **parcel, writes=writes))
    return create_shipment_once(
        request.idempotent, order_id, view, **parcel, writes=writes, idempotency=keys
    )
