"""A digest of new orders for staff: one email per window of time, however many orders arrive."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from shop.kernel.errors import Unavailable
from shop.kernel.notifications import Email, EmailSender, SentEmails
from shop.orders.ports import NewOrders, OrderDigest

LISTED_ORDERS = 10
"""Orders that a digest lists; it counts the others."""
WINDOWS_PER_RUN = 4
"""Past windows that a run completes, in case earlier runs or the email service failed."""


def send_order_digests(
    minutes: int,
    staff_address: str,
    *,
    at: datetime,
    build_email: Callable[[OrderDigest], Email],
    new_orders: NewOrders,
    sent_emails: SentEmails,
    email_sender: EmailSender,
) -> tuple[int, int]:
    """Send the digests of the windows that have ended, once each; a window without orders has none.

    ``minutes`` is the length of a window; 0 turns the digest off. May run twice at the same time.
    Returns the number of emails sent, and of the orders that they count.
    """
    sent = counted = 0
    for starts, ends in _ended_windows(minutes, at):
        window = f"{starts:%Y-%m-%dT%H:%MZ}+{minutes}"
        try:
            if not sent_emails.claim(window, "new_orders", at):
                continue
            digest = new_orders.placed_between(starts, ends, LISTED_ORDERS)
            if digest.count:
                email_sender.send(staff_address, build_email(digest))
                sent += 1
                counted += digest.count
        except Unavailable:
            continue  # another run sends it, or the next run does
        sent_emails.mark_sent(window, "new_orders", at)
    return sent, counted


def _ended_windows(minutes: int, at: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield the last windows that have ended, oldest first. None crosses midnight (UTC)."""
    if not minutes:
        return
    length = timedelta(minutes=minutes)
    midnight = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    current = midnight + (at - midnight) // length * length
    for number in range(WINDOWS_PER_RUN, 0, -1):
        starts = current - number * length
        yield starts, starts + length
