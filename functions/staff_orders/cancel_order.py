"""POST /staff/orders/{id}/cancel: cancel an order, or its unshipped pieces.

Stock and usage are released in the same transaction; the refund follows the event.
"""

from shop.composition.orders import order_writes
from shop.entrypoints.http import Request, endpoint
from shop.orders.actions.cancellation import cancel_order
from shop.orders.schemas.staff import StaffOrder
from shop.orders.schemas.staff_requests import CancelRequest

writes = order_writes()


@endpoint(CancelRequest)
def handler(request: Request[CancelRequest]) -> StaffOrder:
    order = cancel_order(
        request.path["id"],
        request.body.reason,
        at=request.received_at,
        actor=f"staff {request.caller.username}",
        writes=writes,
        allow_partial=True,
    )
    return StaffOrder.of(order)
