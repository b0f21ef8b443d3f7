"""POST /gift-cards/balance: what a gift card has left, for whoever has its code."""

from shop.credits.actions.credits import gift_card_balance
from shop.credits.schemas import GiftCardBalanceBody, GiftCardBalanceView
from shop.credits.store.accounts import DynamoCreditAccountRepository
from shop.credits.store.code_attempts import DynamoCodeAttemptLimiter
from shop.entrypoints.http import Request, endpoint

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
