"""What people do at the checkout: begin, change, look, buy, leave.

Buying is two steps that may be cut apart anywhere. First one transaction writes the order, takes
its stock and its uses of limited coupons and sales, marks the session and keeps the key. Then the
provider is asked for the money, under a key derived from the order, and what it says is written to
the order alone. Whoever asks again under the same key goes on where the first was cut off; whoever
never asks again leaves an order that expires at its deadline and gives back what it took.
"""

from shop.checkout.actions.cancel import cancel_checkout
from shop.checkout.actions.complete import complete_checkout
from shop.checkout.actions.create import create_checkout
from shop.checkout.actions.dependencies import CheckoutDependencies, PaymentInput
from shop.checkout.actions.get import get_checkout
from shop.checkout.actions.results import (
    CheckoutInput,
    CheckoutResult,
    CompletionBlocked,
    CompletionGuard,
)
from shop.checkout.actions.update import update_checkout

__all__ = [
    "CheckoutDependencies",
    "CheckoutInput",
    "CheckoutResult",
    "CompletionBlocked",
    "CompletionGuard",
    "PaymentInput",
    "cancel_checkout",
    "complete_checkout",
    "create_checkout",
    "get_checkout",
    "update_checkout",
]
