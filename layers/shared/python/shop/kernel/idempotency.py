"""Doing a thing once, however often it is asked for.

The key a client sends is written in the same transaction as what it asked for, with the answer it
got, and is kept for 24 hours. So the second of two equal requests finds the first one's answer,
and a crash leaves either both or neither.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from shop.kernel.errors import IdempotencyKeyReused, ShopError, VersionConflict
from shop.kernel.frozen import frozen
from shop.kernel.unit_of_work import ConditionFailed, StagedChange, UnitOfWork, WriteOperation

T = TypeVar("T")

IDEMPOTENCY_RETENTION = timedelta(hours=24)
"""How long an answer is kept. Source: UCP, "Replay Protection": at least 24 hours."""


@frozen(slots=False)
class IdempotentRequest:
    """One request to change something: whose, under which key, and a digest of what was asked."""

    owner: str
    key: str
    payload_hash: str
    at: datetime


@frozen(slots=False)
class IdempotencyRecord:
    """What is kept under a key. ``answer`` is ``None`` while the work is still going on."""

    payload_hash: str
    response: Mapping[str, Any] | None


class IdempotencyStore(Protocol):
    """The record of keys."""

    def get(self, idempotent_request: IdempotentRequest) -> IdempotencyRecord | None:
        """What is kept under this key, if it is not older than :data:`KEPT`."""

    def claim(
        self, idempotent_request: IdempotentRequest, answer: Mapping[str, Any] | None
    ) -> WriteOperation:
        """Take the key, if it is free."""

    def complete(
        self, idempotent_request: IdempotentRequest, answer: Mapping[str, Any]
    ) -> WriteOperation:
        """Add the answer to a key that was taken without one."""

    def condition_key(self, idempotent_request: IdempotentRequest) -> str:
        """How a :class:`Clash` names this key."""


def stored_response(
    idempotent_request: IdempotentRequest, idempotency: IdempotencyStore
) -> Mapping[str, Any] | None:
    """The answer this very request got before; ``None`` if there is none.

    Raises :class:`KeyReused` when the key came with another request.
    """
    stored = idempotency.get(idempotent_request)
    if stored is None:
        return None
    if stored.payload_hash != idempotent_request.payload_hash:
        raise IdempotencyKeyReused(
            "this Idempotency-Key was used for another request; use a new key for a new request",
            path="Idempotency-Key",
        )
    return stored.response


def run_idempotent(
    idempotent_request: IdempotentRequest,
    make: Callable[[], StagedChange[T]],
    render: Callable[[T], Mapping[str, Any]],
    *,
    idempotency: IdempotencyStore,
    uow: UnitOfWork,
) -> Mapping[str, Any]:
    """Make a change once and give its answer, now and on every repetition.

    The ordinary case costs no extra read: the key is only looked up when something stands in the
    way, a condition that failed or a refusal (the cart is gone, since the first request took it).
    Raises :class:`Stale` when somebody else changed the thing meanwhile.
    """
    try:
        change = make()
    except ShopError:
        stored = stored_response(idempotent_request, idempotency)
        if stored is not None:
            return stored
        raise
    answer = render(change.value)
    try:
        uow.commit(*change.parts, idempotency.claim(idempotent_request, answer))
    except ConditionFailed:
        stored = stored_response(idempotent_request, idempotency)
        if stored is not None:
            return stored
        raise VersionConflict(
            "somebody else changed this meanwhile; read it and try again"
        ) from None
    return answer
