"""POST /staff/gift-cards: a gift card; its code is told once and kept nowhere."""

import secrets

from shop.edge.http import Request, endpoint
from shop.kernel.ids import derived_id
from shop.pricing.actions.credits import issue_card
from shop.pricing.store import DynamoLedgers
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
        command=derived_id("card", request.key),
        reason=f"{wish.reason} (by {request.caller.owner})",
        expires=wish.expires,
        draw=secrets.token_bytes,
        ledgers=ledgers,
        ledger=ledger,
        at=request.at,
    )
    return CardView(code=code, amount=wish.amount, currency=wish.currency, expires=wish.expires)
