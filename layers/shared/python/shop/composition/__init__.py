"""Composition root: the object graphs that several Lambdas need, built from the environment.

One module per graph. A Lambda imports the module that it needs and loads no other (cold starts:
tests/unit/entrypoints/test_cold_start.py). Handlers import stores and gateways directly only for
objects that a single Lambda needs.
"""

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # few requests claim a cart or checkout; the others load nothing for it
    from shop.cart.model import Cart
    from shop.checkout.model import CheckoutSession


def claim_cart(customer: str, cart_id: str, at: datetime) -> "Cart":
    """Call :meth:`shop.checkout.actions.claim.Claims.claim_cart`."""
    from shop.composition.claims import claims  # lazy: few requests claim

    return claims().claim_cart(customer, cart_id, at)


def claim_session(customer: str, session_id: str, at: datetime) -> "CheckoutSession":
    """Call :meth:`shop.checkout.actions.claim.Claims.claim_session`."""
    from shop.composition.claims import claims  # lazy: few requests claim

    return claims().claim_session(customer, session_id, at)
