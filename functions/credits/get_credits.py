"""GET /staff/customers/{id}/credits: the points and store credit of a customer."""

from shop.entrypoints.http import Request, endpoint
from shop.pricing.model.customer_segments import parse_customer_id
from shop.pricing.schemas.credits import CreditsView, credits_view
from shop.pricing.store.credit_accounts import DynamoCreditAccountRepository

ledgers = DynamoCreditAccountRepository()


@endpoint()
def handler(request: Request[None]) -> CreditsView:
    return credits_view(parse_customer_id(request.path["id"]), ledgers, request.received_at)
