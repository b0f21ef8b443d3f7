"""POST /staff/orders/{id}/cancel: an order, or what has not left of it, is called off; stock and
money go back."""

from shop.edge.http import Request, endpoint
from shop.inventory.store import DynamoStock, count_bins
from shop.orders.actions.calling_off import cancel_order
from shop.orders.store import DynamoOrders
from shop.orders.wire.staff import CancelRequest, StaffOrder
from shop.pricing.store.tallies import DynamoTallies
from shop.storage.table import connection
from shop.storage.transactions import DynamoLedger

orders = DynamoOrders()
stock = DynamoStock()
tallies = DynamoTallies(count_bins())
ledger = DynamoLedger(connection())


@endpoint(CancelRequest)
def handler(request: Request[CancelRequest]) -> StaffOrder:
    order = cancel_order(
        request.path["id"],
        request.body.reason,
        at=request.at,
        who=f"staff {request.caller.username}",
        orders=orders,
        stock=stock,
        tallies=tallies,
        ledger=ledger,
        rest=True,
    )
    return StaffOrder.of(order)
