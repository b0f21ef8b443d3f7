"""POST /staff/gift-cards: issue a gift card. The shop stores a digest of its code only."""

import secrets

from shop.credits.actions.gift_cards import issue_gift_card
from shop.credits.schemas import GiftCardBody, GiftCardView
from shop.credits.store.repository import DynamoCreditAccountRepository
from shop.entrypoints.http import Request, endpoint
from shop.storage.transactions import DynamoUnitOfWork

credit_accounts = DynamoCreditAccountRepository()
uow = DynamoUnitOfWork()


@endpoint(GiftCardBody, status=201)
def handler(request: Request[GiftCardBody]) -> GiftCardView:
    terms = request.body.terms(request.caller.owner)
    code = issue_gift_card(
        terms,
        key=request.required_idempotency_key,
        random_bytes=secrets.token_bytes,
        credit_accounts=credit_accounts,
        uow=uow,
        at=request.received_at,
    )
    return GiftCardView.of(code, terms)
