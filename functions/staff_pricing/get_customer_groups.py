"""GET /staff/customers/{id}/groups: groups and segments of a customer."""

from shop.entrypoints.http import Request, Response, endpoint
from shop.pricing.model.customer_segments import parse_customer_id
from shop.pricing.schemas.customers import CustomerGroupsView
from shop.pricing.store.customers import DynamoCustomerSegmentRepository

customers = DynamoCustomerSegmentRepository()


@endpoint()
def handler(request: Request[None]) -> Response:
    known = customers.get(parse_customer_id(request.path["id"]))
    return Response(CustomerGroupsView.of(known), headers={"ETag": f'"{known.version}"'})
