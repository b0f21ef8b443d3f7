"""POST /staff/customers/{id}/credits: give or take points or store credit, with a reason."""

from shop.edge.http import Request, endpoint
from shop.kernel.ids import derived_id
from shop.pricing.actions.credits import adjust
from shop.pricing.model.known import customer_of
from shop.pricing.store.ledgers import DynamoLedgers
from shop.pricing.wire.credits import AccountView, AdjustBody
from shop.storage.transactions import DynamoLedger

ledgers = DynamoLedgers()
ledger = DynamoLedger()


@endpoint(AdjustBody, status=201)
def handler(request: Request[AdjustBody]) -> AccountView:
    wish = request.body
    book = adjust(
        wish.account(customer_of(request.path["id"])),
        wish.amount,
        command=derived_id("hand", request.key),
        reason=f"{wish.reason} (by {request.caller.owner})",
        expires=wish.expires,
        ledgers=ledgers,
        ledger=ledger,
        at=request.at,
    )
    return AccountView.of(book, request.at, wish.currency)
