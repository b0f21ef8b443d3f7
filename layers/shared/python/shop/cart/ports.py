"""Ports of the cart use cases."""

from datetime import datetime
from typing import Protocol

from shop.cart.model import Cart
from shop.kernel.unit_of_work import WriteOperation


class CartRepository(Protocol):
    """Carts, by owner *and* id: a cart of another owner is not found.

    An implementation may let a customer claim a guest's cart; the cart is then the customer's.
    Every write is conditional on the version that was read.
    """

    def get(self, owner: str, cart_id: str, at: datetime) -> Cart:
        """Return a cart. Raises NotFound for an unknown, cancelled or expired one."""

    def insert_op(self, cart: Cart) -> WriteOperation:
        """Return the operation that writes a new cart."""

    def update_op(self, before: Cart, after: Cart) -> WriteOperation:
        """Return the operation that replaces ``before`` by ``after``."""

    def delete_op(self, cart: Cart) -> WriteOperation:
        """Return the operation that deletes a cart."""
