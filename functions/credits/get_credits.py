"""GET /staff/customers/{id}/credits: the points and store credit of a customer."""

from shop.edge.http import Request, endpoint
from shop.pricing.model.known import customer_of
from shop.pricing.store.ledgers import DynamoLedgers
from shop.pricing.wire.credits import CreditsView, credits_view

ledgers = DynamoLedgers()


@endpoint()
def handler(request: Request[None]) -> CreditsView:
    return credits_view(customer_of(request.path["id"]), ledgers, request.at)
