"""Waiting rooms: who came first is let in first, at a pace that the shop can bear.

A room hands out *numbers*, in order, and lets them in by the clock: number ``n`` is let in when the
room's count has passed it, and the count is a straight line over time. So whoever asks "is it my
turn?" is answered from the ticket, the room's settings and the clock: nothing is read or written.
A number is never drawn below what the count would let in a second from now, so an idle hour is not
saved up for a crowd.

Tickets and admissions are signed (HMAC-SHA256) and bound to the checkout they were drawn for: an
admission bought or copied from somebody else opens nothing, and a checkout is bought once.
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
BURST_SECONDS = 1.0
"""Seconds of pace that an idle room has ready for whoever comes."""


class OutagePolicy(StrEnum):
    """What happens while the room's own means (its counter, its key) cannot be reached."""

    FAIL_OPEN = "open"
    """Everybody is let in: the sale goes on, and stock is still never oversold."""
    FAIL_CLOSED = "closed"
    """Nobody is: better no sale than a stampede."""


@frozen
class WaitingRoom:
    """The waiting room of a promotion. Without products and variants it is for every checkout.

    Its count was ``passed`` at ``since`` and rises by ``pace`` a second from there (0: it stands
    still). ``stay`` is how long somebody let in has to buy. ``key`` names this opening of it, so
    that tickets of an earlier one are worth nothing.
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
        """Whether a checkout of these variants has to wait here."""
        if not (self.products or self.variants):
            return True
        return any(
            one in self.variants or one.rpartition(".")[0] in self.products for one in variants
        )

    def admitted_count(self, at: datetime) -> float:
        """Numbers below this have been let in."""
        return self.admitted_before + self.admissions_per_second * max(
            0.0, (at - self.since).total_seconds()
        )

    def lowest_number(self, at: datetime) -> int:
        """The lowest number that may be drawn now."""
        return max(0, ceil(self.admitted_count(at) - self.admissions_per_second * BURST_SECONDS))

    def with_pace(self, pace: int, at: datetime) -> "WaitingRoom":
        """The same room, let in at another pace from now on."""
        return replace(
            self, admissions_per_second=pace, since=at, admitted_before=self.admitted_count(at)
        )

    def admission_time(self, number: int) -> datetime | None:
        """When a number is let in, as things are; ``None`` while the count stands still.

        For one let in at an earlier pace: when that pace was changed.
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
    """What is signed: a ticket (``kind`` "ticket") or an admission ("admission")."""

    kind: str
    room: str
    number: int
    holder: str
    until: datetime


@frozen
class QueuePosition:
    """Where somebody stands: ``ahead`` of them so many, for about ``seconds`` (``None``: nobody
    knows). With ``admission`` they are in."""

    ahead: int
    seconds: int | None
    admission: str | None = None


def sign_admission(what: Admission, key: bytes) -> str:
    """A pass as text for a header."""
    told = [what.kind, what.room, what.number, what.holder, int(what.until.timestamp())]
    body = _text(json.dumps(told, separators=(",", ":")).encode())
    return f"{body}.{_text(_mac(body, key))}"


def verify_admission(text: str, kind: str, keys: Sequence[bytes]) -> Admission:
    """The pass in a text that one of the keys signed. Raises Forbidden for every other text."""
    body, _, mac = text.partition(".")
    given = _bytes(mac)
    if (
        len(text) > 1000
        or given is None
        or not any(hmac.compare_digest(_mac(body, key), given) for key in keys)
    ):
        raise Forbidden(f"this {kind} is not one of ours", code=f"{kind}_forged")
    said, room, number, holder, until = json.loads(_bytes(body) or b"")
    if said != kind:
        raise Forbidden(f"this is a {said}, not a {kind}", code=f"{kind}_forged")
    return Admission(said, room, number, holder, datetime.fromtimestamp(until, UTC))


def _mac(body: str, key: bytes) -> bytes:
    return hmac.digest(key, b"waiting-room\n" + body.encode("utf-8", "replace"), hashlib.sha256)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes | None:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return None


def ticket(waiting_room: WaitingRoom, number: int, holder: str, at: datetime) -> Admission:
    return Admission("ticket", waiting_room.key, number, holder, at + TICKET_TTL)


def queue_position(
    waiting_room: WaitingRoom, shown: Admission, at: datetime, key: bytes
) -> QueuePosition:
    """Where the holder of a ticket stands now; in the end with an admission.

    The admission counts from the turn, not from when somebody asks: a turn that is not taken
    passes. Raises Conflict (``turn_missed``, ``ticket_expired``): join again.
    """
    if shown.room != waiting_room.key:
        raise Conflict("this ticket is of another waiting room", code="ticket_foreign")
    if at >= shown.until:
        raise Conflict("this ticket is too old; join again", code="ticket_expired")
    ahead = shown.number - floor(waiting_room.admitted_count(at))
    turn = waiting_room.admission_time(shown.number)
    if turn is None or at < turn:
        seconds = None if turn is None else max(1, ceil((turn - at).total_seconds()))
        return QueuePosition(max(1, ahead), seconds)
    until = turn + timedelta(seconds=waiting_room.purchase_window_seconds)
    if at >= until:
        raise Conflict("your turn has passed; join again", code="turn_missed")
    let_in = Admission("admission", waiting_room.key, shown.number, shown.holder, until)
    return QueuePosition(0, 0, sign_admission(let_in, key))


def require_admission(
    waiting_room: WaitingRoom, text: str, holder: str, at: datetime, keys: Sequence[bytes]
) -> None:
    """Let a checkout in that shows an admission.

    Raises Forbidden for one that is forged or somebody else's, Conflict for one that has expired.
    """
    shown = verify_admission(text, "admission", keys)
    if shown.room != waiting_room.key:
        raise Forbidden("this admission is to another waiting room", code="admission_foreign")
    if shown.holder != holder:
        raise Forbidden("this admission was given to another checkout", code="admission_foreign")
    if at >= shown.until:
        raise Conflict("this admission has expired; join again", code="admission_expired")


def waiting_room_for(
    waiting_rooms: Collection[WaitingRoom], variants: Collection[str]
) -> WaitingRoom | None:
    """The room in which a checkout of these variants waits: of several, the slowest."""
    found = [room for room in waiting_rooms if room.applies_to(variants)]
    return (
        min(found, key=lambda room: (room.admissions_per_second, room.promotion_id))
        if found
        else None
    )


def validate_pace(pace: int) -> int:
    if not 0 <= pace <= MAX_ADMISSIONS_PER_SECOND:
        raise InvalidRequest(
            f"0 to {MAX_ADMISSIONS_PER_SECOND} a second", path="$.admissions_per_second"
        )
    return pace
