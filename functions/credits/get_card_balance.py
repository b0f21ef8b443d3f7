"""POST /gift-cards/balance: what a gift card has left, for whoever has its code."""

from shop.edge.http import Request, endpoint
from shop.pricing.actions.credits import card_balance
from shop.pricing.store.guesses import DynamoGuesses
from shop.pricing.store.ledgers import DynamoLedgers
from shop.pricing.wire.credits import BalanceBody, BalanceView

ledgers = DynamoLedgers()
guesses = DynamoGuesses()


@endpoint(BalanceBody)
def handler(request: Request[BalanceBody]) -> BalanceView:
    asked, who = request.body, request.caller.customer or request.source_ip
    balance = card_balance(
        asked.code, asked.currency, asker=who, ledgers=ledgers, guesses=guesses, at=request.at
    )
    return BalanceView(balance=balance, currency=asked.currency)
