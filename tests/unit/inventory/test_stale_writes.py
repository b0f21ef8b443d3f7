"""Writes planned from outdated shards are rejected, in memory and on DynamoDB."""

from datetime import UTC, date, datetime, timedelta

import pytest

from shop.inventory.actions import AuditInfo, receive_stock, set_low_stock_threshold
from shop.inventory.model import (
    MAIN_LOCATION,
    BackorderKind,
    BackorderTerms,
    MovementType,
    Reservation,
    ReservationState,
    StockMovement,
)
from shop.inventory.model.shard_writes import (
    cover_backorder_updates,
    movement_update,
    next_reshard_step,
    reserve_update,
    set_terms_updates,
    set_threshold_update,
)
from shop.inventory.model.shards import INBOUND_SHARD, ShardWrites, StockShard
from shop.inventory.store import DynamoStockRepository
from shop.inventory.store.low_stock import DynamoLowStockAlerts
from shop.inventory.store.shard_cache import read_all_shards
from shop.kernel.errors import VersionConflict
from shop.kernel.unit_of_work import ConditionFailed
from tests.doubles.inventory import MemoryLowStockAlerts, MemoryStockRepository
from tests.unit.inventory.stock_fixture import StockFixture

NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
AUDIT = AuditInfo("w", NOW + timedelta(1), "delivery")
TERMS = BackorderTerms(BackorderKind.BACK_ORDER, 5, date(2027, 1, 1))


@pytest.fixture
def stocked(stock_fixture: StockFixture) -> StockFixture:
    """Ten units of A."""
    stock_fixture.stock.create_levels({"A": 10}, actor="w", reason="opening", at=NOW)
    return stock_fixture


def list_shards(fixture: StockFixture) -> list[StockShard]:
    if isinstance(fixture.stock, MemoryStockRepository):
        return fixture.stock.shards.list_shards("A", MAIN_LOCATION)
    return read_all_shards("A", MAIN_LOCATION, consistent=True)


def write(fixture: StockFixture, step: ShardWrites) -> None:
    fixture.stock._commit(step)


def assert_rejected(fixture: StockFixture, step: ShardWrites) -> None:
    before = list_shards(fixture)
    with pytest.raises(ConditionFailed):
        write(fixture, step)
    assert list_shards(fixture) == before
    assert all(one.is_consistent for one in before)


def test_transfer_between_shards_fails_when_the_units_were_sold(stocked: StockFixture) -> None:
    write(stocked, next_reshard_step(list_shards(stocked), 2))
    write(stocked, next_reshard_step(list_shards(stocked), 2))
    planned = next_reshard_step(list_shards(stocked), 2)
    assert len(planned) == 2
    write(stocked, (reserve_update(Reservation("A", 6)),))
    assert_rejected(stocked, planned)


def test_transfer_fails_when_the_target_shard_was_removed(stocked: StockFixture) -> None:
    write(stocked, next_reshard_step(list_shards(stocked), 2))
    write(stocked, next_reshard_step(list_shards(stocked), 2))
    planned = next_reshard_step(list_shards(stocked), 2)
    stocked.stock.reshard("A", 1)
    assert_rejected(stocked, planned)


def test_removal_fails_when_the_shard_changed(stocked: StockFixture) -> None:
    stocked.stock.reshard("A", 2)
    write(stocked, next_reshard_step(list_shards(stocked), 1))
    stale = list_shards(stocked)
    write(stocked, next_reshard_step(stale, 1))
    planned = next_reshard_step(list_shards(stocked), 1)
    assert len(planned) == 2
    write(
        stocked,
        next_reshard_step([list_shards(stocked)[0], StockShard("A", shard=1, available=-5)], 2)[:1],
    )
    write(stocked, next_reshard_step(list_shards(stocked), 2))
    assert_rejected(stocked, planned)


def test_of_two_processes_that_add_shards_one_fails(stocked: StockFixture) -> None:
    planned = next_reshard_step(list_shards(stocked), 4)
    write(stocked, next_reshard_step(list_shards(stocked), 3))
    assert_rejected(stocked, planned)


def test_of_two_users_who_set_a_threshold_one_fails(stocked: StockFixture) -> None:
    level = stocked.stock.level("A")
    write(stocked, (set_threshold_update(level, 3),))
    assert_rejected(stocked, (set_threshold_update(level, 4),))


def test_threshold_and_terms_expect_the_version_that_was_read(stocked: StockFixture) -> None:
    alerts = (
        DynamoLowStockAlerts()
        if isinstance(stocked.stock, DynamoStockRepository)
        else MemoryLowStockAlerts(stocked.stock)
    )
    before = stocked.stock.level("A")
    receive_stock("A", 1, AUDIT, expected_version=1, stock_writer=stocked.stock)
    with pytest.raises(VersionConflict):
        alerts.set_threshold(3, before)
    with pytest.raises(VersionConflict):
        stocked.stock.set_backorder_terms(TERMS, before)
    level = set_low_stock_threshold("A", 3, expected_version=2, stock=stocked.stock, alerts=alerts)
    assert level.version == 3


def test_of_two_users_who_set_terms_one_fails(stocked: StockFixture) -> None:
    level = stocked.stock.set_backorder_terms(TERMS, stocked.stock.level("A"))
    higher = BackorderTerms(BackorderKind.BACK_ORDER, 8, date(2027, 1, 1))
    write(stocked, set_terms_updates(level, higher, has_inbound_shard=True))
    assert_rejected(stocked, set_terms_updates(level, higher, has_inbound_shard=True))


def test_lower_limit_fails_when_units_were_back_ordered_since(stocked: StockFixture) -> None:
    level = stocked.stock.set_backorder_terms(TERMS, stocked.stock.level("A"))
    write(stocked, (reserve_update(Reservation("A", 4, shard=INBOUND_SHARD)),))
    assert_rejected(
        stocked,
        set_terms_updates(
            level,
            BackorderTerms(BackorderKind.BACK_ORDER, 3, date(2027, 1, 1)),
            has_inbound_shard=True,
        ),
    )


def test_covering_fails_for_an_order_that_does_not_wait(stocked: StockFixture) -> None:
    stocked.stock.set_backorder_terms(TERMS, stocked.stock.level("A"))
    reservation = Reservation("A", 2, shard=INBOUND_SHARD)
    write(stocked, (reserve_update(reservation),))
    receive_stock("A", 2, AUDIT, expected_version=2, stock_writer=stocked.stock)
    step, _ = cover_backorder_updates(reservation, ReservationState.COMMITTED)
    assert_rejected(stocked, step)


def test_lower_safety_stock_still_has_to_cover_sold_units() -> None:
    movement = StockMovement(
        "A", MovementType.POLICY, NOW, "w", unavailable={"damaged": 1}, safety=-1
    )
    update = movement_update(
        StockShard("A", on_hand=1, available=0, safety=1, version=3), [movement]
    )
    assert update.minimums == {"available": 0}
