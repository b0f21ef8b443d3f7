"""PUT /staff/customers/{id}/groups: put a customer into groups and segments."""

from shop.edge.http import Request, endpoint
from shop.pricing.actions.customers import place_customer
from shop.pricing.store import DynamoCustomers
from shop.pricing.wire.customers import KnownView, PlacingBody

customers = DynamoCustomers()


@endpoint(PlacingBody)
def handler(request: Request[PlacingBody]) -> KnownView:
    wish = request.body
    known = place_customer(
        request.path["id"],
        wish.groups,
        wish.segments,
        expected_version=wish.version,
        customers=customers,
        at=request.at,
        who=request.caller.owner,
    )
    return KnownView.of(known)
