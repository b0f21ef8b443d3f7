"""PUT /staff/customers/{id}/groups: replace the groups and segments of a customer."""

from shop.customers.actions import set_customer_groups
from shop.customers.model import parse_customer_id
from shop.customers.schemas import CustomerGroupsBody, CustomerGroupsView
from shop.customers.store import DynamoCustomerSegmentRepository
from shop.entrypoints.http import Request, Response, endpoint
from shop.kernel.optimistic_locking import require_version

customers = DynamoCustomerSegmentRepository()


@endpoint(CustomerGroupsBody)
def handler(request: Request[CustomerGroupsBody]) -> Response:
    body = request.body
    customer = set_customer_groups(
        parse_customer_id(request.path["id"]),
        body.groups,
        body.segments,
        expected_version=require_version(request.headers.get("if-match"), body.version, minimum=0),
        customers=customers,
        at=request.received_at,
        actor=request.caller.owner,
    )
    return Response(CustomerGroupsView.of(customer), headers={"ETag": f'"{customer.version}"'})
