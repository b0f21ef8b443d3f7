"""The transaction that parts are written into, with a bounded retry for mere collisions.

Two transactions that touch one item at the same moment are not queued by DynamoDB: one is refused
with ``TransactionConflict``. That says nothing about the conditions, so it is tried again, a few
times, after a random pause. A failed condition is never tried again: it is the answer.
"""

import random
import time
from typing import Any

from pynamodb.connection import Connection
from pynamodb.exceptions import TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

from shop.kernel.errors import Unavailable
from shop.kernel.unit_of_work import ConditionFailed, PartitionThrottled, WriteOperation
from shop.storage.connection import connection as shared_connection

MAX_ATTEMPTS = 8
FIRST_PAUSE = 0.01
MAX_PAUSE = 0.3

_CROWDED = {"ThrottlingError", "ProvisionedThroughputExceeded"}
_COLLISIONS = {"TransactionConflict", *_CROWDED}
_COLLISION_ERRORS = {
    "TransactionInProgressException",
    "TransactionConflictException",
    "ThrottlingException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
}


class Transaction(TransactWrite):
    """PynamoDB's transaction, which also remembers the key of each row it was given."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection=connection)
        self._names: dict[str, list[str]] = {"check": [], "delete": [], "put": [], "update": []}

    def keys(self) -> list[str]:
        """The rows' keys in the order in which DynamoDB gives its cancellation reasons."""
        return [name for kind in ("check", "delete", "put", "update") for name in self._names[kind]]

    def condition_check(
        self,
        model_cls: Any,
        hash_key: Any,
        range_key: Any = None,
        condition: Condition | None = None,
    ) -> None:
        super().condition_check(model_cls, hash_key, range_key, condition)
        self._names["check"].append(str(hash_key))

    def delete(
        self, model: Any, condition: Condition | None = None, *, add_version_condition: bool = True
    ) -> None:
        super().delete(model, condition, add_version_condition=add_version_condition)
        self._names["delete"].append(_key_of(model))

    def save(
        self, model: Any, condition: Condition | None = None, return_values: str | None = None
    ) -> None:
        super().save(model, condition, return_values)
        self._names["put"].append(_key_of(model))

    def update(
        self,
        model: Any,
        actions: list[Action],
        condition: Condition | None = None,
        return_values: str | None = None,
        *,
        add_version_condition: bool = True,
    ) -> None:
        super().update(
            model, actions, condition, return_values, add_version_condition=add_version_condition
        )
        self._names["update"].append(_key_of(model))


def _key_of(row: Model) -> str:
    return str(row.attribute_values[str(type(row)._hash_keyname)])


class DynamoUnitOfWork:
    """Commits parts in one DynamoDB transaction (at most 100 rows).

    ``insists``: a row that is throttled is tried again like one that somebody else writes at that
    moment. Else it raises :class:`~shop.kernel.unit_of_work.PartitionThrottled` after a moment, for whoever
    can draw other rows: a crowded partition stays crowded, others may be idle (docs/adr, "hot
    SKUs").
    """

    def __init__(
        self, connection: Connection | None = None, *, retry_throttled: bool = True
    ) -> None:
        self._connection = connection or shared_connection()
        self._retry_throttled = retry_throttled

    def commit(self, *parts: WriteOperation) -> None:
        pause = FIRST_PAUSE
        for attempt in range(MAX_ATTEMPTS):
            if attempt:
                time.sleep(random.uniform(0, pause))
                pause = min(pause * 2, MAX_PAUSE)
            writes = Transaction(self._connection)
            for part in parts:
                part(writes)
            try:
                with writes:
                    pass
                return
            except TransactWriteError as error:
                reasons = error.cancellation_reasons
                failed = frozenset(
                    name
                    for name, reason in zip(writes.keys(), reasons, strict=False)
                    if reason is not None and reason.code == "ConditionalCheckFailed"
                )
                if failed:
                    raise ConditionFailed(failed) from error
                if not self._retry_throttled and any(
                    r is not None and r.code in _CROWDED for r in reasons
                ):
                    time.sleep(random.uniform(0, MAX_PAUSE / 2))
                    raise PartitionThrottled("a partition takes no more at this moment") from error
                collided = any(r is not None and r.code in _COLLISIONS for r in reasons)
                if not collided and error.cause_response_code not in _COLLISION_ERRORS:
                    raise
        raise Unavailable("too many want this at the same moment; try again", code="contention")
