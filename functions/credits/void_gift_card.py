"""POST /staff/gift-cards/void: withdraw the balance of a gift card, with a reason."""

from shop.credits.actions.gift_cards import void_gift_card
from shop.credits.schemas import VoidGiftCardBody, VoidGiftCardView, with_actor
from shop.credits.store.repository import DynamoCreditAccountRepository
from shop.entrypoints.http import Request, endpoint
from shop.kernel.ids import derived_id
from shop.storage.transactions import DynamoUnitOfWork

credit_accounts = DynamoCreditAccountRepository()
uow = DynamoUnitOfWork()


@endpoint(VoidGiftCardBody)
def handler(request: Request[VoidGiftCardBody]) -> VoidGiftCardView:
    body = request.body
    voided, account = void_gift_card(
        body.code,
        body.currency,
        command=derived_id("void", request.required_idempotency_key),
        reason=with_actor(body.reason, request.caller.owner),
        credit_accounts=credit_accounts,
        uow=uow,
        at=request.received_at,
    )
    return VoidGiftCardView(
        voided=voided, balance=account.available(request.received_at), currency=body.currency
    )
