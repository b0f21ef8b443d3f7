"""POST /staff/customers/{id}/credits: give or take points or store credit, with a reason."""

from shop.credits.actions.credits import adjust_credits
from shop.credits.schemas import CreditAccountView, CreditAdjustmentBody
from shop.credits.store.accounts import DynamoCreditAccountRepository
from shop.customers.model import parse_customer_id
from shop.entrypoints.http import Request, endpoint
from shop.kernel.ids import derived_id
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
