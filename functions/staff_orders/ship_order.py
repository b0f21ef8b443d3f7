"""POST /staff/orders/{id}/parcels: a parcel is handed to a carrier."""

from shop.edge.http import Request, endpoint
from shop.inventory.store import DynamoStock
from shop.orders.actions import ship_order
from shop.orders.store import DynamoOrders
from shop.orders.wire.staff import ParcelRequest, StaffOrder
from shop.storage.table import connection
from shop.storage.transactions import DynamoLedger

orders = DynamoOrders()
stock = DynamoStock()
ledger = DynamoLedger(connection())


@endpoint(ParcelRequest, status=201)
def handler(request: Request[ParcelRequest]) -> StaffOrder:
    parcel = request.body
    order = ship_order(
        request.path["id"],
        carrier=parcel.carrier,
        tracking_number=parcel.tracking_number,
        tracking_url=parcel.tracking_url,
        lines=parcel.pieces(),
        at=request.at,
        who=f"staff {request.caller.username}",
        orders=orders,
        stock=stock,
        ledger=ledger,
    )
    return StaffOrder.of(order)
