"""PUT /staff/shipping: replace the shipping table, at the version that was read."""

from shop.entrypoints.http import Request, endpoint
from shop.kernel.optimistic_locking import require_version
from shop.shipping.actions import set_shipping_table
from shop.shipping.schemas import ShippingTableBody, ShippingTableView
from shop.shipping.store import DynamoShippingTableRepository

repository = DynamoShippingTableRepository()


@endpoint(ShippingTableBody)
def handler(request: Request[ShippingTableBody]) -> ShippingTableView:
    new = set_shipping_table(
        request.body.table(),
        expected_version=require_version(
            request.headers.get("if-match"), request.body.version, minimum=0
        ),
        actor=request.caller.username or "?",
        reason=request.body.reason,
        repository=repository,
        at=request.received_at,
    )
    return ShippingTableView.of(new)
