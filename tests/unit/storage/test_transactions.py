"""Transactions: all writes or none; conflicts are retried, failed conditions are not."""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import CancellationReason, TransactWriteError

from shop.kernel.errors import Unavailable
from shop.kernel.unit_of_work import ConditionFailed, PartitionThrottled
from shop.storage import transactions
from shop.storage.connection import Row, connection
from shop.storage.transactions import MAX_ATTEMPTS, DynamoUnitOfWork, Transaction
from tests.kit.shop import mock_aws
from tests.unit.storage.rows import stored_item


class Cup(Row):
    """A row to write."""

    class Meta:
        table_name = "sessions"

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    fill_level = NumberAttribute(default=0)


def cup(name: str, fill_level: int = 0) -> Cup:
    return Cup(name, fill_level=fill_level)


def test_all_writes_are_committed_together(unit_of_work: DynamoUnitOfWork) -> None:
    unit_of_work.commit(
        lambda writes: writes.save(cup("a"), Cup.pk.does_not_exist()),
        lambda writes: writes.save(cup("b"), Cup.pk.does_not_exist()),
    )
    assert stored_item("a")
    assert stored_item("b")


def test_failed_conditions_prevent_all_writes_and_are_named(
    unit_of_work: DynamoUnitOfWork,
) -> None:
    # Given two stored rows
    unit_of_work.commit(
        lambda writes: writes.save(cup("a", 1)), lambda writes: writes.save(cup("d", 1))
    )
    # When two of four conditions fail
    with pytest.raises(ConditionFailed) as error:
        unit_of_work.commit(
            lambda writes: writes.update(cup("a"), [Cup.fill_level.set(9)], Cup.fill_level == 7),
            lambda writes: writes.save(cup("b"), Cup.pk.does_not_exist()),
            lambda writes: writes.delete(cup("d"), Cup.fill_level == 1),
            lambda writes: writes.condition_check(Cup, "c", condition=Cup.pk.exists()),
        )
    # Then both are named and nothing has changed
    assert error.value.keys == {"a", "c"}
    assert stored_item("b") is None
    assert stored_item("d")
    assert stored_item("a")["fill_level"] == {"N": "1"}  # type: ignore[index]


class RejectingDynamoDB:
    """DynamoDB that rejects a transaction ``times`` times, with these reasons per item."""

    def __init__(self, times: int, *reasons: str | None, error: str = "") -> None:
        self.times = times
        self.reasons = reasons
        self.error = error
        self.attempts = 0

    def commit(self, transaction: Transaction) -> None:
        self.attempts += 1
        if self.attempts <= self.times:
            raise RejectedTransaction(self.reasons, self.error)


class RejectedTransaction(TransactWriteError):
    """A rejected transaction, as PynamoDB raises it."""

    def __init__(self, reasons: tuple[str | None, ...], error: str) -> None:
        code = error or "TransactionCanceledException"
        super().__init__("rejected", ClientError({"Error": {"Code": code}}, "TransactWriteItems"))
        self._reasons = [None if c is None else CancellationReason(c) for c in reasons]

    @property
    def cancellation_reasons(self) -> list[CancellationReason | None]:
        return self._reasons


@pytest.fixture
def reject(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that installs a rejecting DynamoDB; pauses take no time."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)

    def install(dynamodb: RejectingDynamoDB) -> RejectingDynamoDB:
        def commit(self: Transaction) -> None:
            dynamodb.commit(self)

        monkeypatch.setattr(Transaction, "_commit", commit)
        return dynamodb

    return install


def commit_two_rows(*, retry_throttled: bool = True) -> None:
    DynamoUnitOfWork(connection(), retry_throttled=retry_throttled).commit(
        lambda writes: writes.save(cup("a")), lambda writes: writes.save(cup("b"))
    )


@pytest.mark.parametrize("reason", sorted(transactions.RETRYABLE_REASONS))
def test_transaction_conflict_is_retried(reject: Any, reason: str) -> None:
    dynamodb = reject(RejectingDynamoDB(3, None, reason))
    commit_two_rows()
    assert dynamodb.attempts == 4


@pytest.mark.parametrize("reason", sorted(transactions.THROTTLING_REASONS))
def test_throttled_item_is_raised_at_once_without_retry_throttled(reject: Any, reason: str) -> None:
    dynamodb = reject(RejectingDynamoDB(99, None, reason))
    with pytest.raises(PartitionThrottled):
        commit_two_rows(retry_throttled=False)
    assert dynamodb.attempts == 1


@pytest.mark.parametrize("code", sorted(transactions.RETRYABLE_ERRORS))
def test_retryable_error_of_the_call_is_retried(reject: Any, code: str) -> None:
    dynamodb = reject(RejectingDynamoDB(2, error=code))
    commit_two_rows()
    assert dynamodb.attempts == 3


def test_persistent_conflict_raises_unavailable_after_max_attempts(reject: Any) -> None:
    dynamodb = reject(RejectingDynamoDB(99, "TransactionConflict", None))
    with pytest.raises(Unavailable) as error:
        commit_two_rows()
    assert (error.value.code, dynamodb.attempts) == ("contention", MAX_ATTEMPTS)


def test_failed_condition_outranks_a_conflict_of_another_item(reject: Any) -> None:
    dynamodb = reject(RejectingDynamoDB(99, "ConditionalCheckFailed", "TransactionConflict"))
    with pytest.raises(ConditionFailed) as error:
        commit_two_rows()
    assert (set(error.value.keys), dynamodb.attempts) == ({"a"}, 1)


@pytest.mark.parametrize("reason", ["ValidationError", "ItemCollectionSizeLimitExceeded"])
def test_invalid_request_is_not_retried(reject: Any, reason: str) -> None:
    dynamodb = reject(RejectingDynamoDB(99, reason, None))
    with pytest.raises(TransactWriteError):
        commit_two_rows()
    assert dynamodb.attempts == 1


def test_write_operations_are_called_for_each_attempt(reject: Any) -> None:
    reject(RejectingDynamoDB(2, "TransactionConflict"))
    calls: list[int] = []

    def write(writes: Any) -> None:
        calls.append(1)
        writes.save(cup("a"))

    DynamoUnitOfWork(connection()).commit(write)
    assert len(calls) == 3


@pytest.mark.slow
def test_client_has_a_short_user_agent_and_no_account_endpoint() -> None:
    with mock_aws():
        config: Any = connection().client.meta.config
        assert config.user_agent == "doorbuster"
        assert config.account_id_endpoint_mode == "disabled"
