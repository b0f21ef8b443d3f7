"""Back-orders and pre-orders: sold beyond what is here, within terms, never as negative stock."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from shop.inventory import actions
from shop.inventory.actions import Slip
from shop.inventory.model import Beyond, Claim, Demand, Hold, Shortage, Terms
from shop.inventory.model.bins import AWAITED
from shop.kernel.errors import Conflict, Invalid, Stale
from shop.kernel.transactions import Clash
from tests.unit.inventory.room import Room

NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
TERMS = Terms(Beyond.BACK_ORDER, limit=5, ships_from=date(2026, 12, 15))


def receive(room: Room, units: int) -> Any:
    return actions.receive(
        "A",
        units,
        Slip("w", datetime.now(UTC), "delivery"),
        expected_version=room.stock.level("A").version,
        stock=room.stock,
    )


def cover(room: Room, holds: tuple[Any, ...], claim: Claim = Claim.RESERVED) -> tuple[Hold, ...]:
    kept: list[tuple[Hold, ...]] = []
    room.ledger.commit(lambda w: kept.append(room.stock.cover(w, holds, claim)))
    return kept[0]


@pytest.fixture
def stocked(room: Room) -> Room:
    """Two are here, five more may be ordered."""
    room.stock.open({"A": 2}, actor="w", reason="opening", at=NOW)
    level = room.stock.agree(TERMS, room.stock.level("A"))
    assert (level.terms, level.beyond, level.available, level.version) == (TERMS, 5, 2, 2)
    assert room.stock.levels(["A"])["A"].orderable(NOW) == 7
    return room


def test_what_is_here_is_sold_before_what_is_to_come(stocked: Room) -> None:
    assert stocked.buy(Demand("A", 2)) == (Hold("A", 2),)
    holds = stocked.buy(Demand("A", 2))
    assert holds == (Hold("A", 2, shard=AWAITED),)
    level = stocked.stock.level("A")
    assert (level.on_hand, level.reserved, level.awaited, level.beyond) == (2, 2, 2, 3)
    assert level.available == 0


def test_one_order_may_take_some_of_both_and_never_more_than_the_terms(stocked: Room) -> None:
    assert stocked.buy(Demand("A", 8)) == (Shortage("A", 8, 7),)
    holds = stocked.buy(Demand("A", 7))
    assert holds == (Hold("A", 2), Hold("A", 5, shard=AWAITED))
    assert stocked.buy(Demand("A", 1)) == (Shortage("A", 1, 0),)


def test_what_is_awaited_is_given_back_like_anything_else(stocked: Room) -> None:
    holds = stocked.buy(Demand("A", 7))
    stocked.release(holds)
    level = stocked.stock.level("A")
    assert (level.available, level.beyond, level.awaited) == (2, 5, 0)


def test_goods_that_arrive_are_put_aside_for_those_who_wait(stocked: Room) -> None:
    holds = stocked.buy(Demand("A", 5))
    assert receive(stocked, 2).earmarked == 2
    level = receive(stocked, 4)
    assert (level.on_hand, level.earmarked, level.available) == (8, 3, 3)
    kept = cover(stocked, holds)
    assert kept == (Hold("A", 2), Hold("A", 3))
    level = stocked.stock.level("A")
    assert (level.reserved, level.earmarked, level.awaited, level.beyond) == (5, 0, 0, 5)
    stocked.ship(kept, order="ord_1", actor="w", at=NOW + timedelta(days=400))
    assert stocked.stock.level("A").on_hand == 3


def test_nobody_is_served_before_enough_is_here(stocked: Room) -> None:
    holds = stocked.buy(Demand("A", 5))
    receive(stocked, 2)
    with pytest.raises(Clash):
        cover(stocked, holds)
    with pytest.raises(Conflict) as refused:
        stocked.ship(holds, order="ord_1", actor="w", at=NOW)
    assert refused.value.code == "stock_awaited"


def test_goods_put_aside_for_an_order_called_off_are_sold_again(stocked: Room) -> None:
    holds = stocked.buy(Demand("A", 5))
    receive(stocked, 4)
    stocked.release(holds)
    slip = Slip("sweep", datetime.now(UTC))
    level = actions.free_earmarks("A", slip, stock=stocked.stock)
    assert (level.earmarked, stocked.stock.level("A").available) == (0, 6)
    assert actions.free_earmarks("A", slip, stock=stocked.stock).version == level.version


def test_a_pre_order_needs_no_goods_to_begin_with(room: Room) -> None:
    terms = Terms(Beyond.PRE_ORDER, limit=3, ships_from=date(2027, 1, 1))
    room.stock.agree(terms, room.stock.level("A"))
    assert room.buy(Demand("A", 2)) == (Hold("A", 2, shard=AWAITED),)
    assert room.buy(Demand("A", 2)) == (Shortage("A", 2, 1),)


def test_a_committed_pre_order_stays_committed_when_its_goods_come(room: Room) -> None:
    terms = Terms(Beyond.PRE_ORDER, limit=3, ships_from=date(2027, 1, 1))
    room.stock.agree(terms, room.stock.level("A"))
    holds = room.buy(Demand("A", 2))
    room.commit(holds)
    receive(room, 5)
    cover(room, holds, Claim.COMMITTED)
    level = room.stock.level("A")
    assert (level.reserved, level.committed, level.available) == (0, 2, 3)


def test_terms_that_ended_take_no_orders(room: Room) -> None:
    room.stock.open({"A": 1}, actor="w", reason="opening", at=NOW)
    ended = Terms(Beyond.BACK_ORDER, 5, date(2026, 1, 1), until=datetime(2020, 1, 1, tzinfo=UTC))
    room.stock.agree(ended, room.stock.level("A"))
    assert room.buy(Demand("A", 2)) == (Shortage("A", 2, 1),)
    assert room.stock.level("A").orderable(NOW) == 1


def test_the_terms_cannot_fall_below_what_was_sold_on_them(stocked: Room) -> None:
    stocked.buy(Demand("A", 6))
    level = stocked.stock.level("A")
    with pytest.raises(Conflict) as refused:
        stocked.stock.agree(Terms(Beyond.BACK_ORDER, 3, date(2027, 1, 1)), level)
    assert refused.value.code == "stock_promised"
    after = stocked.stock.agree(Terms(Beyond.BACK_ORDER, 4, date(2027, 2, 1)), level)
    assert (after.beyond, after.awaited) == (0, 4)
    assert after.terms is not None
    assert after.terms.ships_from == date(2027, 2, 1)
    with pytest.raises(Stale):
        stocked.stock.agree(TERMS, level)


def test_terms_without_a_sensible_limit_are_refused() -> None:
    with pytest.raises(Invalid):
        Terms(Beyond.BACK_ORDER, -1, date(2027, 1, 1))
