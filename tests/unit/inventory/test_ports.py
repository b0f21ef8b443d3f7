"""What every stock book must do, in memory and on DynamoDB alike: the ports' own suite."""

from datetime import UTC, datetime, timedelta

import pytest

from shop.inventory.actions import AuditInfo, adjust_stock, set_on_hand
from shop.inventory.model import (
    Demand,
    MovementType,
    Reservation,
    ReservationState,
    Shortage,
    StockLevel,
    StockMovement,
)
from shop.kernel.errors import Conflict, InvalidRequest, NotFound, VersionConflict
from shop.kernel.unit_of_work import ConditionFailed
from tests.unit.inventory.stock_fixture import StockFixture

NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)


def put(room: StockFixture, **counts: int) -> None:
    room.stock.create_levels(counts, actor="importer", reason="opening", at=NOW)


def test_stock_is_opened_once_and_a_second_import_changes_nothing(
    stock_fixture: StockFixture,
) -> None:
    opened = stock_fixture.stock.create_levels(
        {"A": 5, "B": 0}, actor="importer", reason="file", at=NOW
    )
    again = stock_fixture.stock.create_levels(
        {"A": 9, "C": 1}, actor="importer", reason="file", at=NOW
    )
    assert opened == {"A", "B"}
    assert again == {"C"}
    levels = stock_fixture.stock.levels(["A", "B", "C"])
    assert [levels[sku].on_hand for sku in "ABC"] == [5, 0, 1]


def test_more_skus_than_a_transaction_holds_are_opened(stock_fixture: StockFixture) -> None:
    counts = {f"SKU-{n}": n for n in range(120)}
    assert stock_fixture.stock.create_levels(
        counts, actor="importer", reason="file", at=NOW
    ) == set(counts)
    assert {s: v.on_hand for s, v in stock_fixture.stock.levels(counts).items()} == counts


def test_an_unknown_sku_has_nothing_and_version_zero(stock_fixture: StockFixture) -> None:
    assert stock_fixture.stock.levels(["?", "?"]) == {"?": StockLevel("?")}
    assert stock_fixture.stock.level("?") == StockLevel("?")


def test_a_hold_takes_units_off_sale_and_leaves_them_on_the_shelf(
    stock_fixture: StockFixture,
) -> None:
    put(stock_fixture, A=5)
    assert stock_fixture.hold(Demand("A", 3)) == (Reservation("A", 3),)
    level = stock_fixture.stock.level("A")
    assert (level.on_hand, level.reserved, level.available) == (5, 3, 2)
    assert level.version == 1


def test_the_last_unit_can_be_held_and_not_one_more(stock_fixture: StockFixture) -> None:
    put(stock_fixture, A=2)
    stock_fixture.hold(Demand("A", 2))
    with pytest.raises(ConditionFailed):
        stock_fixture.hold(Demand("A", 1))
    assert stock_fixture.stock.level("A").available == 0


def test_lines_of_one_sku_are_held_together(stock_fixture: StockFixture) -> None:
    put(stock_fixture, A=5)
    holds = stock_fixture.hold(Demand("A", 2), Demand("A", 3))
    assert holds == (Reservation("A", 5),)
    assert stock_fixture.stock.level("A").available == 0


def test_an_order_is_held_whole_or_not_at_all_and_every_short_line_is_named(
    stock_fixture: StockFixture,
) -> None:
    put(stock_fixture, A=5, B=1)
    demands = [Demand("A", 2), Demand("B", 1), Demand("B", 1), Demand("?", 4)]
    with pytest.raises(ConditionFailed) as refused:
        stock_fixture.hold(*demands)
    assert stock_fixture.stock.shortages_from(refused.value, demands) == (
        Shortage("B", 2, 1),
        Shortage("?", 4, 0),
    )
    assert stock_fixture.stock.level("A").available == 5


def test_demands_may_be_reserved_without_drawing_first(stock_fixture: StockFixture) -> None:
    put(stock_fixture, A=5)
    stock_fixture.ledger.commit(
        lambda writes: stock_fixture.stock.reserve(writes, [Demand("A", 2), Reservation("A", 1)])
    )
    assert stock_fixture.stock.level("A").reserved == 3


def test_a_refusal_that_stock_does_not_explain_names_no_shortage(
    stock_fixture: StockFixture,
) -> None:
    put(stock_fixture, A=1)
    with pytest.raises(ConditionFailed) as refused:
        stock_fixture.hold(Demand("A", 2))
    assert stock_fixture.stock.shortages_from(refused.value, [Demand("A", 1)]) == ()


@pytest.mark.parametrize("claim", list(ReservationState))
def test_what_is_given_back_can_be_sold_again(
    stock_fixture: StockFixture, claim: ReservationState
) -> None:
    put(stock_fixture, A=4)
    holds = stock_fixture.hold(Demand("A", 3))
    if claim is ReservationState.COMMITTED:
        stock_fixture.commit(holds)
    stock_fixture.release(holds, claim)
    level = stock_fixture.stock.level("A")
    assert (level.on_hand, level.promised, level.available) == (4, 0, 4)


def test_nothing_is_given_back_that_was_not_held(stock_fixture: StockFixture) -> None:
    put(stock_fixture, A=4)
    holds = stock_fixture.hold(Demand("A", 3))
    stock_fixture.release(holds)
    with pytest.raises(ConditionFailed):
        stock_fixture.release(holds)
    assert stock_fixture.stock.level("A").available == 4


def test_a_paid_order_is_committed_and_back(stock_fixture: StockFixture) -> None:
    put(stock_fixture, A=4)
    holds = stock_fixture.hold(Demand("A", 3))
    stock_fixture.commit(holds)
    level = stock_fixture.stock.level("A")
    assert (level.reserved, level.committed, level.available) == (0, 3, 1)
    with pytest.raises(ConditionFailed):
        stock_fixture.commit(holds)
    stock_fixture.uncommit(holds)
    level = stock_fixture.stock.level("A")
    assert (level.reserved, level.committed, level.available) == (3, 0, 1)


def test_shipping_takes_the_goods_away_and_writes_the_journal(stock_fixture: StockFixture) -> None:
    put(stock_fixture, A=4)
    holds = stock_fixture.hold(Demand("A", 3))
    later = NOW + timedelta(hours=1)
    stock_fixture.commit(holds)
    stock_fixture.ship(
        holds, order="ord_1", actor="wanda", at=later, state=ReservationState.COMMITTED
    )
    level = stock_fixture.stock.level("A")
    assert (level.on_hand, level.committed, level.available, level.version) == (1, 0, 1, 2)
    shipped, opened = stock_fixture.stock.list_movements("A").items
    assert shipped == StockMovement(
        "A", MovementType.SHIPPED, later, "wanda", reference="ord_1", on_hand=-3
    )
    assert (opened.kind, opened.on_hand, opened.actor) == (MovementType.COUNTED, 4, "importer")


def test_goods_are_shipped_once(stock_fixture: StockFixture) -> None:
    put(stock_fixture, A=4)
    holds = stock_fixture.hold(Demand("A", 3))
    stock_fixture.ship(holds, order="ord_1", actor="w", at=NOW, state=ReservationState.RESERVED)
    for claim in ReservationState:
        with pytest.raises(ConditionFailed):
            stock_fixture.ship(
                holds,
                order="ord_1",
                actor="w",
                at=NOW + timedelta(1),
                state=claim,
            )
    assert stock_fixture.stock.level("A").on_hand == 1
    assert len(stock_fixture.stock.list_movements("A").items) == 2


@pytest.mark.parametrize("claim", list(ReservationState))
def test_goods_that_nobody_holds_are_not_shipped(
    stock_fixture: StockFixture, claim: ReservationState
) -> None:
    put(stock_fixture, A=9)
    stock_fixture.hold(Demand("A", 1))
    with pytest.raises(ConditionFailed):
        stock_fixture.ship(
            [Reservation("A", 2)], order="ord_1", actor="w", at=NOW + timedelta(1), state=claim
        )
    assert stock_fixture.stock.level("A").on_hand == 9
    assert len(stock_fixture.stock.list_movements("A").items) == 1


def test_the_journal_is_read_page_by_page_newest_first(stock_fixture: StockFixture) -> None:
    level = StockLevel("A")
    for n in range(5):
        at = NOW + timedelta(minutes=n)
        level = stock_fixture.stock.write_movement(
            StockMovement("A", MovementType.RECEIVED, at, "w", on_hand=n + 1), level
        )
    units, cursor = [], None
    while True:
        page = stock_fixture.stock.list_movements("A", cursor=cursor, limit=2)
        units += [movement.on_hand for movement in page.items]
        cursor = page.cursor
        if cursor is None:
            break
    assert units == [5, 4, 3, 2, 1]


def test_a_movement_moves_every_count_it_names(stock_fixture: StockFixture) -> None:
    before = StockLevel("A")
    received = StockMovement("A", MovementType.RECEIVED, NOW, "w", on_hand=10, incoming=5, safety=2)
    level = stock_fixture.stock.write_movement(received, before)
    damaged = StockMovement(
        "A", MovementType.HELD_BACK, NOW + timedelta(1), "w", unavailable={"damaged": 3}
    )
    level = stock_fixture.stock.write_movement(damaged, level)
    assert level == stock_fixture.stock.level("A")
    assert (level.available, level.unavailable_by, level.incoming) == (5, {"damaged": 3}, 5)
    assert [m.unavailable for m in stock_fixture.stock.list_movements("A").items] == [
        {"damaged": 3},
        {},
    ]


def test_a_count_keeps_what_was_reserved_since_the_level_was_read(
    stock_fixture: StockFixture,
) -> None:
    put(stock_fixture, A=5)
    before = stock_fixture.stock.level("A")
    stock_fixture.hold(Demand("A", 2))
    stock_fixture.stock.write_movement(
        StockMovement("A", MovementType.COUNTED, NOW + timedelta(1), "w", on_hand=1), before
    )
    level = stock_fixture.stock.level("A")
    assert (level.on_hand, level.reserved, level.available) == (6, 2, 4)


def test_a_count_is_refused_when_goods_moved_since_the_level_was_read(
    stock_fixture: StockFixture,
) -> None:
    put(stock_fixture, A=5)
    before = stock_fixture.stock.level("A")
    receipt = StockMovement("A", MovementType.RECEIVED, NOW + timedelta(1), "w", on_hand=1)
    stock_fixture.stock.write_movement(receipt, before)
    with pytest.raises(VersionConflict):
        stock_fixture.stock.write_movement(
            StockMovement("A", MovementType.COUNTED, NOW + timedelta(2), "w", on_hand=1), before
        )
    with pytest.raises(VersionConflict):
        stock_fixture.stock.write_movement(
            StockMovement("A", MovementType.RECEIVED, NOW, "w", on_hand=1), StockLevel("A")
        )
    assert stock_fixture.stock.level("A").on_hand == 6


def test_units_promised_since_the_level_was_read_are_not_counted_away(
    stock_fixture: StockFixture,
) -> None:
    put(stock_fixture, A=5)
    before = stock_fixture.stock.level("A")
    stock_fixture.hold(Demand("A", 4))
    with pytest.raises(Conflict) as refused:
        stock_fixture.stock.write_movement(
            StockMovement("A", MovementType.WRITTEN_OFF, NOW + timedelta(1), "w", on_hand=-2),
            before,
        )
    assert refused.value.code == "stock_promised"
    assert stock_fixture.stock.level("A").on_hand == 5


def test_physical_loss_may_eat_into_the_safety_stock_but_a_sale_may_not(
    stock_fixture: StockFixture,
) -> None:
    level = stock_fixture.stock.write_movement(
        StockMovement("A", MovementType.RECEIVED, NOW, "w", on_hand=5, safety=2), StockLevel("A")
    )
    stock_fixture.hold(Demand("A", 3))
    with pytest.raises(ConditionFailed):
        stock_fixture.hold(Demand("A", 1))
    stock_fixture.stock.write_movement(
        StockMovement("A", MovementType.WRITTEN_OFF, NOW + timedelta(1), "w", on_hand=-2), level
    )
    level = stock_fixture.stock.level("A")
    assert (level.on_hand, level.reserved, level.available) == (3, 3, -2)


def test_staff_set_a_count_by_version(stock_fixture: StockFixture) -> None:
    level = set_on_hand(
        "A",
        7,
        expected_version=0,
        reason="first count",
        actor="ann",
        at=NOW,
        stock_writer=stock_fixture.stock,
    )
    assert (level.on_hand, level.version) == (7, 1)
    with pytest.raises(VersionConflict):
        set_on_hand(
            "A",
            9,
            expected_version=0,
            reason="again",
            actor="bob",
            at=NOW,
            stock_writer=stock_fixture.stock,
        )
    level = adjust_stock(
        "A",
        -2,
        AuditInfo("bob", NOW + timedelta(minutes=1), "fell off the shelf"),
        expected_version=1,
        stock_writer=stock_fixture.stock,
    )
    assert stock_fixture.stock.level("A") == level
    newest = stock_fixture.stock.list_movements("A", limit=1).items[0]
    assert (newest.on_hand, newest.reason, newest.actor) == (-2, "fell off the shelf", "bob")


def test_a_hot_sku_is_split_over_bins_and_still_adds_up(stock_fixture: StockFixture) -> None:
    put(stock_fixture, A=100)
    assert stock_fixture.stock.reshard("A", 8) == 8
    level = stock_fixture.stock.level("A")
    assert (level.on_hand, level.available, level.shard_count) == (100, 100, 8)
    assert stock_fixture.stock.levels(["A"])["A"].available == 100
    bought = [stock_fixture.buy(Demand("A", 1))[0] for _ in range(60)]
    assert len({hold.shard for hold in bought if isinstance(hold, Reservation)}) > 4
    assert stock_fixture.stock.level("A").reserved == 60


def test_a_split_sku_sells_to_the_last_unit_and_not_one_more(stock_fixture: StockFixture) -> None:
    put(stock_fixture, A=20)
    stock_fixture.stock.reshard("A", 8)
    bought = [stock_fixture.buy(Demand("A", 1)) for _ in range(25)]
    assert [one[0].sku for one in bought[:20]] == ["A"] * 20
    assert all(isinstance(one[0], Reservation) for one in bought[:20])
    assert bought[20:] == [(Shortage("A", 1, 0),)] * 5
    assert stock_fixture.stock.level("A").available == 0


def test_a_demand_that_no_bin_can_serve_alone_is_served_by_several(
    stock_fixture: StockFixture,
) -> None:
    put(stock_fixture, A=16)
    stock_fixture.stock.reshard("A", 8)
    stock_fixture.stock.levels(["A"])
    holds = stock_fixture.buy(Demand("A", 7))
    assert len(holds) > 1
    assert sum(hold.quantity for hold in holds if isinstance(hold, Reservation)) == 7
    assert stock_fixture.stock.level("A").reserved == 7


def test_bins_that_hold_promises_stay_until_these_are_kept(stock_fixture: StockFixture) -> None:
    put(stock_fixture, A=40)
    stock_fixture.stock.reshard("A", 4)
    held = [stock_fixture.hold(Demand("A", 1)) for _ in range(8)]
    others = [holds for holds in held if holds[0].shard > 0]
    assert others
    assert stock_fixture.stock.reshard("A", 1) > 1
    assert stock_fixture.stock.level("A").available == 32
    for n, holds in enumerate(held):
        stock_fixture.ship(holds, order=f"ord_{n}", actor="w", at=NOW + timedelta(minutes=n))
    assert stock_fixture.stock.reshard("A", 1) == 1
    level = stock_fixture.stock.level("A")
    assert (level.on_hand, level.available, level.promised, level.shard_count) == (32, 32, 0, 1)


def test_the_version_of_a_level_never_goes_back_when_bins_go(stock_fixture: StockFixture) -> None:
    put(stock_fixture, A=40)
    stock_fixture.stock.reshard("A", 4)
    for shard in (1, 2, 3, 3):
        stock_fixture.ledger.commit(
            lambda w, n=shard: stock_fixture.stock.reserve(w, [Reservation("A", 1, shard=n)])  # type: ignore[misc]
        )
        at = NOW + timedelta(minutes=int(stock_fixture.stock.level("A").version))
        stock_fixture.ship([Reservation("A", 1, shard=shard)], order="ord_1", actor="w", at=at)
    before = stock_fixture.stock.level("A").version
    assert stock_fixture.stock.reshard("A", 1) == 1
    assert stock_fixture.stock.level("A").version == before + 1


def test_staff_move_the_stock_of_a_split_sku(stock_fixture: StockFixture) -> None:
    put(stock_fixture, A=40)
    stock_fixture.stock.reshard("A", 8)
    stock_fixture.hold(Demand("A", 2))
    before = stock_fixture.stock.level("A")
    lost = StockMovement(
        "A", MovementType.WRITTEN_OFF, NOW + timedelta(1), "w", "flood", on_hand=-30
    )
    after = stock_fixture.stock.write_movement(lost, before)
    assert (after.on_hand, after.available) == (10, 8)
    assert stock_fixture.stock.level("A").available == 8
    with pytest.raises(VersionConflict):
        stock_fixture.stock.write_movement(lost, before)
    more = StockMovement(
        "A", MovementType.WRITTEN_OFF, NOW + timedelta(2), "w", "flood", on_hand=-9
    )
    with pytest.raises(Conflict) as refused:
        stock_fixture.stock.write_movement(more, stock_fixture.stock.level("A"))
    assert refused.value.code == "stock_promised"


def test_stock_that_is_not_there_is_not_split(stock_fixture: StockFixture) -> None:
    with pytest.raises(NotFound):
        stock_fixture.stock.reshard("?", 4)
    put(stock_fixture, A=1)
    with pytest.raises(InvalidRequest):
        stock_fixture.stock.reshard("A", 0)


def test_a_promise_moves_to_other_bins_whole(stock_fixture: StockFixture) -> None:
    put(stock_fixture, A=8)
    stock_fixture.stock.reshard("A", 2)
    stock_fixture.ledger.commit(
        lambda w: stock_fixture.stock.reserve(w, [Reservation("A", 3, shard=0)])
    )
    old, new = (
        [Reservation("A", 3, shard=0)],
        [Reservation("A", 1, shard=0), Reservation("A", 2, shard=1)],
    )
    stock_fixture.ledger.commit(lambda w: stock_fixture.stock.relocate(w, old, new))
    assert stock_fixture.stock.level("A").reserved == 3
    with pytest.raises(ConditionFailed):
        stock_fixture.ledger.commit(lambda w: stock_fixture.stock.relocate(w, old, new))
    stock_fixture.release(new)
    assert stock_fixture.stock.level("A").reserved == 0
