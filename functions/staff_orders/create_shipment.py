"""POST /staff/orders/{id}/parcels: ship pieces of an order with a carrier."""

from collections.abc import Mapping
from typing import Any

from shop.entrypoints.http import Request, endpoint, required_setting
from shop.entrypoints.webhook import SecretSet
from shop.inventory.store import DynamoStockRepository
from shop.kernel.errors import InvalidRequest
from shop.orders.actions.order_writes import OrderStockWrites
from shop.orders.actions.shipments import create_shipment, create_shipment_idempotent
from shop.orders.model import MANUAL_CARRIER, Order, ShipmentInput
from shop.orders.schemas.staff import StaffOrder
from shop.orders.schemas.staff_requests import ParcelRequest
from shop.orders.store import DynamoOrderRepository
from shop.storage.connection import connection
from shop.storage.idempotency import DynamoIdempotencyStore
from shop.storage.transactions import DynamoUnitOfWork

secret = SecretSet(required_setting("SECRET_CARRIER_WEBHOOK"))
idempotency = DynamoIdempotencyStore()
writes = OrderStockWrites(
    orders=DynamoOrderRepository(),
    stock=DynamoStockRepository(),
    uow=DynamoUnitOfWork(connection()),
)


def view(order: Order) -> Mapping[str, Any]:
    return StaffOrder.of(order).model_dump(mode="json", exclude_none=True)


@endpoint(ParcelRequest, status=201)
def handler(request: Request[ParcelRequest]) -> Mapping[str, Any]:
    body = request.body
    # Without events of its carrier the parcel would count as lost at its deadline.
    reports = body.carrier == MANUAL_CARRIER or secret.has_sender(body.carrier, request.received_at)
    if not reports:
        raise InvalidRequest(
            "This carrier sends no tracking events to the shop. Choose a registered carrier, or"
            f" {MANUAL_CARRIER} with a tracking_url.",
            code="carrier_unknown",
            path="$.carrier",
        )
    order_id = request.path["id"]
    actor = f"staff {request.caller.username}"
    shipment = ShipmentInput(
        body.carrier, body.tracking_number, body.tracking_url, body.pieces(), body.location
    )
    if request.idempotency_key is None:
        order = create_shipment(
            order_id, shipment, at=request.received_at, actor=actor, writes=writes
        )
        return view(order)
    return create_shipment_idempotent(
        request.idempotent,
        order_id,
        shipment,
        view,
        actor=actor,
        writes=writes,
        idempotency=idempotency,
    )
