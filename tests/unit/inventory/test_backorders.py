"""Back-orders and pre-orders: sold under terms with a limit, never as negative stock."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from unittest.mock import Mock

import pytest

from shop.inventory import actions
from shop.inventory.actions import AuditInfo
from shop.inventory.actions.backorders import set_backorder_terms
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


def receive(fixture: StockFixture, units: int) -> Any:
    return actions.receive_stock(
        "A",
        units,
        AuditInfo("w", datetime.now(UTC), "delivery"),
        expected_version=fixture.stock.level("A").version,
        stock_writer=fixture.stock,
    )


def cover(
    fixture: StockFixture,
    reservations: tuple[Any, ...],
    state: ReservationState = ReservationState.RESERVED,
) -> tuple[Reservation, ...]:
    covered: list[tuple[Reservation, ...]] = []
    fixture.uow.commit(
        lambda transaction: covered.append(
            fixture.stock.cover_backorder(transaction, reservations, state)
        )
    )
    return covered[0]


@pytest.fixture
def stocked(stock_fixture: StockFixture) -> StockFixture:
    """Two units on hand; five more may be back-ordered."""
    stock_fixture.stock.create_levels({"A": 2}, actor="w", reason="opening", at=NOW)
    level = stock_fixture.stock.set_backorder_terms(TERMS, stock_fixture.stock.level("A"))
    assert (level.terms, level.backorderable_units, level.available, level.version) == (
        TERMS,
        5,
        2,
        2,
    )
    assert stock_fixture.stock.levels(["A"])["A"].orderable_units(NOW) == 7
    return stock_fixture


def test_units_on_hand_are_sold_before_inbound_units(stocked: StockFixture) -> None:
    assert stocked.buy(Demand("A", 2)) == (Reservation("A", 2),)
    reservations = stocked.buy(Demand("A", 2))
    assert reservations == (Reservation("A", 2, shard=INBOUND_SHARD),)
    level = stocked.stock.level("A")
    assert (level.on_hand, level.reserved, level.backordered, level.backorderable_units) == (
        2,
        2,
        2,
        3,
    )
    assert level.available == 0


def test_one_order_combines_both_and_never_exceeds_the_limit(
    stocked: StockFixture,
) -> None:
    assert stocked.buy(Demand("A", 8)) == (Shortage("A", 8, 7),)
    reservations = stocked.buy(Demand("A", 7))
    assert reservations == (Reservation("A", 2), Reservation("A", 5, shard=INBOUND_SHARD))
    assert stocked.buy(Demand("A", 1)) == (Shortage("A", 1, 0),)


def test_released_back_orders_are_orderable_again(stocked: StockFixture) -> None:
    reservations = stocked.buy(Demand("A", 7))
    stocked.release(reservations)
    level = stocked.stock.level("A")
    assert (level.available, level.backorderable_units, level.backordered) == (2, 5, 0)


def test_received_units_are_earmarked_for_waiting_orders(stocked: StockFixture) -> None:
    reservations = stocked.buy(Demand("A", 5))
    assert receive(stocked, 2).earmarked == 2
    level = receive(stocked, 4)
    assert (level.on_hand, level.earmarked, level.available) == (8, 3, 3)
    covered = cover(stocked, reservations)
    assert covered == (Reservation("A", 2), Reservation("A", 3))
    level = stocked.stock.level("A")
    assert (level.reserved, level.earmarked, level.backordered, level.backorderable_units) == (
        5,
        0,
        0,
        5,
    )
    stocked.ship(covered, order="ord_1", actor="w", at=NOW + timedelta(days=400))
    assert stocked.stock.level("A").on_hand == 3


def test_back_order_is_neither_covered_nor_shipped_before_enough_units_arrive(
    stocked: StockFixture,
) -> None:
    reservations = stocked.buy(Demand("A", 5))
    receive(stocked, 2)
    with pytest.raises(ConditionFailed):
        cover(stocked, reservations)
    with pytest.raises(Conflict) as raised:
        stocked.ship(reservations, order="ord_1", actor="w", at=NOW)
    assert raised.value.code == "stock_awaited"


def test_earmarks_of_a_cancelled_order_are_released(stocked: StockFixture) -> None:
    reservations = stocked.buy(Demand("A", 5))
    receive(stocked, 4)
    stocked.release(reservations)
    audit = AuditInfo("sweep", datetime.now(UTC))
    level = actions.release_backorder_earmarks("A", audit, stock_writer=stocked.stock)
    assert (level.earmarked, stocked.stock.level("A").available) == (0, 6)
    assert (
        actions.release_backorder_earmarks("A", audit, stock_writer=stocked.stock).version
        == level.version
    )


def test_pre_order_needs_no_stock_level_before_its_terms(stock_fixture: StockFixture) -> None:
    terms = BackorderTerms(BackorderKind.PRE_ORDER, limit=3, ships_from=date(2027, 1, 1))
    stock_fixture.stock.set_backorder_terms(terms, stock_fixture.stock.level("A"))
    assert stock_fixture.buy(Demand("A", 2)) == (Reservation("A", 2, shard=INBOUND_SHARD),)
    assert stock_fixture.buy(Demand("A", 2)) == (Shortage("A", 2, 1),)


def test_committed_pre_order_stays_committed_when_it_is_covered(
    stock_fixture: StockFixture,
) -> None:
    terms = BackorderTerms(BackorderKind.PRE_ORDER, limit=3, ships_from=date(2027, 1, 1))
    stock_fixture.stock.set_backorder_terms(terms, stock_fixture.stock.level("A"))
    reservations = stock_fixture.buy(Demand("A", 2))
    stock_fixture.commit(reservations)
    receive(stock_fixture, 5)
    cover(stock_fixture, reservations, ReservationState.COMMITTED)
    level = stock_fixture.stock.level("A")
    assert (level.reserved, level.committed, level.available) == (0, 2, 3)


def test_terms_that_ended_accept_no_orders(stock_fixture: StockFixture) -> None:
    stock_fixture.stock.create_levels({"A": 1}, actor="w", reason="opening", at=NOW)
    ended = BackorderTerms(
        BackorderKind.BACK_ORDER, 5, date(2026, 1, 1), until=datetime(2020, 1, 1, tzinfo=UTC)
    )
    stock_fixture.stock.set_backorder_terms(ended, stock_fixture.stock.level("A"))
    assert stock_fixture.buy(Demand("A", 2)) == (Shortage("A", 2, 1),)
    assert stock_fixture.stock.level("A").orderable_units(NOW) == 1


def test_limit_cannot_be_lower_than_the_back_ordered_units(stocked: StockFixture) -> None:
    stocked.buy(Demand("A", 6))
    level = stocked.stock.level("A")
    with pytest.raises(Conflict) as raised:
        stocked.stock.set_backorder_terms(
            BackorderTerms(BackorderKind.BACK_ORDER, 3, date(2027, 1, 1)), level
        )
    assert raised.value.code == "stock_promised"
    after = stocked.stock.set_backorder_terms(
        BackorderTerms(BackorderKind.BACK_ORDER, 4, date(2027, 2, 1)), level
    )
    assert (after.backorderable_units, after.backordered) == (0, 4)
    assert after.terms is not None
    assert after.terms.ships_from == date(2027, 2, 1)
    with pytest.raises(VersionConflict):
        stocked.stock.set_backorder_terms(TERMS, level)


def test_negative_limit_is_rejected() -> None:
    with pytest.raises(InvalidRequest):
        BackorderTerms(BackorderKind.BACK_ORDER, -1, date(2027, 1, 1))


@pytest.mark.parametrize(
    ("hour", "day", "accepted"),
    [
        # It is still 30 November in New York, and in the last zone behind UTC until 12:00.
        (3, date(2026, 11, 30), True),
        (12, date(2026, 11, 30), False),
        (3, date(2026, 11, 29), False),
        (23, date(2026, 12, 1), True),
    ],
)
def test_ship_date_is_past_when_its_day_is_over_in_every_zone(
    stocked: StockFixture, hour: int, day: date, accepted: bool
) -> None:
    terms = replace(TERMS, ships_from=day)
    level = stocked.stock.level("A")
    at = datetime(2026, 12, 1, hour, tzinfo=UTC)
    skus = Mock(product_id_for=lambda sku: "mug")

    def change() -> None:
        set_backorder_terms(
            "A", terms, expected_version=level.version, at=at, stock=stocked.stock, skus=skus
        )

    if accepted:
        change()
        return
    with pytest.raises(InvalidRequest) as rejected:
        change()
    assert rejected.value.code == "time_past"
