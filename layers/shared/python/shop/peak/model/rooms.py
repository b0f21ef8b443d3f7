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

from shop.kernel.errors import Conflict, Forbidden, Invalid
from shop.kernel.frozen import frozen

TICKET_LASTS = timedelta(hours=6)
GREATEST_PACE = 20_000
BURST = 1.0
"""Seconds of pace that an idle room has ready for whoever comes."""


class Blind(StrEnum):
    """What happens while the room's own means (its counter, its key) cannot be reached."""

    OPEN = "open"
    """Everybody is let in: the sale goes on, and stock is still never oversold."""
    CLOSED = "closed"
    """Nobody is: better no sale than a stampede."""


@frozen
class Room:
    """The waiting room of a promotion. Without products and variants it is for every checkout.

    Its count was ``passed`` at ``since`` and rises by ``pace`` a second from there (0: it stands
    still). ``stay`` is how long somebody let in has to buy. ``key`` names this opening of it, so
    that tickets of an earlier one are worth nothing.
    """

    promotion_id: str
    key: str
    pace: int
    since: datetime
    passed: float = 0.0
    products: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    when_blind: Blind = Blind.OPEN
    stay: int = 600
    who: str = ""
    why: str = ""

    def holds(self, variants: Iterable[str]) -> bool:
        """Whether a checkout of these variants has to wait here."""
        if not (self.products or self.variants):
            return True
        return any(
            one in self.variants or one.rpartition(".")[0] in self.products for one in variants
        )

    def count(self, at: datetime) -> float:
        """Numbers below this have been let in."""
        return self.passed + self.pace * max(0.0, (at - self.since).total_seconds())

    def lowest(self, at: datetime) -> int:
        """The lowest number that may be drawn now."""
        return max(0, ceil(self.count(at) - self.pace * BURST))

    def paced(self, pace: int, at: datetime) -> "Room":
        """The same room, let in at another pace from now on."""
        return replace(self, pace=pace, since=at, passed=self.count(at))

    def turn(self, number: int) -> datetime | None:
        """When a number is let in, as things are; ``None`` while the count stands still.

        For one let in at an earlier pace: when that pace was changed.
        """
        if number < self.passed:
            return self.since
        if not self.pace:
            return None
        return self.since + timedelta(seconds=(number - self.passed) / self.pace)


@frozen
class Pass:
    """What is signed: a ticket (``kind`` "ticket") or an admission ("admission")."""

    kind: str
    room: str
    number: int
    holder: str
    until: datetime


@frozen
class Place:
    """Where somebody stands: ``ahead`` of them so many, for about ``seconds`` (``None``: nobody
    knows). With ``admission`` they are in."""

    ahead: int
    seconds: int | None
    admission: str | None = None


def signed(what: Pass, key: bytes) -> str:
    """A pass as text for a header."""
    told = [what.kind, what.room, what.number, what.holder, int(what.until.timestamp())]
    body = _text(json.dumps(told, separators=(",", ":")).encode())
    return f"{body}.{_text(_mac(body, key))}"


def read(text: str, kind: str, keys: Sequence[bytes]) -> Pass:
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
    return Pass(said, room, number, holder, datetime.fromtimestamp(until, UTC))


def _mac(body: str, key: bytes) -> bytes:
    return hmac.digest(key, b"waiting-room\n" + body.encode("utf-8", "replace"), hashlib.sha256)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes | None:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return None


def ticket(room: Room, number: int, holder: str, at: datetime) -> Pass:
    return Pass("ticket", room.key, number, holder, at + TICKET_LASTS)


def place(room: Room, shown: Pass, at: datetime, key: bytes) -> Place:
    """Where the holder of a ticket stands now; in the end with an admission.

    The admission counts from the turn, not from when somebody asks: a turn that is not taken
    passes. Raises Conflict (``turn_missed``, ``ticket_expired``): join again.
    """
    if shown.room != room.key:
        raise Conflict("this ticket is of another waiting room", code="ticket_foreign")
    if at >= shown.until:
        raise Conflict("this ticket is too old; join again", code="ticket_expired")
    ahead = shown.number - floor(room.count(at))
    turn = room.turn(shown.number)
    if turn is None or at < turn:
        seconds = None if turn is None else max(1, ceil((turn - at).total_seconds()))
        return Place(max(1, ahead), seconds)
    until = turn + timedelta(seconds=room.stay)
    if at >= until:
        raise Conflict("your turn has passed; join again", code="turn_missed")
    let_in = Pass("admission", room.key, shown.number, shown.holder, until)
    return Place(0, 0, signed(let_in, key))


def admitted(room: Room, text: str, holder: str, at: datetime, keys: Sequence[bytes]) -> None:
    """Let a checkout in that shows an admission.

    Raises Forbidden for one that is forged or somebody else's, Conflict for one that has expired.
    """
    shown = read(text, "admission", keys)
    if shown.room != room.key:
        raise Forbidden("this admission is to another waiting room", code="admission_foreign")
    if shown.holder != holder:
        raise Forbidden("this admission was given to another checkout", code="admission_foreign")
    if at >= shown.until:
        raise Conflict("this admission has expired; join again", code="admission_expired")


def room_for(rooms: Collection[Room], variants: Collection[str]) -> Room | None:
    """The room in which a checkout of these variants waits: of several, the slowest."""
    found = [room for room in rooms if room.holds(variants)]
    return min(found, key=lambda room: (room.pace, room.promotion_id)) if found else None


def checked_pace(pace: int) -> int:
    if not 0 <= pace <= GREATEST_PACE:
        raise Invalid(f"0 to {GREATEST_PACE} a second", path="$.pace")
    return pace
