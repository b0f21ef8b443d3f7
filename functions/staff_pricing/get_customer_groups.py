"""GET /staff/customers/{id}/groups: the groups and segments of a customer."""

from shop.customers.model import parse_customer_id
from shop.customers.schemas import CustomerGroupsView
from shop.customers.store import DynamoCustomerSegmentRepository
from shop.entrypoints.http import Request, Response, endpoint

customers = DynamoCustomerSegmentRepository()


@endpoint()
def handler(request: Request[None]) -> Response:
    customer = customers.get(parse_customer_id(request.path["id"]))
    return Response(CustomerGroupsView.of(customer), headers={"ETag": f'"{customer.version}"'})
