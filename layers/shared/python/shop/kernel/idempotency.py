"""Doing a thing once, however often it is asked for.

The key a client sends is written in the same transaction as what it asked for, with the answer it
got, and is kept for 24 hours. So the second of two equal requests finds the first one's answer,
and a crash leaves either both or neither.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from shop.kernel.errors import KeyReused, Refusal, Stale
from shop.kernel.frozen import frozen
from shop.kernel.transactions import Change, Clash, Ledger, Part

T = TypeVar("T")

KEPT = timedelta(hours=24)
"""How long an answer is kept. Source: UCP, "Replay Protection": at least 24 hours."""


@frozen(slots=False)
class Ask:
    """One request to change something: whose, under which key, and a digest of what was asked."""

    owner: str
    key: str
    fingerprint: str
    at: datetime


@frozen(slots=False)
class Taken:
    """What is kept under a key. ``answer`` is ``None`` while the work is still going on."""

    fingerprint: str
    answer: Mapping[str, Any] | None


class Keys(Protocol):
    """The record of keys."""

    def taken(self, ask: Ask) -> Taken | None:
        """What is kept under this key, if it is not older than :data:`KEPT`."""

    def taking(self, ask: Ask, answer: Mapping[str, Any] | None) -> Part:
        """Take the key, if it is free."""

    def answering(self, ask: Ask, answer: Mapping[str, Any]) -> Part:
        """Add the answer to a key that was taken without one."""

    def name(self, ask: Ask) -> str:
        """How a :class:`Clash` names this key."""


def answer_kept(ask: Ask, keys: Keys) -> Mapping[str, Any] | None:
    """The answer this very request got before; ``None`` if there is none.

    Raises :class:`KeyReused` when the key came with another request.
    """
    kept = keys.taken(ask)
    if kept is None:
        return None
    if kept.fingerprint != ask.fingerprint:
        raise KeyReused(
            "this Idempotency-Key was used for another request; use a new key for a new request",
            path="Idempotency-Key",
        )
    return kept.answer


def once(
    ask: Ask,
    make: Callable[[], Change[T]],
    render: Callable[[T], Mapping[str, Any]],
    *,
    keys: Keys,
    ledger: Ledger,
) -> Mapping[str, Any]:
    """Make a change once and give its answer, now and on every repetition.

    The ordinary case costs no extra read: the key is only looked up when something stands in the
    way, a condition that failed or a refusal (the cart is gone, since the first request took it).
    Raises :class:`Stale` when somebody else changed the thing meanwhile.
    """
    try:
        change = make()
    except Refusal:
        kept = answer_kept(ask, keys)
        if kept is not None:
            return kept
        raise
    answer = render(change.value)
    try:
        ledger.commit(*change.parts, keys.taking(ask, answer))
    except Clash:
        kept = answer_kept(ask, keys)
        if kept is not None:
            return kept
        raise Stale("somebody else changed this meanwhile; read it and try again") from None
    return answer
