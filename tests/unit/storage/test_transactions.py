"""Parts of several floors are written together or not at all; mere collisions are tried again."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import CancellationReason, TransactWriteError

from shop.kernel.errors import Unavailable
from shop.kernel.idempotency import IDEMPOTENCY_RETENTION, IdempotencyRecord, IdempotentRequest
from shop.kernel.unit_of_work import ConditionFailed, PartitionThrottled
from shop.storage import transactions
from shop.storage.connection import Row, connection
from shop.storage.idempotency import DynamoIdempotencyStore
from shop.storage.transactions import MAX_ATTEMPTS, DynamoUnitOfWork, Transaction
from tests.kit.shop import create_tables


class Cup(Row):
    """A row to write."""

    class Meta:
        table_name = "sessions"

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    full = NumberAttribute(default=0)


@pytest.fixture(params=["dynamo"])
def unit_of_work(request: pytest.FixtureRequest) -> Iterator[DynamoUnitOfWork]:
    with mock_aws():
        create_tables()
        yield DynamoUnitOfWork(connection())


def cup(name: str, full: int = 0) -> Cup:
    return Cup(name, full=full)


def stored(name: str) -> dict[str, Any] | None:
    found: dict[str, Any] | None = (
        boto3.client("dynamodb").get_item(TableName="sessions", Key={"PK": {"S": name}}).get("Item")
    )
    return found


def test_all_parts_are_written_together(unit_of_work: DynamoUnitOfWork) -> None:
    unit_of_work.commit(
        lambda writes: writes.save(cup("a"), Cup.pk.does_not_exist()),
        lambda writes: writes.save(cup("b"), Cup.pk.does_not_exist()),
    )
    assert stored("a")
    assert stored("b")


def test_one_condition_that_fails_leaves_nothing_and_names_its_row(
    unit_of_work: DynamoUnitOfWork,
) -> None:
    unit_of_work.commit(
        lambda writes: writes.save(cup("a", 1)), lambda writes: writes.save(cup("d", 1))
    )
    with pytest.raises(ConditionFailed) as clash:
        unit_of_work.commit(
            lambda writes: writes.update(cup("a"), [Cup.full.set(9)], Cup.full == 7),
            lambda writes: writes.save(cup("b"), Cup.pk.does_not_exist()),
            lambda writes: writes.delete(cup("d"), Cup.full == 1),
            lambda writes: writes.condition_check(Cup, "c", condition=Cup.pk.exists()),
        )
    assert clash.value.keys == {"a", "c"}
    assert stored("b") is None
    assert stored("d")
    assert stored("a")["full"] == {"N": "1"}  # type: ignore[index]


class Refusing:
    """DynamoDB, refusing a transaction so many times, for these reasons."""

    def __init__(self, times: int, *codes: str | None, error: str = "") -> None:
        self.times = times
        self.codes = codes
        self.error = error
        self.asked = 0

    def __call__(self, writes: Transaction) -> None:
        self.asked += 1
        if self.asked > self.times:
            return
        raise Refused(self.codes, self.error)


class Refused(TransactWriteError):
    """A refusal of DynamoDB's, as PynamoDB tells of it."""

    def __init__(self, codes: tuple[str | None, ...], error: str) -> None:
        code = error or "TransactionCanceledException"
        super().__init__("refused", ClientError({"Error": {"Code": code}}, "TransactWriteItems"))
        self._reasons = [None if c is None else CancellationReason(c) for c in codes]

    @property
    def cancellation_reasons(self) -> list[CancellationReason | None]:
        return self._reasons


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Lets a test say how DynamoDB refuses; nothing is waited for."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)

    def with_(refusing: Refusing) -> Refusing:
        monkeypatch.setattr(Transaction, "_commit", lambda self: refusing(self))
        return refusing

    return with_


def commit_two() -> None:
    DynamoUnitOfWork(connection()).commit(
        lambda writes: writes.save(cup("a")), lambda writes: writes.save(cup("b"))
    )


@pytest.mark.parametrize("code", sorted(transactions._COLLISIONS))
def test_a_collision_is_tried_again(refuse: Any, code: str) -> None:
    refusing = refuse(Refusing(3, None, code))
    commit_two()
    assert refusing.asked == 4


@pytest.mark.parametrize("code", sorted(transactions._CROWDED))
def test_who_can_draw_other_rows_is_told_of_a_crowded_one_at_once(refuse: Any, code: str) -> None:
    refusing = refuse(Refusing(99, None, code))
    with pytest.raises(PartitionThrottled):
        DynamoUnitOfWork(connection(), retry_throttled=False).commit(
            lambda writes: writes.save(cup("a")), lambda writes: writes.save(cup("b"))
        )
    assert refusing.asked == 1


@pytest.mark.parametrize("code", sorted(transactions._COLLISION_ERRORS))
def test_a_busy_table_is_tried_again(refuse: Any, code: str) -> None:
    refusing = refuse(Refusing(2, error=code))
    commit_two()
    assert refusing.asked == 3


def test_a_collision_that_does_not_end_is_told_as_too_busy(refuse: Any) -> None:
    refusing = refuse(Refusing(99, "TransactionConflict", None))
    with pytest.raises(Unavailable) as busy:
        commit_two()
    assert (busy.value.code, refusing.asked) == ("contention", MAX_ATTEMPTS)


def test_a_condition_that_failed_is_the_answer_also_beside_a_collision(refuse: Any) -> None:
    refusing = refuse(Refusing(99, "ConditionalCheckFailed", "TransactionConflict"))
    with pytest.raises(ConditionFailed) as clash:
        commit_two()
    assert (set(clash.value.keys), refusing.asked) == ({"a"}, 1)


@pytest.mark.parametrize("code", ["ValidationError", "ItemCollectionSizeLimitExceeded"])
def test_what_is_wrong_with_the_request_is_not_tried_again(refuse: Any, code: str) -> None:
    refusing = refuse(Refusing(99, code, None))
    with pytest.raises(TransactWriteError):
        commit_two()
    assert refusing.asked == 1


def test_parts_are_asked_again_for_each_attempt(refuse: Any) -> None:
    refuse(Refusing(2, "TransactionConflict"))
    asked: list[int] = []

    def part(writes: Any) -> None:
        asked.append(1)
        writes.save(cup("a"))

    DynamoUnitOfWork(connection()).commit(part)
    assert len(asked) == 3


# Idempotency keys

NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)


def ask(fingerprint: str = "f", at: datetime = NOW, owner: str = "guest") -> IdempotentRequest:
    return IdempotentRequest(owner, "key", fingerprint, at)


def test_a_key_is_taken_once_and_keeps_its_answer(unit_of_work: DynamoUnitOfWork) -> None:
    keys = DynamoIdempotencyStore()
    assert keys.get(ask()) is None
    unit_of_work.commit(keys.claim(ask(), {"id": "cart_1", "totals": [1, None]}))
    assert keys.get(ask("other")) == IdempotencyRecord("f", {"id": "cart_1", "totals": [1, None]})
    with pytest.raises(ConditionFailed) as clash:
        unit_of_work.commit(keys.claim(ask("other"), {}))
    assert clash.value.keys == {keys.condition_key(ask())}


def test_two_owners_may_use_one_key(unit_of_work: DynamoUnitOfWork) -> None:
    keys = DynamoIdempotencyStore()
    unit_of_work.commit(keys.claim(ask(), {}))
    assert keys.get(ask(owner="jane")) is None
    unit_of_work.commit(keys.claim(ask(owner="jane"), {}))


def test_a_key_taken_without_an_answer_gets_it_later(unit_of_work: DynamoUnitOfWork) -> None:
    keys = DynamoIdempotencyStore()
    unit_of_work.commit(keys.claim(ask(), None))
    assert keys.get(ask()) == IdempotencyRecord("f", None)
    unit_of_work.commit(keys.complete(ask(), {"id": "1"}))
    assert keys.get(ask()) == IdempotencyRecord("f", {"id": "1"})
    with pytest.raises(ConditionFailed):
        unit_of_work.commit(keys.complete(ask("other"), {"id": "2"}))


def test_a_key_is_free_again_after_a_day_whether_the_row_is_gone_or_not(
    unit_of_work: DynamoUnitOfWork,
) -> None:
    keys = DynamoIdempotencyStore()
    unit_of_work.commit(keys.claim(ask(), {"id": "1"}))
    last = ask(at=NOW + IDEMPOTENCY_RETENTION - timedelta(seconds=1))
    assert keys.get(last) == IdempotencyRecord("f", {"id": "1"})
    with pytest.raises(ConditionFailed):
        unit_of_work.commit(keys.claim(last, {}))
    after = ask("g", at=NOW + IDEMPOTENCY_RETENTION)
    assert keys.get(after) is None
    unit_of_work.commit(keys.claim(after, {"id": "2"}))
    assert keys.get(after) == IdempotencyRecord("g", {"id": "2"})


def test_a_row_names_the_second_at_which_it_may_go(unit_of_work: DynamoUnitOfWork) -> None:
    keys = DynamoIdempotencyStore()
    unit_of_work.commit(keys.claim(ask(), None))
    row = stored(keys.condition_key(ask()))
    assert row is not None
    assert int(row["expires_at"]["N"]) == int((NOW + IDEMPOTENCY_RETENTION).timestamp())


def test_calls_say_in_a_word_who_asks_and_look_for_no_account() -> None:
    with mock_aws():
        config: Any = connection().client.meta.config
        assert config.user_agent == "doorbuster"
        assert config.account_id_endpoint_mode == "disabled"
