"""What buying needs from the world, beyond what the floors below already say."""

from datetime import datetime
from typing import Protocol

from shop.checkout.model import CheckoutSession
from shop.kernel.unit_of_work import WriteOperation


class CheckoutSessionRepository(Protocol):
    """Where checkout sessions are kept. One is found by its id *and* whose it is."""

    def get(self, owner: str, session_id: str, at: datetime) -> CheckoutSession:
        """The session, if it is this owner's and not expired. Raises NotFound."""

    def insert_op(self, session: CheckoutSession) -> WriteOperation:
        """Write a new session."""

    def update_op(self, before: CheckoutSession, after: CheckoutSession) -> WriteOperation:
        """Write what a session became, if it is still as it was read."""

    def condition_key(self, session: CheckoutSession) -> str:
        """How a Clash names this session."""
