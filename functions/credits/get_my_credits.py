"""GET /account/credits: the points and store credit of the signed-in customer."""

from shop.credits.schemas import CreditsView, own_credits_view
from shop.credits.store.repository import DynamoCreditAccountRepository
from shop.entrypoints.http import Request, endpoint

credit_accounts = DynamoCreditAccountRepository()


@endpoint()
def handler(request: Request[None]) -> CreditsView:
    return own_credits_view(request.caller.owner, credit_accounts, request.received_at)
