"""Move a guest's cart or checkout to the customer who asks for it by its id.

A cart and its open checkout move together, in one transaction that is conditional on both rows. Of
two customers who ask at the same moment one therefore gets them, and the other finds nothing. A
change or a purchase at the same moment either comes first, and is moved, or fails.

The caller has looked for the customer's own object and found none.
"""

from dataclasses import replace
from datetime import datetime

from shop.cart.model import Cart
from shop.cart.ports import CartRepository
from shop.checkout.model import CheckoutSession
from shop.checkout.ports import CheckoutSessionRepository
from shop.kernel.errors import NotFound, VersionConflict
from shop.kernel.frozen import frozen
from shop.kernel.unit_of_work import ConditionFailed, UnitOfWork, WriteOperation
from shop.orders.model import GUEST_OWNER, OrderStatus
from shop.orders.ports import OrderRepository

MAX_ATTEMPTS = 4
"""Attempts to move rows that other requests change at the same time."""


@frozen(slots=False)
class Claims:
    """The repositories that a claim reads and writes. None of them claims by itself."""

    carts: CartRepository
    sessions: CheckoutSessionRepository
    orders: OrderRepository
    uow: UnitOfWork

    def claim_cart(self, customer: str, cart_id: str, at: datetime) -> Cart:
        """Move a guest's cart and its open checkout to a customer, and return the cart.

        A checkout that is being paid stays with the guest. Raises NotFound if no guest has this
        cart, and VersionConflict if other requests keep changing it.
        """
        for _ in range(MAX_ATTEMPTS):
            try:
                cart = self.carts.get(GUEST_OWNER, cart_id, at)
            except NotFound:
                # Another request of this customer may have claimed it a moment ago.
                return self.carts.get(customer, cart_id, at)
            session = self._open_checkout(cart, at)
            claimed = _claimed_cart(cart, customer)
            writes = self._cart_writes(cart, claimed)
            if session is not None:
                writes += self._session_writes(session, _claimed_session(session, customer))
            if self._commit(writes):
                return claimed
        raise _changing("cart")

    def claim_session(self, customer: str, session_id: str, at: datetime) -> CheckoutSession:
        """Move a guest's open checkout and its cart to a customer, and return the checkout.

        A checkout that is being paid, completed or canceled is returned as the guest's: its owner
        does not change. Raises NotFound if no guest has this checkout, and VersionConflict if other
        requests keep changing it.
        """
        for _ in range(MAX_ATTEMPTS):
            try:
                session = self.sessions.get(GUEST_OWNER, session_id, at)
            except NotFound:
                return self.sessions.get(customer, session_id, at)
            if not self._is_open(session):
                return session
            claimed = _claimed_session(session, customer)
            writes = self._session_writes(session, claimed)
            cart = self._cart_of(session, at)
            if cart is not None:
                writes += self._cart_writes(cart, _claimed_cart(cart, customer))
            if self._commit(writes):
                return claimed
        raise _changing("checkout")

    def _open_checkout(self, cart: Cart, at: datetime) -> CheckoutSession | None:
        if cart.checkout_id is None:
            return None
        try:
            session = self.sessions.get(GUEST_OWNER, cart.checkout_id, at)
        except NotFound:
            return None  # it has expired
        return session if self._is_open(session) else None

    def _cart_of(self, session: CheckoutSession, at: datetime) -> Cart | None:
        """Return the guest's cart whose open checkout this is."""
        if session.cart_id is None:
            return None
        try:
            cart = self.carts.get(GUEST_OWNER, session.cart_id, at)
        except NotFound:
            return None  # it was canceled, or has expired
        return cart if cart.checkout_id == session.id else None

    def _is_open(self, session: CheckoutSession) -> bool:
        """Return whether no order of this session is paid or may still be paid."""
        if session.canceled:
            return False
        if session.order_id is None:
            return True
        order = self.orders.get(GUEST_OWNER, session.order_id)
        return order.status is OrderStatus.CANCELLED and not order.was_confirmed

    def _cart_writes(self, before: Cart, after: Cart) -> list[WriteOperation]:
        return [self.carts.insert_op(after), self.carts.delete_op(before)]

    def _session_writes(
        self, before: CheckoutSession, after: CheckoutSession
    ) -> list[WriteOperation]:
        return [self.sessions.insert_op(after), self.sessions.delete_op(before)]

    def _commit(self, writes: list[WriteOperation]) -> bool:
        """Return whether the rows were moved; ``False`` if another request was faster."""
        try:
            self.uow.commit(*writes)
        except ConditionFailed:
            return False
        return True


def _claimed_cart(cart: Cart, customer: str) -> Cart:
    return replace(cart, owner=customer, version=cart.version + 1)


def _claimed_session(session: CheckoutSession, customer: str) -> CheckoutSession:
    """Return the session as the customer's; its offer is renewed before it is shown or bought.

    An unpaid, cancelled order stays with the guest, so the session no longer names it. Its number
    stays used: the next order gets another id.
    """
    return replace(
        session,
        owner=customer,
        order_id=None,
        has_guest_offer=True,
        version=session.version + 1,
    )


def _changing(name: str) -> VersionConflict:
    return VersionConflict(f"Other requests are changing this {name}. Read it again and retry.")
