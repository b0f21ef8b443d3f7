"""POST /staff/customers/{id}/credits: grant or withdraw points or store credit, with a reason."""

from collections.abc import Mapping
from typing import Any

from shop.credits.actions.accounts import adjustment, change_account_once
from shop.credits.model.accounts import CreditAccount
from shop.credits.schemas import CreditAccountView, CreditAdjustmentBody, with_actor
from shop.credits.store.repository import DynamoCreditAccountRepository
from shop.customers.model import parse_customer_id
from shop.entrypoints.http import Request, endpoint
from shop.kernel.ids import derived_id
from shop.storage.idempotency import DynamoIdempotencyStore
from shop.storage.transactions import DynamoUnitOfWork

credit_accounts = DynamoCreditAccountRepository()
idempotency = DynamoIdempotencyStore()
uow = DynamoUnitOfWork()


@endpoint(CreditAdjustmentBody, status=201)
def handler(request: Request[CreditAdjustmentBody]) -> Mapping[str, Any]:
    body = request.body

    def view(account: CreditAccount) -> Mapping[str, Any]:
        shown = CreditAccountView.of(account, request.received_at, body.currency)
        return shown.model_dump(mode="json", exclude_none=True)

    return change_account_once(
        request.idempotent,
        body.account_name(parse_customer_id(request.path["id"])),
        adjustment(
            body.amount,
            command=derived_id("hand", request.required_idempotency_key),
            reason=with_actor(body.reason, request.caller.owner),
            expires=body.expires,
            at=request.received_at,
        ),
        view,
        credit_accounts=credit_accounts,
        idempotency=idempotency,
        uow=uow,
    )
