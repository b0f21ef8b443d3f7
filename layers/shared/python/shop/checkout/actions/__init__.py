"""Use cases of a checkout session: create, get, update, complete, cancel.

Completing a checkout has two steps, and the process may crash between or inside them:

1. **Place the order.** One DynamoDB transaction writes the order, reserves stock, counts limited
   coupon and sale usage, marks the session and claims the idempotency key.
2. **Authorize the payment.** The provider is called with an idempotency key derived from the order
   id; its result is written to the order only.

A retry with the same idempotency key resumes at the step that failed. Without a retry, the order
expires at its payment deadline and releases stock and usage.
"""

from shop.checkout.actions.cancel import cancel_checkout
from shop.checkout.actions.complete import complete_checkout
from shop.checkout.actions.create import create_checkout
from shop.checkout.actions.dependencies import (
    CheckoutDependencies,
    PaymentInput,
    PlacementWrites,
)
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
    "PlacementWrites",
    "cancel_checkout",
    "complete_checkout",
    "create_checkout",
    "get_checkout",
    "update_checkout",
]
