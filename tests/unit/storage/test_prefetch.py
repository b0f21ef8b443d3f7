"""Rows of several tables are read in one call, and each serves who asks first, once."""

from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws
from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from shop.kernel.errors import Unavailable
from shop.storage.connection import Row, connection
from shop.storage.prefetch import BATCH_GET_SIZE, MAX_ATTEMPTS, ReadSet, get, get_many, prefetch
from tests.kit.aws_call_counter import Calls, count_calls
from tests.kit.shop import create_tables

pytestmark = pytest.mark.slow


class Cup(Row):
    """A row under one key."""

    class Meta:
        table_name = "sessions"

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    full = NumberAttribute(default=0)


class Saucer(Row):
    """A row under two, in another table."""

    class Meta:
        table_name = "catalog"

    PK = UnicodeAttribute(hash_key=True)
    SK = UnicodeAttribute(range_key=True)


CUP: tuple[str, ...] = ("cup",)
SAUCERS: tuple[tuple[str, ...], ...] = (("a", "1"), ("b", "1"))
BOTH = (ReadSet(Cup, (CUP,), consistent=True), ReadSet(Saucer, SAUCERS))


@pytest.fixture(autouse=True)
def _table(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with mock_aws():
        create_tables()
        Cup("cup", full=1).save()
        Saucer("a", "1").save()
        yield


def tables(calls: Calls) -> list[str]:
    return [name.removeprefix("dynamodb.") for name in calls.names]


class Stingy:
    """DynamoDB with no room for more than some keys of each call."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
        self.asked: list[int] = []
        self.room = room
        self._dispatch = connection().dispatch
        monkeypatch.setattr(connection(), "dispatch", self.dispatch)

    def dispatch(self, operation: str, asked: dict[str, Any]) -> dict[str, Any]:
        wanted = [(t, k) for t, each in asked["RequestItems"].items() for k in each["Keys"]]
        self.asked.append(len(wanted))
        given, left = wanted[: self.room], wanted[self.room :]
        answer: dict[str, Any] = {"Responses": {}, "UnprocessedKeys": {}}
        if given:
            items = {t: {"Keys": [k for at, k in given if at == t]} for t, _ in given}
            answer = self._dispatch(operation, {"RequestItems": items})
        answer["UnprocessedKeys"] = {t: {"Keys": [k for at, k in left if at == t]} for t, _ in left}
        return answer


def test_rows_of_two_tables_take_one_call_and_the_stores_none() -> None:
    with count_calls() as calls, prefetch(*BOTH):
        cup = get(Cup, CUP, consistent=True)
        saucers = get_many(Saucer, SAUCERS)
    assert tables(calls) == ["BatchGetItem catalog+sessions"]
    assert cup is not None
    assert cup.full == 1
    assert [(each.PK, each.SK) for each in saucers] == [("a", "1")]


def test_each_table_is_read_as_surely_as_was_asked_of_it() -> None:
    with count_calls() as calls, prefetch(*BOTH):
        pass
    asked = calls.made[0].parameters["RequestItems"]
    assert asked["sessions"]["ConsistentRead"] is True
    assert "ConsistentRead" not in asked["catalog"]


def test_what_is_not_there_is_known_without_a_second_look() -> None:
    with prefetch(ReadSet(Cup, (("none",),))), count_calls() as calls:
        assert get(Cup, ("none",)) is None
    assert tables(calls) == []


def test_a_row_read_ahead_serves_once_and_whoever_asks_again_reads_anew() -> None:
    with prefetch(*BOTH):
        first = get(Cup, CUP, consistent=True)
        Cup("cup", full=2).save()
        again = get(Cup, CUP, consistent=True)
        Saucer("b", "1").save()
        assert len(get_many(Saucer, SAUCERS)) == 1
        assert len(get_many(Saucer, SAUCERS)) == 2
    assert first is not None
    assert again is not None
    assert (first.full, again.full) == (1, 2)


def test_nothing_is_left_over_when_the_block_ends_whichever_way() -> None:
    def broken() -> None:
        with prefetch(*BOTH):
            raise ZeroDivisionError

    with prefetch(*BOTH):
        pass
    with pytest.raises(ZeroDivisionError):
        broken()
    Cup("cup", full=2).save()
    found = get(Cup, CUP, consistent=True)
    assert found is not None
    assert found.full == 2


def test_who_must_know_surely_is_not_given_what_may_be_older() -> None:
    with prefetch(ReadSet(Cup, (CUP,))), count_calls() as calls:
        get(Cup, CUP, consistent=True)
        get_many(Cup, [CUP])
    assert tables(calls) == ["GetItem sessions"]
    assert calls.made[0].parameters["ConsistentRead"] is True


def test_more_keys_than_a_call_takes_are_read_in_several() -> None:
    keys = tuple((f"p{n}", "1") for n in range(BATCH_GET_SIZE + 1))
    Saucer(*keys[-1]).save()
    with count_calls() as calls, prefetch(ReadSet(Cup, (CUP,)), ReadSet(Saucer, (*keys, *keys))):
        assert len(get_many(Saucer, keys)) == 1
    assert tables(calls) == ["BatchGetItem catalog+sessions", "BatchGetItem catalog"]


def test_keys_that_dynamodb_had_no_room_for_are_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Saucer("b", "1").save()
    stingy = Stingy(monkeypatch, room=1)
    with prefetch(*BOTH):
        assert get(Cup, CUP, consistent=True) is not None
        assert len(get_many(Saucer, SAUCERS)) == 2
    assert stingy.asked == [3, 2, 1]


def test_a_table_that_answers_nothing_is_asked_a_few_times_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stingy = Stingy(monkeypatch, room=0)
    with pytest.raises(Unavailable), prefetch(*BOTH):
        pass
    assert stingy.asked == [3] * MAX_ATTEMPTS
