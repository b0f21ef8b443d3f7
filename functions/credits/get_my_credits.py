"""GET /account/credits: the points and store credit of whoever is signed in."""

from shop.credits.schemas import CreditsView, own_credits_view
from shop.credits.store.accounts import DynamoCreditAccountRepository
from shop.entrypoints.http import Request, endpoint

ledgers = DynamoCreditAccountRepository()


@endpoint()
def handler(request: Request[None]) -> CreditsView:
    return own_credits_view(request.caller.owner, ledgers, request.received_at)
