"""Prefetch: rows of several tables in one call, each consumed once by the stores."""

from collections.abc import Iterator
from typing import Any

import pytest
from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from shop.kernel.errors import Unavailable
from shop.storage.connection import Row, connection
from shop.storage.prefetch import BATCH_GET_SIZE, MAX_ATTEMPTS, ReadSet, get, get_many, prefetch
from tests.kit.aws_call_counter import Calls, count_calls
from tests.kit.shop import create_tables, mock_aws

pytestmark = pytest.mark.slow


class Cup(Row):
    """A row with a partition key only."""

    class Meta:
        table_name = "sessions"

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    fill_level = NumberAttribute(default=0)


class Saucer(Row):
    """A row with partition and sort key, in another table."""

    class Meta:
        table_name = "catalog"

    PK = UnicodeAttribute(hash_key=True)
    SK = UnicodeAttribute(range_key=True)


CUP: tuple[str, ...] = ("cup",)
SAUCERS: tuple[tuple[str, ...], ...] = (("a", "1"), ("b", "1"))
BOTH = (ReadSet(Cup, (CUP,), consistent=True), ReadSet(Saucer, SAUCERS))


@pytest.fixture(autouse=True)
def _stored_rows(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Store the cup and the first saucer; pauses take no time."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with mock_aws():
        create_tables()
        Cup("cup", fill_level=1).save()
        Saucer("a", "1").save()
        yield


def operations(calls: Calls) -> list[str]:
    return [name.removeprefix("dynamodb.") for name in calls.names]


class ThrottledTables:
    """DynamoDB that processes at most ``capacity`` keys of each BatchGetItem call."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capacity: int) -> None:
        self.key_counts: list[int] = []
        self.capacity = capacity
        self._dispatch = connection().dispatch
        monkeypatch.setattr(connection(), "dispatch", self.dispatch)

    def dispatch(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        requested = [
            (table, key)
            for table, request in parameters["RequestItems"].items()
            for key in request["Keys"]
        ]
        self.key_counts.append(len(requested))
        processed, unprocessed = requested[: self.capacity], requested[self.capacity :]
        response: dict[str, Any] = {"Responses": {}, "UnprocessedKeys": {}}
        if processed:
            response = self._dispatch(operation, {"RequestItems": _by_table(processed)})
        response["UnprocessedKeys"] = _by_table(unprocessed)
        return response


def _by_table(keys: list[tuple[str, Any]]) -> dict[str, Any]:
    return {table: {"Keys": [key for at, key in keys if at == table]} for table, _ in keys}


def test_rows_of_two_tables_take_one_call_and_the_stores_none() -> None:
    with count_calls() as calls, prefetch(*BOTH):
        cup = get(Cup, CUP, consistent=True)
        saucers = get_many(Saucer, SAUCERS)
    assert operations(calls) == ["BatchGetItem catalog+sessions"]
    assert cup is not None
    assert cup.fill_level == 1
    assert [(each.PK, each.SK) for each in saucers] == [("a", "1")]


def test_each_table_is_read_with_its_own_consistency() -> None:
    with count_calls() as calls, prefetch(*BOTH):
        pass
    requests = calls.made[0].parameters["RequestItems"]
    assert requests["sessions"]["ConsistentRead"] is True
    assert "ConsistentRead" not in requests["catalog"]


def test_missing_row_is_not_read_again() -> None:
    with prefetch(ReadSet(Cup, (("none",),))), count_calls() as calls:
        assert get(Cup, ("none",)) is None
    assert operations(calls) == []


def test_prefetched_row_is_consumed_once_and_then_read_again() -> None:
    with prefetch(*BOTH):
        first = get(Cup, CUP, consistent=True)
        Cup("cup", fill_level=2).save()
        second = get(Cup, CUP, consistent=True)
        Saucer("b", "1").save()
        assert len(get_many(Saucer, SAUCERS)) == 1
        assert len(get_many(Saucer, SAUCERS)) == 2
    assert first is not None
    assert second is not None
    assert (first.fill_level, second.fill_level) == (1, 2)


def test_unconsumed_rows_are_dropped_when_the_block_ends_or_raises() -> None:
    def fail_inside_block() -> None:
        with prefetch(*BOTH):
            raise ZeroDivisionError

    with prefetch(*BOTH):
        pass
    with pytest.raises(ZeroDivisionError):
        fail_inside_block()
    Cup("cup", fill_level=2).save()
    row = get(Cup, CUP, consistent=True)
    assert row is not None
    assert row.fill_level == 2


def test_consistent_read_ignores_an_eventually_consistent_row() -> None:
    with prefetch(ReadSet(Cup, (CUP,))), count_calls() as calls:
        get(Cup, CUP, consistent=True)
        get_many(Cup, [CUP])
    assert operations(calls) == ["GetItem sessions"]
    assert calls.made[0].parameters["ConsistentRead"] is True


def test_more_keys_than_one_call_takes_are_read_in_several_calls() -> None:
    keys = tuple((f"p{n}", "1") for n in range(BATCH_GET_SIZE + 1))
    Saucer(*keys[-1]).save()
    with count_calls() as calls, prefetch(ReadSet(Cup, (CUP,)), ReadSet(Saucer, (*keys, *keys))):
        assert len(get_many(Saucer, keys)) == 1
    assert operations(calls) == ["BatchGetItem catalog+sessions", "BatchGetItem catalog"]


def test_unprocessed_keys_are_requested_again(monkeypatch: pytest.MonkeyPatch) -> None:
    Saucer("b", "1").save()
    tables = ThrottledTables(monkeypatch, capacity=1)
    with prefetch(*BOTH):
        assert get(Cup, CUP, consistent=True) is not None
        assert len(get_many(Saucer, SAUCERS)) == 2
    assert tables.key_counts == [3, 2, 1]


def test_read_fails_after_max_attempts_without_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    tables = ThrottledTables(monkeypatch, capacity=0)
    with pytest.raises(Unavailable), prefetch(*BOTH):
        pass
    assert tables.key_counts == [3] * MAX_ATTEMPTS
