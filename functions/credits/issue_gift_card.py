"""POST /staff/gift-cards: a gift card; its code is kept nowhere, and told to who holds the key."""

import secrets

from shop.credits.actions.credits import issue_gift_card
from shop.credits.schemas import GiftCardBody, GiftCardView
from shop.credits.store.accounts import DynamoCreditAccountRepository
from shop.entrypoints.http import Request, endpoint
from shop.storage.transactions import DynamoUnitOfWork

ledgers = DynamoCreditAccountRepository()
ledger = DynamoUnitOfWork()


@endpoint(GiftCardBody, status=201)
def handler(request: Request[GiftCardBody]) -> GiftCardView:
    wish = request.body.checked()
    code, _ = issue_gift_card(
        wish.amount,
        wish.currency,
        key=request.required_idempotency_key,
        reason=f"{wish.reason} (by {request.caller.owner})",
        expires=wish.expires,
        draw=secrets.token_bytes,
        credit_accounts=ledgers,
        writes=ledger,
        at=request.received_at,
    )
    return GiftCardView(code=code, amount=wish.amount, currency=wish.currency, expires=wish.expires)
