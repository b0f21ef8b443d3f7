"""What a cart needs from the world."""

from datetime import datetime
from typing import Protocol

from shop.cart.model import Cart
from shop.kernel.transactions import Part


class Carts(Protocol):
    """Where carts are kept. A cart is found by its id *and* whose it is."""

    def of(self, owner: str, cart_id: str, at: datetime) -> Cart:
        """The cart, if it is this owner's, not cancelled and not expired. Raises NotFound."""

    def adding(self, cart: Cart) -> Part:
        """Write a new cart."""

    def changing(self, before: Cart, after: Cart) -> Part:
        """Write what a cart became, if it is still as it was read."""

    def removing(self, cart: Cart) -> Part:
        """Take a cart away, if it is still as it was read."""
