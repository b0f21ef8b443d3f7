"""POST /gift-cards/balance: the balance of a gift card, for callers with its code."""

from shop.credits.actions.lookup import gift_card_balance
from shop.credits.schemas import GiftCardBalanceBody, GiftCardBalanceView
from shop.credits.store.code_attempts import DynamoCodeAttemptLimiter
from shop.credits.store.repository import DynamoCreditAccountRepository
from shop.entrypoints.http import Request, endpoint

credit_accounts = DynamoCreditAccountRepository()
code_attempts = DynamoCodeAttemptLimiter()


@endpoint(GiftCardBalanceBody)
def handler(request: Request[GiftCardBalanceBody]) -> GiftCardBalanceView:
    body = request.body
    balance = gift_card_balance(
        body.code,
        body.currency,
        rate_limit_subject=request.caller.customer or request.source_ip,
        credit_accounts=credit_accounts,
        code_attempts=code_attempts,
        at=request.received_at,
    )
    return GiftCardBalanceView(balance=balance, currency=body.currency)
