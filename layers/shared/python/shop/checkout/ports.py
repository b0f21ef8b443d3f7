"""Ports of the checkout use cases, beside those of the capabilities below."""

from datetime import datetime
from typing import Protocol

from shop.checkout.model import CheckoutSession
from shop.kernel.unit_of_work import WriteOperation


class CheckoutSessionRepository(Protocol):
    """Checkout sessions, by owner *and* id: a session of another owner is not found.

    An implementation may let a customer claim a guest's open session. A guest's session that is
    being paid, completed or canceled keeps its owner, whom the caller finds in the session.
    Every write is conditional on the version that was read.
    """

    def get(self, owner: str, session_id: str, at: datetime) -> CheckoutSession:
        """Return a session. Raises NotFound for an unknown or expired one."""

    def insert_op(self, session: CheckoutSession) -> WriteOperation:
        """Return the operation that writes a new session."""

    def update_op(self, before: CheckoutSession, after: CheckoutSession) -> WriteOperation:
        """Return the operation that replaces ``before`` by ``after``."""

    def delete_op(self, session: CheckoutSession) -> WriteOperation:
        """Return the operation that deletes a session."""

    def condition_key(self, session: CheckoutSession) -> str:
        """Return the key of this session in :class:`~shop.kernel.unit_of_work.ConditionFailed`."""
