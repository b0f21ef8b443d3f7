"""POST /staff/orders/{id}/parcels/{number}/events: report the status of a parcel by hand."""

from collections.abc import Mapping
from typing import Any

from shop.entrypoints.http import Request, endpoint
from shop.orders.actions.delivery import report_shipment
from shop.orders.model import TrackingEvent
from shop.orders.schemas.staff import StaffOrder
from shop.orders.schemas.staff_requests import ShipmentReport
from shop.orders.store import DynamoOrderRepository

orders = DynamoOrderRepository()


@endpoint(ShipmentReport, status=201)
def handler(request: Request[ShipmentReport]) -> Mapping[str, Any]:
    body = request.body
    # The key identifies the report, so a retry finds its event and changes nothing.
    event = TrackingEvent(
        f"staff.{request.required_idempotency_key}",
        body.occurred_at or request.received_at,
        body.status,
        body.description,
    )
    order = report_shipment(
        request.path["id"],
        request.path["number"],
        event,
        at=request.received_at,
        actor=f"staff {request.caller.username}",
        is_timed=body.occurred_at is not None,
        orders=orders,
    )
    return StaffOrder.of(order).model_dump(mode="json", exclude_none=True)
