"""PUT /staff/shipping: what shipping costs from now on."""

from shop.edge.http import Request, endpoint
from shop.kernel.versions import needed_version
from shop.shipping.actions import change_table
from shop.shipping.store import DynamoShippingBook
from shop.shipping.wire import ShippingTableBody, ShippingTableView

book = DynamoShippingBook()


@endpoint(ShippingTableBody)
def handler(request: Request[ShippingTableBody]) -> ShippingTableView:
    edition = change_table(
        request.body.table(),
        expected_version=needed_version(
            request.headers.get("if-match"), request.body.version, least=0
        ),
        who=request.caller.username or "?",
        why=request.body.why,
        book=book,
        at=request.at,
    )
    return ShippingTableView.of(edition)
