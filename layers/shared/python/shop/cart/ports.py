"""What a cart needs from the world."""

from datetime import datetime
from typing import Protocol

from shop.cart.model import Cart
from shop.kernel.unit_of_work import WriteOperation


class CartRepository(Protocol):
    """Where carts are kept. A cart is found by its id *and* whose it is."""

    def get(self, owner: str, cart_id: str, at: datetime) -> Cart:
        """The cart, if it is this owner's, not cancelled and not expired. Raises NotFound."""

    def insert_op(self, cart: Cart) -> WriteOperation:
        """Write a new cart."""

    def update_op(self, before: Cart, after: Cart) -> WriteOperation:
        """Write what a cart became, if it is still as it was read."""

    def delete_op(self, cart: Cart) -> WriteOperation:
        """Take a cart away, if it is still as it was read."""
