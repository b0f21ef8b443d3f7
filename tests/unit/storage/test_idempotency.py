"""The DynamoDB store of idempotency keys."""

from datetime import UTC, datetime, timedelta

import pytest

from shop.kernel.idempotency import IDEMPOTENCY_RETENTION, IdempotencyRecord, IdempotentRequest
from shop.kernel.unit_of_work import ConditionFailed
from shop.storage.idempotency import DynamoIdempotencyStore
from shop.storage.transactions import DynamoUnitOfWork
from tests.unit.storage.rows import stored_item

NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)


def request(payload_hash: str = "f", at: datetime = NOW, owner: str = "guest") -> IdempotentRequest:
    return IdempotentRequest(owner, "key", payload_hash, at)


def test_key_is_claimed_once_and_keeps_its_response(unit_of_work: DynamoUnitOfWork) -> None:
    store = DynamoIdempotencyStore()
    record = IdempotencyRecord("f", {"id": "cart_1", "totals": [1, None]})
    assert store.get(request()) is None
    unit_of_work.commit(store.claim(request(), {"id": "cart_1", "totals": [1, None]}))
    assert store.get(request("other")) == record
    with pytest.raises(ConditionFailed) as error:
        unit_of_work.commit(store.claim(request("other"), {}))
    assert error.value.keys == {store.condition_key(request())}


def test_two_owners_may_use_the_same_key(unit_of_work: DynamoUnitOfWork) -> None:
    store = DynamoIdempotencyStore()
    unit_of_work.commit(store.claim(request(), {}))
    assert store.get(request(owner="jane")) is None
    unit_of_work.commit(store.claim(request(owner="jane"), {}))


def test_key_claimed_without_response_is_completed_later(unit_of_work: DynamoUnitOfWork) -> None:
    store = DynamoIdempotencyStore()
    unit_of_work.commit(store.claim(request(), None))
    assert store.get(request()) == IdempotencyRecord("f", None)
    unit_of_work.commit(store.complete(request(), {"id": "1"}))
    assert store.get(request()) == IdempotencyRecord("f", {"id": "1"})
    with pytest.raises(ConditionFailed):
        unit_of_work.commit(store.complete(request("other"), {"id": "2"}))


def test_key_is_free_after_its_retention_even_if_the_row_remains(
    unit_of_work: DynamoUnitOfWork,
) -> None:
    # Given a claimed key
    store = DynamoIdempotencyStore()
    unit_of_work.commit(store.claim(request(), {"id": "1"}))
    # Then it is taken until the last second of its retention
    last = request(at=NOW + IDEMPOTENCY_RETENTION - timedelta(seconds=1))
    assert store.get(last) == IdempotencyRecord("f", {"id": "1"})
    with pytest.raises(ConditionFailed):
        unit_of_work.commit(store.claim(last, {}))
    # And free from then on, although DynamoDB has not deleted the row
    after = request("g", at=NOW + IDEMPOTENCY_RETENTION)
    assert store.get(after) is None
    unit_of_work.commit(store.claim(after, {"id": "2"}))
    assert store.get(after) == IdempotencyRecord("g", {"id": "2"})


def test_row_states_its_expiry_in_epoch_seconds(unit_of_work: DynamoUnitOfWork) -> None:
    store = DynamoIdempotencyStore()
    unit_of_work.commit(store.claim(request(), None))
    row = stored_item(store.condition_key(request()))
    assert row is not None
    assert int(row["expires_at"]["N"]) == int((NOW + IDEMPOTENCY_RETENTION).timestamp())
