"""GET /staff/customers/{id}/credits: the points and store credit of a customer."""

from shop.credits.schemas import CreditsView, credits_view
from shop.credits.store.accounts import DynamoCreditAccountRepository
from shop.customers.model import parse_customer_id
from shop.entrypoints.http import Request, endpoint

ledgers = DynamoCreditAccountRepository()


@endpoint()
def handler(request: Request[None]) -> CreditsView:
    return credits_view(parse_customer_id(request.path["id"]), ledgers, request.received_at)
