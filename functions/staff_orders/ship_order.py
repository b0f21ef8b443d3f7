"""POST /staff/orders/{id}/parcels: a parcel is handed to a carrier."""

from collections.abc import Mapping
from typing import Any

from shop.edge.http import Request, endpoint, setting
from shop.edge.webhook import Keyring
from shop.inventory.store import DynamoStock
from shop.kernel.errors import Invalid
from shop.orders.actions.shipping import ship_order, ship_order_once
from shop.orders.model import Order
from shop.orders.store import DynamoOrders
from shop.orders.wire.staff import ParcelRequest, StaffOrder
from shop.storage.keys import DynamoKeys
from shop.storage.table import connection
from shop.storage.transactions import DynamoLedger

secret = Keyring(setting("SECRET_CARRIER_WEBHOOK"))
keys = DynamoKeys()
books: dict[str, Any] = {
    "orders": DynamoOrders(),
    "stock": DynamoStock(),
    "ledger": DynamoLedger(connection()),
}


def view(order: Order) -> Mapping[str, Any]:
    return StaffOrder.of(order).model_dump(mode="json", exclude_none=True)


@endpoint(ParcelRequest, status=201)
def handler(request: Request[ParcelRequest]) -> Mapping[str, Any]:
    if not secret.knows(request.body.carrier, request.at):
        said = "no carrier of this name reports to the shop: its parcel would never arrive"
        raise Invalid(said, code="carrier_unknown", path="$.carrier")
    parcel: dict[str, Any] = {
        "carrier": request.body.carrier,
        "tracking_number": request.body.tracking_number,
        "tracking_url": request.body.tracking_url,
        "lines": request.body.pieces(),
        "location": request.body.location,
        "at": request.at,
        "who": f"staff {request.caller.username}",
    }
    order_id = request.path["id"]
    if request.idempotency_key is None:
        return view(ship_order(order_id, **parcel, **books))
    return ship_order_once(request.ask, order_id, view, **parcel, **books, keys=keys)
