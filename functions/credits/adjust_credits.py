"""POST /staff/customers/{id}/credits: give or take points or store credit, with a reason."""

from shop.entrypoints.http import Request, endpoint
from shop.kernel.ids import derived_id
from shop.pricing.actions.credits import adjust_credits
from shop.pricing.model.customer_segments import parse_customer_id
from shop.pricing.schemas.credits import CreditAccountView, CreditAdjustmentBody
from shop.pricing.store.credit_accounts import DynamoCreditAccountRepository
from shop.storage.transactions import DynamoUnitOfWork

ledgers = DynamoCreditAccountRepository()
ledger = DynamoUnitOfWork()


@endpoint(CreditAdjustmentBody, status=201)
def handler(request: Request[CreditAdjustmentBody]) -> CreditAccountView:
    wish = request.body
    book = adjust_credits(
        wish.account(parse_customer_id(request.path["id"])),
        wish.amount,
        command=derived_id("hand", request.required_idempotency_key),
        reason=f"{wish.reason} (by {request.caller.owner})",
        expires=wish.expires,
        credit_accounts=ledgers,
        writes=ledger,
        at=request.received_at,
    )
    return CreditAccountView.of(book, request.received_at, wish.currency)
