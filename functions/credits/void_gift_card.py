"""POST /staff/gift-cards/void: a gift card is worth nothing any more, for a reason."""

from shop.credits.actions.credits import void_gift_card
from shop.credits.schemas import VoidGiftCardBody, VoidGiftCardView
from shop.credits.store.accounts import DynamoCreditAccountRepository
from shop.entrypoints.http import Request, endpoint
from shop.kernel.ids import derived_id
from shop.storage.transactions import DynamoUnitOfWork

ledgers = DynamoCreditAccountRepository()
ledger = DynamoUnitOfWork()


@endpoint(VoidGiftCardBody)
def handler(request: Request[VoidGiftCardBody]) -> VoidGiftCardView:
    wish = request.body
    taken, book = void_gift_card(
        wish.code,
        wish.currency,
        command=derived_id("void", request.required_idempotency_key),
        reason=f"{wish.reason} (by {request.caller.owner})",
        credit_accounts=ledgers,
        writes=ledger,
        at=request.received_at,
    )
    return VoidGiftCardView(
        voided=taken, balance=book.available(request.received_at), currency=wish.currency
    )
