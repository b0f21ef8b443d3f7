"""POST /gift-cards/balance: what a gift card has left, for whoever has its code."""

from shop.entrypoints.http import Request, endpoint
from shop.pricing.actions.credits import gift_card_balance
from shop.pricing.schemas.credits import GiftCardBalanceBody, GiftCardBalanceView
from shop.pricing.store.code_attempts import DynamoCodeAttemptLimiter
from shop.pricing.store.credit_accounts import DynamoCreditAccountRepository

ledgers = DynamoCreditAccountRepository()
guesses = DynamoCodeAttemptLimiter()


@endpoint(GiftCardBalanceBody)
def handler(request: Request[GiftCardBalanceBody]) -> GiftCardBalanceView:
    body, who = request.body, request.caller.customer or request.source_ip
    balance = gift_card_balance(
        body.code,
        body.currency,
        rate_limit_subject=who,
        credit_accounts=ledgers,
        code_attempts=guesses,
        at=request.received_at,
    )
    return GiftCardBalanceView(balance=balance, currency=body.currency)
