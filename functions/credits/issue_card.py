"""POST /staff/gift-cards: a gift card; its code is kept nowhere, and told to who holds the key."""

import secrets

from shop.edge.http import Request, endpoint
from shop.pricing.actions.credits import issue_card
from shop.pricing.store.ledgers import DynamoLedgers
from shop.pricing.wire.credits import CardBody, CardView
from shop.storage.transactions import DynamoLedger

ledgers = DynamoLedgers()
ledger = DynamoLedger()


@endpoint(CardBody, status=201)
def handler(request: Request[CardBody]) -> CardView:
    wish = request.body.checked()
    code, _ = issue_card(
        wish.amount,
        wish.currency,
        key=request.key,
        reason=f"{wish.reason} (by {request.caller.owner})",
        expires=wish.expires,
        draw=secrets.token_bytes,
        ledgers=ledgers,
        ledger=ledger,
        at=request.at,
    )
    return CardView(code=code, amount=wish.amount, currency=wish.currency, expires=wish.expires)
