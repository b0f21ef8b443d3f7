"""POST /staff/gift-cards/void: withdraw the balance of a gift card, with a reason."""

from collections.abc import Mapping
from typing import Any

from shop.credits.actions.accounts import change_account_once
from shop.credits.actions.gift_cards import voiding
from shop.credits.model.account_names import gift_card_account
from shop.credits.model.accounts import CreditAccount
from shop.credits.schemas import VoidGiftCardBody, VoidGiftCardView, with_actor
from shop.credits.store.repository import DynamoCreditAccountRepository
from shop.entrypoints.http import Request, endpoint
from shop.kernel.ids import derived_id
from shop.storage.idempotency import DynamoIdempotencyStore
from shop.storage.transactions import DynamoUnitOfWork

credit_accounts = DynamoCreditAccountRepository()
idempotency = DynamoIdempotencyStore()
uow = DynamoUnitOfWork()


@endpoint(VoidGiftCardBody)
def handler(request: Request[VoidGiftCardBody]) -> Mapping[str, Any]:
    body = request.body
    command = derived_id("void", request.required_idempotency_key)

    def view(account: CreditAccount) -> Mapping[str, Any]:
        return VoidGiftCardView(
            voided=account.command_total(command),
            balance=account.available(request.received_at),
            currency=body.currency,
        ).model_dump(mode="json")

    return change_account_once(
        request.idempotent,
        gift_card_account(body.code, body.currency),
        voiding(
            command,
            reason=with_actor(body.reason, request.caller.owner),
            at=request.received_at,
        ),
        view,
        credit_accounts=credit_accounts,
        idempotency=idempotency,
        uow=uow,
    )
