"""DynamoDB transactions with bounded retries of transaction conflicts.

DynamoDB does not queue two transactions that touch one item at the same time: it rejects one with
``TransactionConflict``. The rejection is independent of the conditions, so it is retried with
jitter. A failed condition is never retried, because it is a result.
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
"""Seconds."""

THROTTLING_REASONS = {"ThrottlingError", "ProvisionedThroughputExceeded"}
RETRYABLE_REASONS = {"TransactionConflict", *THROTTLING_REASONS}
"""Cancellation reasons of single items that are independent of the conditions."""
RETRYABLE_ERRORS = {
    "TransactionInProgressException",
    "TransactionConflictException",
    "ThrottlingException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
}
"""Errors of the whole call that are independent of the conditions."""


class Transaction(TransactWrite):
    """A PynamoDB transaction that also records the partition key of each of its items."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection=connection)
        self._keys: dict[str, list[str]] = {"check": [], "delete": [], "put": [], "update": []}

    def keys(self) -> list[str]:
        """Return the keys in the order of DynamoDB's cancellation reasons."""
        return [key for kind in ("check", "delete", "put", "update") for key in self._keys[kind]]

    def condition_check(
        self,
        model_cls: Any,
        hash_key: Any,
        range_key: Any = None,
        condition: Condition | None = None,
    ) -> None:
        super().condition_check(model_cls, hash_key, range_key, condition)
        self._keys["check"].append(str(hash_key))

    def delete(
        self, model: Any, condition: Condition | None = None, *, add_version_condition: bool = True
    ) -> None:
        super().delete(model, condition, add_version_condition=add_version_condition)
        self._keys["delete"].append(_partition_key(model))

    def save(
        self, model: Any, condition: Condition | None = None, return_values: str | None = None
    ) -> None:
        super().save(model, condition, return_values)
        self._keys["put"].append(_partition_key(model))

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
        self._keys["update"].append(_partition_key(model))


def _partition_key(row: Model) -> str:
    return str(row.attribute_values[str(type(row)._hash_keyname)])


class DynamoUnitOfWork:
    """Commits write operations in one DynamoDB transaction of at most 100 items.

    Transaction conflicts are retried with jitter, up to 8 attempts in total. A failed condition is
    never retried; it raises :class:`ConditionFailed` with the keys of the failed items.

    ``retry_throttled`` (default) also retries throttled items. Pass ``False`` where the caller can
    choose another shard: it raises :class:`PartitionThrottled` after one pause, because a hot
    partition stays hot while other shards may be idle (docs/adr/hot-skus.md).
    """

    def __init__(
        self, connection: Connection | None = None, *, retry_throttled: bool = True
    ) -> None:
        self._connection = connection or shared_connection()
        self._retry_throttled = retry_throttled

    def commit(self, *writes: WriteOperation) -> None:
        pause = FIRST_PAUSE
        for attempt in range(MAX_ATTEMPTS):
            # Full jitter spreads competing transactions, so that they do not conflict again.
            if attempt:
                time.sleep(random.uniform(0, pause))
                pause = min(pause * 2, MAX_PAUSE)
            transaction = Transaction(self._connection)
            for write in writes:
                write(transaction)
            try:
                with transaction:
                    pass  # leaving the block commits
                return
            except TransactWriteError as error:
                self._raise_unless_retryable(transaction, error)
        raise Unavailable("High demand. Please try again.", code="contention")

    def _raise_unless_retryable(self, transaction: Transaction, error: TransactWriteError) -> None:
        """Raise the domain error of a cancelled transaction; return if a retry may succeed."""
        reasons = [None if each is None else each.code for each in error.cancellation_reasons]
        failed = frozenset(
            key
            for key, reason in zip(transaction.keys(), reasons, strict=False)
            if reason == "ConditionalCheckFailed"
        )
        # First: a failed condition stays failed, whatever else happened to other items.
        if failed:
            raise ConditionFailed(failed) from error
        if not self._retry_throttled and THROTTLING_REASONS.intersection(reasons):
            # One pause, or the caller would load the next shard at full speed.
            time.sleep(random.uniform(0, MAX_PAUSE / 2))
            raise PartitionThrottled("The partition is throttled.") from error
        retryable = (
            bool(RETRYABLE_REASONS.intersection(reasons))
            or error.cause_response_code in RETRYABLE_ERRORS
        )
        if not retryable:
            raise error
