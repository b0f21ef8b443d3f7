"""GET /account/credits: the points and store credit of whoever is signed in."""

from shop.edge.http import Request, endpoint
from shop.pricing.store.ledgers import DynamoLedgers
from shop.pricing.wire.credits import CreditsView, own_credits_view

ledgers = DynamoLedgers()


@endpoint()
def handler(request: Request[None]) -> CreditsView:
    return own_credits_view(request.caller.owner, ledgers, request.at)
