"""Who read, waited, and writes when the world has moved on, is refused; on the table too."""

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
from shop.inventory.model.shards import (
    INBOUND_SHARD,
    ShardWrites,
    StockShard,
    cover_backorder_updates,
    movement_update,
    next_reshard_step,
    reserve_update,
    set_terms_updates,
    set_threshold_update,
)
from shop.inventory.store import DynamoLowStockAlerts, DynamoStockRepository
from shop.inventory.store.shard_cache import read_all_shards
from shop.kernel.errors import VersionConflict
from shop.kernel.unit_of_work import ConditionFailed
from tests.doubles.inventory import MemoryLowStockAlerts, MemoryStockRepository
from tests.unit.inventory.stock_fixture import StockFixture

NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
SLIP = AuditInfo("w", NOW + timedelta(1), "delivery")
MORE = BackorderTerms(BackorderKind.BACK_ORDER, 5, date(2027, 1, 1))


@pytest.fixture
def stocked(stock_fixture: StockFixture) -> StockFixture:
    """Ten on the shelf."""
    stock_fixture.stock.create_levels({"A": 10}, actor="w", reason="opening", at=NOW)
    return stock_fixture


def bins(room: StockFixture) -> list[StockShard]:
    if isinstance(room.stock, MemoryStockRepository):
        return room.stock.bins.of("A", MAIN_LOCATION)
    return read_all_shards("A", MAIN_LOCATION, consistent=True)


def write(room: StockFixture, step: ShardWrites) -> None:
    room.stock._commit(step)


def refused(room: StockFixture, step: ShardWrites) -> None:
    before = bins(room)
    with pytest.raises(ConditionFailed):
        write(room, step)
    assert bins(room) == before
    assert all(one.adds_up for one in before)


def test_units_to_be_moved_between_bins_were_sold(stocked: StockFixture) -> None:
    write(stocked, next_reshard_step(bins(stocked), 2))
    write(stocked, next_reshard_step(bins(stocked), 2))
    planned = next_reshard_step(bins(stocked), 2)
    assert len(planned) == 2
    write(stocked, (reserve_update(Reservation("A", 6)),))
    refused(stocked, planned)


def test_the_bin_they_go_to_was_taken_away(stocked: StockFixture) -> None:
    write(stocked, next_reshard_step(bins(stocked), 2))
    write(stocked, next_reshard_step(bins(stocked), 2))
    planned = next_reshard_step(bins(stocked), 2)
    stocked.stock.reshard("A", 1)
    refused(stocked, planned)


def test_a_bin_to_be_taken_away_holds_a_promise_again(stocked: StockFixture) -> None:
    stocked.stock.reshard("A", 2)
    write(stocked, next_reshard_step(bins(stocked), 1))
    stale = bins(stocked)
    write(stocked, next_reshard_step(stale, 1))
    planned = next_reshard_step(bins(stocked), 1)
    assert len(planned) == 2
    write(
        stocked,
        next_reshard_step([bins(stocked)[0], StockShard("A", shard=1, available=-5)], 2)[:1],
    )
    for step in (next_reshard_step(bins(stocked), 2),):
        write(stocked, step)
    refused(stocked, planned)


def test_bins_were_made_by_two(stocked: StockFixture) -> None:
    planned = next_reshard_step(bins(stocked), 4)
    write(stocked, next_reshard_step(bins(stocked), 3))
    refused(stocked, planned)


def test_an_alarm_was_set_by_two(stocked: StockFixture) -> None:
    level = stocked.stock.level("A")
    write(stocked, (set_threshold_update(level, 3),))
    refused(stocked, (set_threshold_update(level, 4),))


def test_an_alarm_is_set_from_the_version_that_was_read(stocked: StockFixture) -> None:
    alarms = (
        DynamoLowStockAlerts()
        if isinstance(stocked.stock, DynamoStockRepository)
        else MemoryLowStockAlerts(stocked.stock)
    )
    before = stocked.stock.level("A")
    receive_stock("A", 1, SLIP, expected_version=1, stock_writer=stocked.stock)
    with pytest.raises(VersionConflict):
        alarms.set_threshold(3, before)
    with pytest.raises(VersionConflict):
        stocked.stock.set_backorder_terms(MORE, before)
    level = set_low_stock_threshold("A", 3, expected_version=2, stock=stocked.stock, alarms=alarms)
    assert level.version == 3


def test_terms_were_agreed_by_two(stocked: StockFixture) -> None:
    level = stocked.stock.set_backorder_terms(MORE, stocked.stock.level("A"))
    again = BackorderTerms(BackorderKind.BACK_ORDER, 8, date(2027, 1, 1))
    write(stocked, set_terms_updates(level, again, there=True))
    refused(stocked, set_terms_updates(level, again, there=True))


def test_terms_are_lowered_and_somebody_ordered_ahead(stocked: StockFixture) -> None:
    level = stocked.stock.set_backorder_terms(MORE, stocked.stock.level("A"))
    write(stocked, (reserve_update(Reservation("A", 4, shard=INBOUND_SHARD)),))
    refused(
        stocked,
        set_terms_updates(
            level, BackorderTerms(BackorderKind.BACK_ORDER, 3, date(2027, 1, 1)), there=True
        ),
    )


def test_goods_that_came_are_given_to_an_order_that_does_not_wait(stocked: StockFixture) -> None:
    stocked.stock.set_backorder_terms(MORE, stocked.stock.level("A"))
    hold = Reservation("A", 2, shard=INBOUND_SHARD)
    write(stocked, (reserve_update(hold),))
    receive_stock("A", 2, SLIP, expected_version=2, stock_writer=stocked.stock)
    step, _ = cover_backorder_updates(hold, ReservationState.COMMITTED)
    refused(stocked, step)


def test_less_safety_does_not_cover_what_was_sold_meanwhile() -> None:
    spoiled = StockMovement(
        "A", MovementType.POLICY, NOW, "w", unavailable={"damaged": 1}, safety=-1
    )
    change = movement_update(
        StockShard("A", on_hand=1, available=0, safety=1, version=3), [spoiled]
    )
    assert change.minimums == {"available": 0}
