"""POST /staff/gift-cards/void: a gift card is worth nothing any more, for a reason."""

from shop.edge.http import Request, endpoint
from shop.kernel.ids import derived_id
from shop.pricing.actions.credits import void_card
from shop.pricing.store.ledgers import DynamoLedgers
from shop.pricing.wire.credits import VoidBody, VoidView
from shop.storage.transactions import DynamoLedger

ledgers = DynamoLedgers()
ledger = DynamoLedger()


@endpoint(VoidBody)
def handler(request: Request[VoidBody]) -> VoidView:
    wish = request.body
    taken, book = void_card(
        wish.code,
        wish.currency,
        command=derived_id("void", request.key),
        reason=f"{wish.reason} (by {request.caller.owner})",
        ledgers=ledgers,
        ledger=ledger,
        at=request.at,
    )
    return VoidView(voided=taken, balance=book.available(request.at), currency=wish.currency)
