"""PUT /staff/customers/{id}/groups: put a customer into groups and segments."""

from shop.edge.http import Answer, Request, endpoint
from shop.kernel.versions import needed_version
from shop.pricing.actions.customers import place_customer
from shop.pricing.model.known import customer_of
from shop.pricing.store.customers import DynamoCustomers
from shop.pricing.wire.customers import KnownView, PlacingBody

customers = DynamoCustomers()


@endpoint(PlacingBody)
def handler(request: Request[PlacingBody]) -> Answer:
    wish = request.body
    known = place_customer(
        customer_of(request.path["id"]),
        wish.groups,
        wish.segments,
        expected_version=needed_version(request.headers.get("if-match"), wish.version, least=0),
        customers=customers,
        at=request.at,
        who=request.caller.owner,
    )
    return Answer(KnownView.of(known), headers={"ETag": f'"{known.version}"'})
