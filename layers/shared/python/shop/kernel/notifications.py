"""Letters that are written once, however often the shop is told why to write them."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from shop.kernel.frozen import frozen


@frozen(slots=False)
class Email:
    """What somebody reads: the same words as plain text and as HTML."""

    subject: str
    text: str
    html: str


CLAIM_TIMEOUT = timedelta(seconds=45)
"""Longer than a Lambda that sends a letter can live, shorter than the first wait before a retry."""


class SentEmails(Protocol):
    """Which letters were written, so that an event that comes twice writes one."""

    def claim(self, about: str, kind: str, at: datetime) -> bool:
        """Take a letter on, if nobody has: ``False`` once it was sent. ``about`` and ``kind`` name
        it: an order's id and ``"confirmation"``.

        Raises Unavailable while somebody else is at it. Who took it on and was not heard of for
        :data:`GIVEN_UP` is taken to have crashed. So a crash before the letter left costs a delay;
        one after it left and before :meth:`sent` costs a second letter, for a mail service knows
        no idempotency key.
        """

    def mark_sent(self, about: str, kind: str, at: datetime) -> None:
        """The letter left."""


class EmailSender(Protocol):
    """Where letters go."""

    def send(self, to: str, email: Email) -> None:
        """Send a letter. Raises Unavailable where that may work later."""


def send_once(
    about: str,
    kind: str,
    to: str,
    build_email: Callable[[], Email],
    *,
    at: datetime,
    sent_emails: SentEmails,
    email_sender: EmailSender,
) -> bool:
    """Send a letter if nobody has; whether it left now. Raises what :meth:`Letters.taken` does."""
    if not sent_emails.claim(about, kind, at):
        return False
    email_sender.send(to, build_email())
    sent_emails.mark_sent(about, kind, at)
    return True
