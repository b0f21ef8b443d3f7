"""GET /staff/customers/{id}/groups: groups and segments of a customer."""

from shop.edge.http import Answer, Request, endpoint
from shop.pricing.model.known import customer_of
from shop.pricing.store.customers import DynamoCustomers
from shop.pricing.wire.customers import KnownView

customers = DynamoCustomers()


@endpoint()
def handler(request: Request[None]) -> Answer:
    known = customers.of(customer_of(request.path["id"]))
    return Answer(KnownView.of(known), headers={"ETag": f'"{known.version}"'})
