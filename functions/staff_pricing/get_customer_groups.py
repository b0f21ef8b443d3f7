"""GET /staff/customers/{id}/groups: groups and segments of a customer."""

from shop.edge.http import Request, endpoint
from shop.pricing.store import DynamoCustomers
from shop.pricing.wire.customers import KnownView

customers = DynamoCustomers()


@endpoint()
def handler(request: Request[None]) -> KnownView:
    return KnownView.of(customers.of(request.path["id"]))
