"""Back-orders and pre-orders: sold beyond what is here, within terms, never as negative stock."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from shop.inventory import actions
from shop.inventory.actions import AuditInfo
from shop.inventory.model import (
    BackorderKind,
    BackorderTerms,
    Demand,
    Reservation,
    ReservationState,
    Shortage,
)
from shop.inventory.model.shards import INBOUND_SHARD
from shop.kernel.errors import Conflict, InvalidRequest, VersionConflict
from shop.kernel.unit_of_work import ConditionFailed
from tests.unit.inventory.stock_fixture import StockFixture

NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
TERMS = BackorderTerms(BackorderKind.BACK_ORDER, limit=5, ships_from=date(2026, 12, 15))


def receive(room: StockFixture, units: int) -> Any:
    return actions.receive_stock(
        "A",
        units,
        AuditInfo("w", datetime.now(UTC), "delivery"),
        expected_version=room.stock.level("A").version,
        stock_writer=room.stock,
    )


def cover(
    room: StockFixture, holds: tuple[Any, ...], state: ReservationState = ReservationState.RESERVED
) -> tuple[Reservation, ...]:
    kept: list[tuple[Reservation, ...]] = []
    room.ledger.commit(lambda w: kept.append(room.stock.cover_backorder(w, holds, state)))
    return kept[0]


@pytest.fixture
def stocked(stock_fixture: StockFixture) -> StockFixture:
    """Two are here, five more may be ordered."""
    stock_fixture.stock.create_levels({"A": 2}, actor="w", reason="opening", at=NOW)
    level = stock_fixture.stock.set_backorder_terms(TERMS, stock_fixture.stock.level("A"))
    assert (level.terms, level.beyond, level.available, level.version) == (TERMS, 5, 2, 2)
    assert stock_fixture.stock.levels(["A"])["A"].orderable_units(NOW) == 7
    return stock_fixture


def test_what_is_here_is_sold_before_what_is_to_come(stocked: StockFixture) -> None:
    assert stocked.buy(Demand("A", 2)) == (Reservation("A", 2),)
    holds = stocked.buy(Demand("A", 2))
    assert holds == (Reservation("A", 2, shard=INBOUND_SHARD),)
    level = stocked.stock.level("A")
    assert (level.on_hand, level.reserved, level.backordered, level.beyond) == (2, 2, 2, 3)
    assert level.available == 0


def test_one_order_may_take_some_of_both_and_never_more_than_the_terms(
    stocked: StockFixture,
) -> None:
    assert stocked.buy(Demand("A", 8)) == (Shortage("A", 8, 7),)
    holds = stocked.buy(Demand("A", 7))
    assert holds == (Reservation("A", 2), Reservation("A", 5, shard=INBOUND_SHARD))
    assert stocked.buy(Demand("A", 1)) == (Shortage("A", 1, 0),)


def test_what_is_awaited_is_given_back_like_anything_else(stocked: StockFixture) -> None:
    holds = stocked.buy(Demand("A", 7))
    stocked.release(holds)
    level = stocked.stock.level("A")
    assert (level.available, level.beyond, level.backordered) == (2, 5, 0)


def test_goods_that_arrive_are_put_aside_for_those_who_wait(stocked: StockFixture) -> None:
    holds = stocked.buy(Demand("A", 5))
    assert receive(stocked, 2).earmarked == 2
    level = receive(stocked, 4)
    assert (level.on_hand, level.earmarked, level.available) == (8, 3, 3)
    kept = cover(stocked, holds)
    assert kept == (Reservation("A", 2), Reservation("A", 3))
    level = stocked.stock.level("A")
    assert (level.reserved, level.earmarked, level.backordered, level.beyond) == (5, 0, 0, 5)
    stocked.ship(kept, order="ord_1", actor="w", at=NOW + timedelta(days=400))
    assert stocked.stock.level("A").on_hand == 3


def test_nobody_is_served_before_enough_is_here(stocked: StockFixture) -> None:
    holds = stocked.buy(Demand("A", 5))
    receive(stocked, 2)
    with pytest.raises(ConditionFailed):
        cover(stocked, holds)
    with pytest.raises(Conflict) as refused:
        stocked.ship(holds, order="ord_1", actor="w", at=NOW)
    assert refused.value.code == "stock_awaited"


def test_goods_put_aside_for_an_order_called_off_are_sold_again(stocked: StockFixture) -> None:
    holds = stocked.buy(Demand("A", 5))
    receive(stocked, 4)
    stocked.release(holds)
    slip = AuditInfo("sweep", datetime.now(UTC))
    level = actions.release_backorder_earmarks("A", slip, stock_writer=stocked.stock)
    assert (level.earmarked, stocked.stock.level("A").available) == (0, 6)
    assert (
        actions.release_backorder_earmarks("A", slip, stock_writer=stocked.stock).version
        == level.version
    )


def test_a_pre_order_needs_no_goods_to_begin_with(stock_fixture: StockFixture) -> None:
    terms = BackorderTerms(BackorderKind.PRE_ORDER, limit=3, ships_from=date(2027, 1, 1))
    stock_fixture.stock.set_backorder_terms(terms, stock_fixture.stock.level("A"))
    assert stock_fixture.buy(Demand("A", 2)) == (Reservation("A", 2, shard=INBOUND_SHARD),)
    assert stock_fixture.buy(Demand("A", 2)) == (Shortage("A", 2, 1),)


def test_a_committed_pre_order_stays_committed_when_its_goods_come(
    stock_fixture: StockFixture,
) -> None:
    terms = BackorderTerms(BackorderKind.PRE_ORDER, limit=3, ships_from=date(2027, 1, 1))
    stock_fixture.stock.set_backorder_terms(terms, stock_fixture.stock.level("A"))
    holds = stock_fixture.buy(Demand("A", 2))
    stock_fixture.commit(holds)
    receive(stock_fixture, 5)
    cover(stock_fixture, holds, ReservationState.COMMITTED)
    level = stock_fixture.stock.level("A")
    assert (level.reserved, level.committed, level.available) == (0, 2, 3)


def test_terms_that_ended_take_no_orders(stock_fixture: StockFixture) -> None:
    stock_fixture.stock.create_levels({"A": 1}, actor="w", reason="opening", at=NOW)
    ended = BackorderTerms(
        BackorderKind.BACK_ORDER, 5, date(2026, 1, 1), until=datetime(2020, 1, 1, tzinfo=UTC)
    )
    stock_fixture.stock.set_backorder_terms(ended, stock_fixture.stock.level("A"))
    assert stock_fixture.buy(Demand("A", 2)) == (Shortage("A", 2, 1),)
    assert stock_fixture.stock.level("A").orderable_units(NOW) == 1


def test_the_terms_cannot_fall_below_what_was_sold_on_them(stocked: StockFixture) -> None:
    stocked.buy(Demand("A", 6))
    level = stocked.stock.level("A")
    with pytest.raises(Conflict) as refused:
        stocked.stock.set_backorder_terms(
            BackorderTerms(BackorderKind.BACK_ORDER, 3, date(2027, 1, 1)), level
        )
    assert refused.value.code == "stock_promised"
    after = stocked.stock.set_backorder_terms(
        BackorderTerms(BackorderKind.BACK_ORDER, 4, date(2027, 2, 1)), level
    )
    assert (after.beyond, after.backordered) == (0, 4)
    assert after.terms is not None
    assert after.terms.ships_from == date(2027, 2, 1)
    with pytest.raises(VersionConflict):
        stocked.stock.set_backorder_terms(TERMS, level)


def test_terms_without_a_sensible_limit_are_refused() -> None:
    with pytest.raises(InvalidRequest):
        BackorderTerms(BackorderKind.BACK_ORDER, -1, date(2027, 1, 1))
