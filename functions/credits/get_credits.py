"""GET /staff/customers/{id}/credits: the points and store credit of a customer."""

from shop.credits.schemas import CreditsView, credits_view
from shop.credits.store.repository import DynamoCreditAccountRepository
from shop.customers.model import parse_customer_id
from shop.entrypoints.http import Request, endpoint

credit_accounts = DynamoCreditAccountRepository()


@endpoint()
def handler(request: Request[None]) -> CreditsView:
    customer_id = parse_customer_id(request.path["id"])
    return credits_view(customer_id, credit_accounts, request.received_at)
