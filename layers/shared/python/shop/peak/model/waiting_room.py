"""Waiting rooms: checkouts are admitted in order of arrival, at a rate that the shop can serve.

A room issues consecutive *numbers* and admits them by the clock. Its admitted count rises linearly
with time, and number ``n`` is admitted when the count exceeds it. A ticket's queue position
therefore follows from the ticket, the room's settings and the time, without a read or a write.

A number is never drawn below the count minus one second's admissions. Unused admissions of an idle
hour are thus not saved up for a later crowd.

Tickets and admissions are signed (HMAC-SHA256) and bound to one checkout. A bought or copied
admission is invalid for any other checkout, and a checkout is completed once.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from math import ceil, floor

from shop.kernel.errors import Conflict, Forbidden, InvalidRequest
from shop.kernel.frozen import frozen

TICKET_TTL = timedelta(hours=6)
MAX_ADMISSIONS_PER_SECOND = 20_000
MIN_PURCHASE_WINDOW_SECONDS, MAX_PURCHASE_WINDOW_SECONDS = 30, 3600
MAX_TOKEN_LENGTH = 1000
"""Maximum characters of a signed text that is parsed."""
BURST_SECONDS = 1.0
"""Seconds of admissions that an idle room has available at once."""


class OutagePolicy(StrEnum):
    """Behaviour while the room's counter or signing key cannot be reached."""

    FAIL_OPEN = "open"
    """Admit every checkout: the sale continues, and stock is still never oversold."""
    FAIL_CLOSED = "closed"
    """Admit no checkout: an overload would be worse than a paused sale."""


@frozen
class WaitingRoomSettings:
    """The settings of a waiting room that staff choose."""

    admissions_per_second: int
    """Checkouts admitted per second; 0 stops admission."""
    purchase_window_seconds: int
    """Seconds that an admitted checkout has to complete."""
    outage_policy: OutagePolicy

    def validate(self) -> None:
        """Raise InvalidRequest (``out_of_range``) for a rate or window outside its bounds."""
        if not 0 <= self.admissions_per_second <= MAX_ADMISSIONS_PER_SECOND:
            raise InvalidRequest(
                f"Admissions per second must be from 0 to {MAX_ADMISSIONS_PER_SECOND}.",
                code="out_of_range",
                path="$.admissions_per_second",
            )
        shortest, longest = MIN_PURCHASE_WINDOW_SECONDS, MAX_PURCHASE_WINDOW_SECONDS
        if not shortest <= self.purchase_window_seconds <= longest:
            raise InvalidRequest(
                f"The purchase window must be from {shortest} to {longest} seconds.",
                code="out_of_range",
                path="$.purchase_window_seconds",
            )


@frozen
class WaitingRoom:
    """The waiting room of a promotion. Without products and variants every checkout waits in it.

    ``admitted_before`` is the admitted count at ``since``, when the current rate began. ``key``
    names this opening of the room, so that tickets of an earlier opening are invalid.
    """

    promotion_id: str
    key: str
    admissions_per_second: int
    since: datetime
    admitted_before: float = 0.0
    products: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    outage_policy: OutagePolicy = OutagePolicy.FAIL_OPEN
    purchase_window_seconds: int = 600
    actor: str = ""
    reason: str = ""

    def applies_to(self, variants: Iterable[str]) -> bool:
        """Whether a checkout with these variants must wait in this room."""
        if not (self.products or self.variants):
            return True
        return any(
            variant in self.variants or variant.rpartition(".")[0] in self.products
            for variant in variants
        )

    def admitted_count(self, at: datetime) -> float:
        """Return the count below which numbers are admitted."""
        return self.admitted_before + self.admissions_per_second * max(
            0.0, (at - self.since).total_seconds()
        )

    def lowest_number(self, at: datetime) -> int:
        """Return the lowest number that may be drawn now."""
        return max(0, ceil(self.admitted_count(at) - self.admissions_per_second * BURST_SECONDS))

    def with_rate(self, admissions_per_second: int, at: datetime) -> "WaitingRoom":
        """Return the room with another rate from now on; admitted numbers stay admitted."""
        return replace(
            self,
            admissions_per_second=admissions_per_second,
            since=at,
            admitted_before=self.admitted_count(at),
        )

    def admission_time(self, number: int) -> datetime | None:
        """Return when a number is admitted at the current rate; ``None`` while admission stops.

        For a number that was admitted at an earlier rate it is the time of the rate's change.
        """
        if number < self.admitted_before:
            return self.since
        if not self.admissions_per_second:
            return None
        return self.since + timedelta(
            seconds=(number - self.admitted_before) / self.admissions_per_second
        )


@frozen
class Admission:
    """The signed content of a ticket (``kind`` "ticket") or an admission ("admission")."""

    kind: str
    room_key: str
    number: int
    checkout_id: str
    expires_at: datetime


@frozen
class QueuePosition:
    """The position of a ticket: checkouts ahead, and the signed admission once admitted.

    ``wait_seconds`` is the estimated waiting time; ``None`` while admission stops.
    """

    ahead: int
    wait_seconds: int | None
    admission: str | None = None


def sign_admission(admission: Admission, key: bytes) -> str:
    """Return a ticket or admission as signed text, short enough for a header."""
    values = [
        admission.kind,
        admission.room_key,
        admission.number,
        admission.checkout_id,
        int(admission.expires_at.timestamp()),
    ]
    body = _to_base64(json.dumps(values, separators=(",", ":")).encode())
    return f"{body}.{_to_base64(_mac(body, key))}"


def verify_admission(text: str, kind: str, keys: Sequence[bytes]) -> Admission:
    """Return the content of a text that one of the keys signed. Raises Forbidden otherwise."""
    body, _, signature = text.partition(".")
    mac = _from_base64(signature)
    # The body is parsed only after its signature is verified: it comes from the client.
    if (
        len(text) > MAX_TOKEN_LENGTH
        or mac is None
        or not any(hmac.compare_digest(_mac(body, key), mac) for key in keys)
    ):
        raise Forbidden(f"This {kind} is not signed by the shop.", code=f"{kind}_forged")
    signed_kind, room_key, number, checkout_id, expires = json.loads(_from_base64(body) or b"")
    if signed_kind != kind:
        raise Forbidden(f"Send the {kind}, not the {signed_kind}.", code=f"{kind}_forged")
    return Admission(
        signed_kind, room_key, number, checkout_id, datetime.fromtimestamp(expires, UTC)
    )


def _mac(body: str, key: bytes) -> bytes:
    # The prefix separates these signatures from other uses of the key.
    return hmac.digest(key, b"waiting-room\n" + body.encode("utf-8", "replace"), hashlib.sha256)


def _to_base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _from_base64(text: str) -> bytes | None:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return None


def new_ticket(waiting_room: WaitingRoom, number: int, checkout_id: str, at: datetime) -> Admission:
    """Return an unsigned ticket for a checkout."""
    return Admission("ticket", waiting_room.key, number, checkout_id, at + TICKET_TTL)


def queue_position(
    waiting_room: WaitingRoom, ticket: Admission, at: datetime, key: bytes
) -> QueuePosition:
    """Return the position of a ticket now, with a signed admission once its turn has come.

    The purchase window begins with the turn and not with the request, so asking again does not
    prolong it. Raises Conflict (``ticket_foreign``, ``ticket_expired``, ``turn_missed``).
    """
    if ticket.room_key != waiting_room.key:
        raise Conflict(
            "This ticket belongs to another waiting room. Get a new ticket.", code="ticket_foreign"
        )
    if at >= ticket.expires_at:
        raise Conflict("This ticket has expired. Get a new ticket.", code="ticket_expired")
    ahead = ticket.number - floor(waiting_room.admitted_count(at))
    turn = waiting_room.admission_time(ticket.number)
    if turn is None or at < turn:
        seconds = None if turn is None else max(1, ceil((turn - at).total_seconds()))
        return QueuePosition(max(1, ahead), seconds)
    expires_at = turn + timedelta(seconds=waiting_room.purchase_window_seconds)
    if at >= expires_at:
        raise Conflict("Your turn has passed. Get a new ticket.", code="turn_missed")
    admission = Admission(
        "admission", waiting_room.key, ticket.number, ticket.checkout_id, expires_at
    )
    return QueuePosition(0, 0, sign_admission(admission, key))


def require_admission(
    waiting_room: WaitingRoom, text: str, checkout_id: str, at: datetime, keys: Sequence[bytes]
) -> None:
    """Raise unless the text is a valid admission of this checkout to this room.

    Raises Forbidden for a forged or foreign admission, and Conflict for an expired one.
    """
    admission = verify_admission(text, "admission", keys)
    if admission.room_key != waiting_room.key:
        raise Forbidden(
            "This admission is for another waiting room. Get a ticket of this one.",
            code="admission_foreign",
        )
    if admission.checkout_id != checkout_id:
        raise Forbidden(
            "This admission is for another checkout. Send its own checkout, or get a new ticket.",
            code="admission_foreign",
        )
    if at >= admission.expires_at:
        raise Conflict("This admission has expired. Get a new ticket.", code="admission_expired")


def waiting_room_for(
    waiting_rooms: Collection[WaitingRoom], variants: Collection[str]
) -> WaitingRoom | None:
    """Return the room for a checkout with these variants: of several, the slowest."""
    found = [room for room in waiting_rooms if room.applies_to(variants)]
    return (
        min(found, key=lambda room: (room.admissions_per_second, room.promotion_id))
        if found
        else None
    )
