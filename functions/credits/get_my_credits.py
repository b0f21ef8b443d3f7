"""GET /account/credits: the points and store credit of whoever is signed in."""

from shop.entrypoints.http import Request, endpoint
from shop.pricing.schemas.credits import CreditsView, own_credits_view
from shop.pricing.store.credit_accounts import DynamoCreditAccountRepository

ledgers = DynamoCreditAccountRepository()


@endpoint()
def handler(request: Request[None]) -> CreditsView:
    return own_credits_view(request.caller.owner, ledgers, request.received_at)
