"""The test suite of the stock ports, run on the double in memory and on DynamoDB."""

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


def create_levels(fixture: StockFixture, **counts: int) -> None:
    fixture.stock.create_levels(counts, actor="importer", reason="opening", at=NOW)


def test_first_counts_are_entered_once_and_a_second_import_changes_nothing(
    stock_fixture: StockFixture,
) -> None:
    created = stock_fixture.stock.create_levels(
        {"A": 5, "B": 0}, actor="importer", reason="file", at=NOW
    )
    again = stock_fixture.stock.create_levels(
        {"A": 9, "C": 1}, actor="importer", reason="file", at=NOW
    )
    assert created == {"A", "B"}
    assert again == {"C"}
    levels = stock_fixture.stock.levels(["A", "B", "C"])
    assert [levels[sku].on_hand for sku in "ABC"] == [5, 0, 1]


def test_first_counts_of_an_interrupted_import_belong_to_its_repetition(
    stock_fixture: StockFixture,
) -> None:
    # Given counts that an import entered before it was interrupted, and others
    interrupted, later = NOW + timedelta(minutes=1), NOW + timedelta(minutes=2)
    create_levels(stock_fixture, OLD=1)
    stock_fixture.stock.create_levels({"A": 5}, actor="w", reason="file", at=interrupted)
    stock_fixture.reserve(Demand("A", 3))

    # When it is repeated
    counts = {"OLD": 9, "A": 5, "B": 2}
    created = stock_fixture.stock.create_levels(
        counts, actor="w", reason="file", at=later, earlier=frozenset({interrupted})
    )

    # Then it created the first counts of both attempts, once
    assert created == {"A", "B"}
    levels = stock_fixture.stock.levels(counts)
    assert [levels[sku].on_hand for sku in counts] == [1, 5, 2]


def test_first_counts_of_more_skus_than_a_transaction_holds(stock_fixture: StockFixture) -> None:
    counts = {f"SKU-{n}": n for n in range(120)}
    assert stock_fixture.stock.create_levels(
        counts, actor="importer", reason="file", at=NOW
    ) == set(counts)
    assert {s: v.on_hand for s, v in stock_fixture.stock.levels(counts).items()} == counts


def test_unknown_sku_is_all_zeros_at_version_zero(stock_fixture: StockFixture) -> None:
    assert stock_fixture.stock.levels(["?", "?"]) == {"?": StockLevel("?")}
    assert stock_fixture.stock.level("?") == StockLevel("?")


def test_reservation_reduces_available_units_and_keeps_them_on_hand(
    stock_fixture: StockFixture,
) -> None:
    create_levels(stock_fixture, A=5)
    assert stock_fixture.reserve(Demand("A", 3)) == (Reservation("A", 3),)
    level = stock_fixture.stock.level("A")
    assert (level.on_hand, level.reserved, level.available) == (5, 3, 2)
    assert level.version == 1


def test_last_unit_can_be_reserved_and_not_one_more(stock_fixture: StockFixture) -> None:
    create_levels(stock_fixture, A=2)
    stock_fixture.reserve(Demand("A", 2))
    with pytest.raises(ConditionFailed):
        stock_fixture.reserve(Demand("A", 1))
    assert stock_fixture.stock.level("A").available == 0


def test_lines_of_one_sku_become_one_reservation(stock_fixture: StockFixture) -> None:
    create_levels(stock_fixture, A=5)
    reservations = stock_fixture.reserve(Demand("A", 2), Demand("A", 3))
    assert reservations == (Reservation("A", 5),)
    assert stock_fixture.stock.level("A").available == 0


def test_order_is_reserved_whole_or_not_at_all_and_names_every_short_line(
    stock_fixture: StockFixture,
) -> None:
    create_levels(stock_fixture, A=5, B=1)
    demands = [Demand("A", 2), Demand("B", 1), Demand("B", 1), Demand("?", 4)]
    with pytest.raises(ConditionFailed) as raised:
        stock_fixture.reserve(*demands)
    assert stock_fixture.stock.shortages_from(raised.value, demands) == (
        Shortage("B", 2, 1),
        Shortage("?", 4, 0),
    )
    assert stock_fixture.stock.level("A").available == 5


def test_demands_can_be_reserved_without_picking_shards_first(stock_fixture: StockFixture) -> None:
    create_levels(stock_fixture, A=5)
    stock_fixture.uow.commit(
        lambda transaction: stock_fixture.stock.reserve(
            transaction, [Demand("A", 2), Reservation("A", 1)]
        )
    )
    assert stock_fixture.stock.level("A").reserved == 3


def test_failure_that_stock_does_not_explain_has_no_shortages(
    stock_fixture: StockFixture,
) -> None:
    create_levels(stock_fixture, A=1)
    with pytest.raises(ConditionFailed) as raised:
        stock_fixture.reserve(Demand("A", 2))
    assert stock_fixture.stock.shortages_from(raised.value, [Demand("A", 1)]) == ()


@pytest.mark.parametrize("state", list(ReservationState))
def test_released_units_are_available_again(
    stock_fixture: StockFixture, state: ReservationState
) -> None:
    create_levels(stock_fixture, A=4)
    reservations = stock_fixture.reserve(Demand("A", 3))
    if state is ReservationState.COMMITTED:
        stock_fixture.commit(reservations)
    stock_fixture.release(reservations, state)
    level = stock_fixture.stock.level("A")
    assert (level.on_hand, level.promised, level.available) == (4, 0, 4)


def test_released_units_cannot_be_released_again(stock_fixture: StockFixture) -> None:
    create_levels(stock_fixture, A=4)
    reservations = stock_fixture.reserve(Demand("A", 3))
    stock_fixture.release(reservations)
    with pytest.raises(ConditionFailed):
        stock_fixture.release(reservations)
    assert stock_fixture.stock.level("A").available == 4


def test_commit_and_its_reversal_move_reserved_units(stock_fixture: StockFixture) -> None:
    create_levels(stock_fixture, A=4)
    reservations = stock_fixture.reserve(Demand("A", 3))
    stock_fixture.commit(reservations)
    level = stock_fixture.stock.level("A")
    assert (level.reserved, level.committed, level.available) == (0, 3, 1)
    with pytest.raises(ConditionFailed):
        stock_fixture.commit(reservations)
    stock_fixture.revert_commit(reservations)
    level = stock_fixture.stock.level("A")
    assert (level.reserved, level.committed, level.available) == (3, 0, 1)


def test_shipping_reduces_stock_on_hand_and_adds_a_journal_entry(
    stock_fixture: StockFixture,
) -> None:
    create_levels(stock_fixture, A=4)
    reservations = stock_fixture.reserve(Demand("A", 3))
    later = NOW + timedelta(hours=1)
    stock_fixture.commit(reservations)
    stock_fixture.ship(
        reservations, order="ord_1", actor="wanda", at=later, state=ReservationState.COMMITTED
    )
    level = stock_fixture.stock.level("A")
    assert (level.on_hand, level.committed, level.available, level.version) == (1, 0, 1, 2)
    shipped, created = stock_fixture.stock.list_movements("A").items
    assert shipped == StockMovement(
        "A", MovementType.SHIPPED, later, "wanda", reference="ord_1", on_hand=-3
    )
    assert (created.kind, created.on_hand, created.actor) == (MovementType.COUNTED, 4, "importer")


def test_reservation_ships_once(stock_fixture: StockFixture) -> None:
    create_levels(stock_fixture, A=4)
    reservations = stock_fixture.reserve(Demand("A", 3))
    stock_fixture.ship(
        reservations, order="ord_1", actor="w", at=NOW, state=ReservationState.RESERVED
    )
    for state in ReservationState:
        with pytest.raises(ConditionFailed):
            stock_fixture.ship(
                reservations,
                order="ord_1",
                actor="w",
                at=NOW + timedelta(1),
                state=state,
            )
    assert stock_fixture.stock.level("A").on_hand == 1
    assert len(stock_fixture.stock.list_movements("A").items) == 2


@pytest.mark.parametrize("state", list(ReservationState))
def test_units_without_a_reservation_cannot_be_shipped(
    stock_fixture: StockFixture, state: ReservationState
) -> None:
    create_levels(stock_fixture, A=9)
    stock_fixture.reserve(Demand("A", 1))
    with pytest.raises(ConditionFailed):
        stock_fixture.ship(
            [Reservation("A", 2)], order="ord_1", actor="w", at=NOW + timedelta(1), state=state
        )
    assert stock_fixture.stock.level("A").on_hand == 9
    assert len(stock_fixture.stock.list_movements("A").items) == 1


BACK = {"order": "ord_1", "actor": "wanda", "at": NOW + timedelta(hours=1), "reason": "too small"}


def test_returned_units_are_on_sale_again_with_a_journal_entry_of_their_order(
    stock_fixture: StockFixture,
) -> None:
    create_levels(stock_fixture, A=5, B=1)
    stock_fixture.ship([*stock_fixture.reserve(Demand("A", 3))], order="ord_1", actor="w", at=NOW)
    stock_fixture.restock(
        Reservation("A", 1), Reservation("A", 1), Reservation("B", 2, "outlet"), **BACK
    )
    level = stock_fixture.stock.level("A")
    assert (level.on_hand, level.available, level.version) == (4, 4, 3)
    outlet = stock_fixture.stock.level("B", "outlet")
    assert (outlet.on_hand, outlet.available, stock_fixture.stock.level("B").on_hand) == (2, 2, 1)
    (entry, *_) = stock_fixture.stock.list_movements("A").items
    assert (entry.kind, entry.on_hand, entry.reference, entry.reason, entry.actor) == (
        MovementType.RETURNED,
        2,
        "ord_1",
        "too small",
        "wanda",
    )
    stock_fixture.restock(Reservation("B", 1, "outlet"), **{**BACK, "order": "ord_2"})
    assert stock_fixture.stock.level("B", "outlet").on_hand == 3


def test_returned_units_do_not_conflict_with_reservations_or_shards(
    stock_fixture: StockFixture,
) -> None:
    create_levels(stock_fixture, A=8)
    stock_fixture.stock.reshard("A", 4)
    write = stock_fixture.stock.restock_op([Reservation("A", 2)], **BACK)
    stock_fixture.buy(Demand("A", 8))
    stock_fixture.uow.commit(write)
    level = stock_fixture.stock.level("A")
    assert (level.on_hand, level.reserved, level.available) == (10, 8, 2)


def test_first_units_of_a_location_are_returned_once(stock_fixture: StockFixture) -> None:
    create_levels(stock_fixture, A=1)
    first, second = (
        stock_fixture.stock.restock_op([Reservation("A", 1, "outlet")], **{**BACK, "order": order})
        for order in ("ord_1", "ord_2")
    )
    stock_fixture.uow.commit(first)
    with pytest.raises(ConditionFailed):
        stock_fixture.uow.commit(second)
    assert stock_fixture.stock.level("A", "outlet").on_hand == 1


def test_journal_is_paginated_newest_first(stock_fixture: StockFixture) -> None:
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


def test_movement_changes_every_count_that_it_names(stock_fixture: StockFixture) -> None:
    before = StockLevel("A")
    received = StockMovement("A", MovementType.RECEIVED, NOW, "w", on_hand=10, incoming=5, safety=2)
    level = stock_fixture.stock.write_movement(received, before)
    damaged = StockMovement(
        "A", MovementType.SET_ASIDE, NOW + timedelta(1), "w", unavailable={"damaged": 3}
    )
    level = stock_fixture.stock.write_movement(damaged, level)
    assert level == stock_fixture.stock.level("A")
    assert (level.available, level.unavailable_by, level.incoming) == (5, {"damaged": 3}, 5)
    assert [m.unavailable for m in stock_fixture.stock.list_movements("A").items] == [
        {"damaged": 3},
        {},
    ]


def test_count_keeps_units_reserved_since_the_level_was_read(
    stock_fixture: StockFixture,
) -> None:
    create_levels(stock_fixture, A=5)
    before = stock_fixture.stock.level("A")
    stock_fixture.reserve(Demand("A", 2))
    stock_fixture.stock.write_movement(
        StockMovement("A", MovementType.COUNTED, NOW + timedelta(1), "w", on_hand=1), before
    )
    level = stock_fixture.stock.level("A")
    assert (level.on_hand, level.reserved, level.available) == (6, 2, 4)


def test_count_is_rejected_when_goods_moved_since_the_level_was_read(
    stock_fixture: StockFixture,
) -> None:
    create_levels(stock_fixture, A=5)
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


def test_units_promised_since_the_level_was_read_cannot_be_written_off(
    stock_fixture: StockFixture,
) -> None:
    create_levels(stock_fixture, A=5)
    before = stock_fixture.stock.level("A")
    stock_fixture.reserve(Demand("A", 4))
    with pytest.raises(Conflict) as raised:
        stock_fixture.stock.write_movement(
            StockMovement("A", MovementType.WRITTEN_OFF, NOW + timedelta(1), "w", on_hand=-2),
            before,
        )
    assert raised.value.code == "stock_promised"
    assert stock_fixture.stock.level("A").on_hand == 5


def test_loss_may_use_the_safety_stock_and_a_sale_may_not(
    stock_fixture: StockFixture,
) -> None:
    level = stock_fixture.stock.write_movement(
        StockMovement("A", MovementType.RECEIVED, NOW, "w", on_hand=5, safety=2), StockLevel("A")
    )
    stock_fixture.reserve(Demand("A", 3))
    with pytest.raises(ConditionFailed):
        stock_fixture.reserve(Demand("A", 1))
    stock_fixture.stock.write_movement(
        StockMovement("A", MovementType.WRITTEN_OFF, NOW + timedelta(1), "w", on_hand=-2), level
    )
    level = stock_fixture.stock.level("A")
    assert (level.on_hand, level.reserved, level.available) == (3, 3, -2)


def test_count_and_adjustment_expect_a_version(stock_fixture: StockFixture) -> None:
    level = set_on_hand(
        "A",
        7,
        AuditInfo("ann", NOW, "first count"),
        expected_version=0,
        stock_writer=stock_fixture.stock,
    )
    assert (level.on_hand, level.version) == (7, 1)

    with pytest.raises(VersionConflict):
        set_on_hand(
            "A",
            9,
            AuditInfo("bob", NOW, "again"),
            expected_version=0,
            stock_writer=stock_fixture.stock,
        )

    level = adjust_stock(
        "A",
        -2,
        AuditInfo("bob", NOW + timedelta(minutes=1), "broken in a fall"),
        expected_version=1,
        stock_writer=stock_fixture.stock,
    )
    assert stock_fixture.stock.level("A") == level
    newest = stock_fixture.stock.list_movements("A", limit=1).items[0]
    assert (newest.on_hand, newest.reason, newest.actor) == (-2, "broken in a fall", "bob")


def test_resharded_sku_keeps_its_sum_and_spreads_its_buyers(stock_fixture: StockFixture) -> None:
    create_levels(stock_fixture, A=100)
    assert stock_fixture.stock.reshard("A", 8) == 8
    level = stock_fixture.stock.level("A")
    assert (level.on_hand, level.available, level.shard_count) == (100, 100, 8)
    assert stock_fixture.stock.levels(["A"])["A"].available == 100
    results = [stock_fixture.buy(Demand("A", 1))[0] for _ in range(60)]
    assert (
        len({reservation.shard for reservation in results if isinstance(reservation, Reservation)})
        > 4
    )
    assert stock_fixture.stock.level("A").reserved == 60


def test_sharded_sku_sells_to_the_last_unit_and_not_one_more(stock_fixture: StockFixture) -> None:
    create_levels(stock_fixture, A=20)
    stock_fixture.stock.reshard("A", 8)
    results = [stock_fixture.buy(Demand("A", 1)) for _ in range(25)]
    assert [one[0].sku for one in results[:20]] == ["A"] * 20
    assert all(isinstance(one[0], Reservation) for one in results[:20])
    assert results[20:] == [(Shortage("A", 1, 0),)] * 5
    assert stock_fixture.stock.level("A").available == 0


def test_demand_larger_than_any_shard_is_served_by_several(
    stock_fixture: StockFixture,
) -> None:
    create_levels(stock_fixture, A=16)
    stock_fixture.stock.reshard("A", 8)
    stock_fixture.stock.levels(["A"])
    reservations = stock_fixture.buy(Demand("A", 7))
    assert len(reservations) > 1
    assert (
        sum(
            reservation.quantity
            for reservation in reservations
            if isinstance(reservation, Reservation)
        )
        == 7
    )
    assert stock_fixture.stock.level("A").reserved == 7


def test_shards_with_promises_stay_until_these_are_shipped(stock_fixture: StockFixture) -> None:
    create_levels(stock_fixture, A=40)
    stock_fixture.stock.reshard("A", 4)
    reserved = [stock_fixture.reserve(Demand("A", 1)) for _ in range(8)]
    outside_shard_0 = [reservations for reservations in reserved if reservations[0].shard > 0]
    assert outside_shard_0
    assert stock_fixture.stock.reshard("A", 1) > 1
    assert stock_fixture.stock.level("A").available == 32
    for n, reservations in enumerate(reserved):
        stock_fixture.ship(reservations, order=f"ord_{n}", actor="w", at=NOW + timedelta(minutes=n))
    assert stock_fixture.stock.reshard("A", 1) == 1
    level = stock_fixture.stock.level("A")
    assert (level.on_hand, level.available, level.promised, level.shard_count) == (32, 32, 0, 1)


def test_version_of_a_level_never_decreases_when_shards_are_removed(
    stock_fixture: StockFixture,
) -> None:
    create_levels(stock_fixture, A=40)
    stock_fixture.stock.reshard("A", 4)
    for shard in (1, 2, 3, 3):
        stock_fixture.uow.commit(
            lambda transaction, n=shard: stock_fixture.stock.reserve(
                transaction, [Reservation("A", 1, shard=n)]
            )  # type: ignore[misc]
        )
        at = NOW + timedelta(minutes=int(stock_fixture.stock.level("A").version))
        stock_fixture.ship([Reservation("A", 1, shard=shard)], order="ord_1", actor="w", at=at)
    before = stock_fixture.stock.level("A").version
    assert stock_fixture.stock.reshard("A", 1) == 1
    assert stock_fixture.stock.level("A").version == before + 1


def test_stock_entries_of_a_sharded_sku(stock_fixture: StockFixture) -> None:
    create_levels(stock_fixture, A=40)
    stock_fixture.stock.reshard("A", 8)
    stock_fixture.reserve(Demand("A", 2))
    before = stock_fixture.stock.level("A")
    lost = StockMovement(
        "A", MovementType.WRITTEN_OFF, NOW + timedelta(1), "w", "flood", on_hand=-30
    )
    after = stock_fixture.stock.write_movement(lost, before)
    assert (after.on_hand, after.available) == (10, 8)
    assert stock_fixture.stock.level("A").available == 8
    with pytest.raises(VersionConflict):
        stock_fixture.stock.write_movement(lost, before)
    further_loss = StockMovement(
        "A", MovementType.WRITTEN_OFF, NOW + timedelta(2), "w", "flood", on_hand=-9
    )
    with pytest.raises(Conflict) as raised:
        stock_fixture.stock.write_movement(further_loss, stock_fixture.stock.level("A"))
    assert raised.value.code == "stock_promised"


def test_unknown_sku_and_invalid_shard_count_are_rejected(stock_fixture: StockFixture) -> None:
    with pytest.raises(NotFound) as raised:
        stock_fixture.stock.reshard("?", 4)
    assert raised.value.code == "stock_unknown"
    create_levels(stock_fixture, A=1)
    with pytest.raises(InvalidRequest):
        stock_fixture.stock.reshard("A", 0)


def test_promise_moves_to_other_shards_as_a_whole(stock_fixture: StockFixture) -> None:
    create_levels(stock_fixture, A=8)
    stock_fixture.stock.reshard("A", 2)
    stock_fixture.uow.commit(
        lambda transaction: stock_fixture.stock.reserve(transaction, [Reservation("A", 3, shard=0)])
    )
    old, new = (
        [Reservation("A", 3, shard=0)],
        [Reservation("A", 1, shard=0), Reservation("A", 2, shard=1)],
    )
    stock_fixture.uow.commit(
        lambda transaction: stock_fixture.stock.relocate(transaction, old, new)
    )
    assert stock_fixture.stock.level("A").reserved == 3
    with pytest.raises(ConditionFailed):
        stock_fixture.uow.commit(
            lambda transaction: stock_fixture.stock.relocate(transaction, old, new)
        )
    stock_fixture.release(new)
    assert stock_fixture.stock.level("A").reserved == 0
