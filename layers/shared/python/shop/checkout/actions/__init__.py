"""What people do at the checkout: begin, change, look, buy, leave.

Buying is two steps that may be cut apart anywhere. First one transaction writes the order, takes
its stock and its uses of limited coupons and sales, marks the session and keeps the key. Then the
provider is asked for the money, under a key derived from the order, and what it says is written to
the order alone. Whoever asks again under the same key goes on where the first was cut off; whoever
never asks again leaves an order that expires at its deadline and gives back what it took.
"""

from shop.checkout.actions.buying import complete_checkout
from shop.checkout.actions.changing import update_checkout
from shop.checkout.actions.leaving import cancel_checkout
from shop.checkout.actions.looking import show_checkout
from shop.checkout.actions.opening import create_checkout
from shop.checkout.actions.shown import Gate, Held, Shown, Wish
from shop.checkout.actions.till import Tender, Till

__all__ = [
    "Gate",
    "Held",
    "Shown",
    "Tender",
    "Till",
    "Wish",
    "cancel_checkout",
    "complete_checkout",
    "create_checkout",
    "show_checkout",
    "update_checkout",
]
