"""Idempotent requests: a repeated request gets the first response and changes nothing.

The client's idempotency key is written in the same transaction as the change, together with the
response, and is kept for 24 hours. A retry therefore finds the first response. A crash stores the
change and its key, or neither.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from shop.kernel.errors import IdempotencyKeyReused, ShopError, VersionConflict
from shop.kernel.frozen import frozen
from shop.kernel.unit_of_work import ConditionFailed, StagedChange, UnitOfWork, WriteOperation

T = TypeVar("T")

IDEMPOTENCY_RETENTION = timedelta(hours=24)
"""How long a response is kept. Source: UCP, "Replay Protection": at least 24 hours."""


@frozen(slots=False)
class IdempotentRequest:
    """A request that changes something: its owner, its key and the hash of its payload."""

    owner: str
    key: str
    payload_hash: str
    at: datetime


@frozen(slots=False)
class IdempotencyRecord:
    """A stored key. ``response`` is ``None`` while the request is still in progress.

    ``subject`` is the id of the object that the request created before its response was known.
    """

    payload_hash: str
    response: Mapping[str, Any] | None
    subject: str | None = None


class IdempotencyStore(Protocol):
    """Stored idempotency keys and their responses."""

    def get(self, request: IdempotentRequest) -> IdempotencyRecord | None:
        """Return the record of a key, unless it is older than :data:`IDEMPOTENCY_RETENTION`."""

    def claim(
        self,
        request: IdempotentRequest,
        response: Mapping[str, Any] | None,
        subject: str | None = None,
    ) -> WriteOperation:
        """Return the write that stores a free key; ``None`` stands for a later response."""

    def complete(self, request: IdempotentRequest, response: Mapping[str, Any]) -> WriteOperation:
        """Return the write that adds the response to a key claimed without one.

        Its condition fails for a key that has a response.
        """

    def condition_key(self, request: IdempotentRequest) -> str:
        """Return the name of this key in :attr:`ConditionFailed.keys`."""


def stored_record(
    request: IdempotentRequest, idempotency: IdempotencyStore
) -> IdempotencyRecord | None:
    """Return the record of this request's key, or ``None``.

    Raises :class:`IdempotencyKeyReused` when the key belongs to a different request.
    """
    record = idempotency.get(request)
    if record is not None and record.payload_hash != request.payload_hash:
        raise IdempotencyKeyReused(
            "This Idempotency-Key belongs to a different request. Use a new key for a new request.",
            path="Idempotency-Key",
        )
    return record


def stored_response(
    request: IdempotentRequest, idempotency: IdempotencyStore
) -> Mapping[str, Any] | None:
    """Return the response that this request already got, or ``None``.

    Raises :class:`IdempotencyKeyReused` when the key belongs to a different request.
    """
    record = stored_record(request, idempotency)
    return None if record is None else record.response


def store_response(
    request: IdempotentRequest,
    response: Mapping[str, Any],
    *,
    idempotency: IdempotencyStore,
    uow: UnitOfWork,
) -> Mapping[str, Any]:
    """Store the response of a claimed key, and return the response that the key has.

    An earlier response wins: two retries that run at the same time return the same one.
    """
    try:
        uow.commit(idempotency.complete(request, response))
    except ConditionFailed:
        return stored_response(request, idempotency) or response
    return response


def run_idempotent(
    request: IdempotentRequest,
    make: Callable[[], StagedChange[T]],
    render: Callable[[T], Mapping[str, Any]],
    *,
    idempotency: IdempotencyStore,
    uow: UnitOfWork,
    attempts: int = 1,
) -> Mapping[str, Any]:
    """Commit a change once and return its response, also for every repetition.

    ``attempts`` is how often the change is made anew after another request changed what it read;
    more than one is for a change that overwrites nothing that its client has seen.

    Raises :class:`VersionConflict` when another request changed the object at the same time, and
    every error of ``make``.
    """
    for _ in range(attempts):
        try:
            change = make()
        except ShopError:
            # A repetition may fail because the first request succeeded (its cart is gone).
            stored = stored_response(request, idempotency)
            if stored is not None:
                return stored
            raise
        response = render(change.value)
        # The key is claimed unread: the usual first request needs no extra read.
        try:
            uow.commit(*change.writes, idempotency.claim(request, response))
        except ConditionFailed:
            # Either the key is taken, by a repetition of this request, or the object changed.
            stored = stored_response(request, idempotency)
            if stored is not None:
                return stored
            continue
        return response
    raise VersionConflict("The object changed at the same time. Read it again and retry.")
