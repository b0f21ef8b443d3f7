"""PUT /staff/customers/{id}/groups: put a customer into groups and segments."""

from shop.entrypoints.http import Request, Response, endpoint
from shop.kernel.optimistic_locking import require_version
from shop.pricing.actions.customers import set_customer_groups
from shop.pricing.model.customer_segments import parse_customer_id
from shop.pricing.schemas.customers import CustomerGroupsBody, CustomerGroupsView
from shop.pricing.store.customers import DynamoCustomerSegmentRepository

customers = DynamoCustomerSegmentRepository()


@endpoint(CustomerGroupsBody)
def handler(request: Request[CustomerGroupsBody]) -> Response:
    wish = request.body
    known = set_customer_groups(
        parse_customer_id(request.path["id"]),
        wish.groups,
        wish.segments,
        expected_version=require_version(request.headers.get("if-match"), wish.version, minimum=0),
        customers=customers,
        at=request.received_at,
        actor=request.caller.owner,
    )
    return Response(CustomerGroupsView.of(known), headers={"ETag": f'"{known.version}"'})
