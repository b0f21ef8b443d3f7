"""Emails that are sent once per subject, although their events may be delivered twice."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from shop.kernel.frozen import frozen


@frozen(slots=False)
class Email:
    """An email: the same text as plain text and as HTML."""

    subject: str
    text: str
    html: str


CLAIM_TIMEOUT = timedelta(seconds=45)
"""Longer than the timeout of a Lambda that sends, shorter than the first delay before a retry."""


class SentEmails(Protocol):
    """The record of emails that were claimed or sent."""

    def claim(self, about: str, kind: str, at: datetime) -> bool:
        """Claim an email; return ``False`` if it was already sent.

        ``about`` and ``kind`` identify it: an order id and ``"confirmation"``.

        Raises :class:`Unavailable` while another sender has the claim. A claim without
        :meth:`mark_sent` expires after :data:`CLAIM_TIMEOUT`, because its sender has crashed by
        then. A crash before sending therefore delays the email. A crash between sending and
        :meth:`mark_sent` sends it twice: the email service has no idempotency key.
        """

    def mark_sent(self, about: str, kind: str, at: datetime) -> None:
        """Record that a claimed email was sent."""


class EmailSender(Protocol):
    """An email service."""

    def send(self, to: str, email: Email) -> None:
        """Send an email. Raises :class:`Unavailable` if a retry may succeed."""


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
    """Send an email unless it was already sent; return whether it was sent by this call.

    Raises what :meth:`SentEmails.claim` and :meth:`EmailSender.send` raise.
    """
    if not sent_emails.claim(about, kind, at):
        return False
    # The email is built after the claim: a second delivery of the event then costs one write only.
    email_sender.send(to, build_email())
    sent_emails.mark_sent(about, kind, at)
    return True
