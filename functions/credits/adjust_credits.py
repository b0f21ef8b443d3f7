"""POST /staff/customers/{id}/credits: grant or withdraw points or store credit, with a reason."""

from shop.credits.actions.accounts import adjust_credits
from shop.credits.schemas import CreditAccountView, CreditAdjustmentBody, with_actor
from shop.credits.store.repository import DynamoCreditAccountRepository
from shop.customers.model import parse_customer_id
from shop.entrypoints.http import Request, endpoint
from shop.kernel.ids import derived_id
from shop.storage.transactions import DynamoUnitOfWork

credit_accounts = DynamoCreditAccountRepository()
uow = DynamoUnitOfWork()


@endpoint(CreditAdjustmentBody, status=201)
def handler(request: Request[CreditAdjustmentBody]) -> CreditAccountView:
    body = request.body
    account = adjust_credits(
        body.account_name(parse_customer_id(request.path["id"])),
        body.amount,
        command=derived_id("hand", request.required_idempotency_key),
        reason=with_actor(body.reason, request.caller.owner),
        expires=body.expires,
        credit_accounts=credit_accounts,
        uow=uow,
        at=request.received_at,
    )
    return CreditAccountView.of(account, request.received_at, body.currency)
