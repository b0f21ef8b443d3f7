"""POST /staff/gift-cards/void: a gift card is worth nothing any more, for a reason."""

from shop.entrypoints.http import Request, endpoint
from shop.kernel.ids import derived_id
from shop.pricing.actions.credits import void_gift_card
from shop.pricing.schemas.credits import VoidGiftCardBody, VoidGiftCardView
from shop.pricing.store.credit_accounts import DynamoCreditAccountRepository
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
