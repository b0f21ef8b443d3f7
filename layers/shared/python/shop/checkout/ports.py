"""What buying needs from the world, beyond what the floors below already say."""

from datetime import datetime
from typing import Protocol

from shop.checkout.model import Session
from shop.kernel.transactions import Part


class Sessions(Protocol):
    """Where checkout sessions are kept. One is found by its id *and* whose it is."""

    def of(self, owner: str, session_id: str, at: datetime) -> Session:
        """The session, if it is this owner's and not expired. Raises NotFound."""

    def adding(self, session: Session) -> Part:
        """Write a new session."""

    def changing(self, before: Session, after: Session) -> Part:
        """Write what a session became, if it is still as it was read."""

    def name(self, session: Session) -> str:
        """How a Clash names this session."""
