"""What every stock book must do, in memory and on DynamoDB alike: the ports' own suite."""

from datetime import UTC, datetime, timedelta

import pytest

from shop.inventory.actions import Slip, adjust, set_on_hand
from shop.inventory.model import Claim, Demand, Hold, Kind, Movement, Shortage, StockLevel
from shop.kernel.errors import Conflict, Invalid, NotFound, Stale
from shop.kernel.transactions import Clash
from tests.unit.inventory.room import Room

NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)


def put(room: Room, **counts: int) -> None:
    room.stock.open(counts, actor="importer", reason="opening", at=NOW)


def test_stock_is_opened_once_and_a_second_import_changes_nothing(room: Room) -> None:
    opened = room.stock.open({"A": 5, "B": 0}, actor="importer", reason="file", at=NOW)
    again = room.stock.open({"A": 9, "C": 1}, actor="importer", reason="file", at=NOW)
    assert opened == {"A", "B"}
    assert again == {"C"}
    levels = room.stock.levels(["A", "B", "C"])
    assert [levels[sku].on_hand for sku in "ABC"] == [5, 0, 1]


def test_more_skus_than_a_transaction_holds_are_opened(room: Room) -> None:
    counts = {f"SKU-{n}": n for n in range(120)}
    assert room.stock.open(counts, actor="importer", reason="file", at=NOW) == set(counts)
    assert {s: v.on_hand for s, v in room.stock.levels(counts).items()} == counts


def test_an_unknown_sku_has_nothing_and_version_zero(room: Room) -> None:
    assert room.stock.levels(["?", "?"]) == {"?": StockLevel("?")}
    assert room.stock.level("?") == StockLevel("?")


def test_a_hold_takes_units_off_sale_and_leaves_them_on_the_shelf(room: Room) -> None:
    put(room, A=5)
    assert room.hold(Demand("A", 3)) == (Hold("A", 3),)
    level = room.stock.level("A")
    assert (level.on_hand, level.reserved, level.available) == (5, 3, 2)
    assert level.version == 1


def test_the_last_unit_can_be_held_and_not_one_more(room: Room) -> None:
    put(room, A=2)
    room.hold(Demand("A", 2))
    with pytest.raises(Clash):
        room.hold(Demand("A", 1))
    assert room.stock.level("A").available == 0


def test_lines_of_one_sku_are_held_together(room: Room) -> None:
    put(room, A=5)
    holds = room.hold(Demand("A", 2), Demand("A", 3))
    assert holds == (Hold("A", 5),)
    assert room.stock.level("A").available == 0


def test_an_order_is_held_whole_or_not_at_all_and_every_short_line_is_named(room: Room) -> None:
    put(room, A=5, B=1)
    demands = [Demand("A", 2), Demand("B", 1), Demand("B", 1), Demand("?", 4)]
    with pytest.raises(Clash) as refused:
        room.hold(*demands)
    assert room.stock.shortages_after(refused.value, demands) == (
        Shortage("B", 2, 1),
        Shortage("?", 4, 0),
    )
    assert room.stock.level("A").available == 5


def test_demands_may_be_reserved_without_drawing_first(room: Room) -> None:
    put(room, A=5)
    room.ledger.commit(lambda writes: room.stock.reserve(writes, [Demand("A", 2), Hold("A", 1)]))
    assert room.stock.level("A").reserved == 3


def test_a_refusal_that_stock_does_not_explain_names_no_shortage(room: Room) -> None:
    put(room, A=1)
    with pytest.raises(Clash) as refused:
        room.hold(Demand("A", 2))
    assert room.stock.shortages_after(refused.value, [Demand("A", 1)]) == ()


@pytest.mark.parametrize("claim", list(Claim))
def test_what_is_given_back_can_be_sold_again(room: Room, claim: Claim) -> None:
    put(room, A=4)
    holds = room.hold(Demand("A", 3))
    if claim is Claim.COMMITTED:
        room.commit(holds)
    room.release(holds, claim)
    level = room.stock.level("A")
    assert (level.on_hand, level.promised, level.available) == (4, 0, 4)


def test_nothing_is_given_back_that_was_not_held(room: Room) -> None:
    put(room, A=4)
    holds = room.hold(Demand("A", 3))
    room.release(holds)
    with pytest.raises(Clash):
        room.release(holds)
    assert room.stock.level("A").available == 4


def test_a_paid_order_is_committed_and_back(room: Room) -> None:
    put(room, A=4)
    holds = room.hold(Demand("A", 3))
    room.commit(holds)
    level = room.stock.level("A")
    assert (level.reserved, level.committed, level.available) == (0, 3, 1)
    with pytest.raises(Clash):
        room.commit(holds)
    room.uncommit(holds)
    level = room.stock.level("A")
    assert (level.reserved, level.committed, level.available) == (3, 0, 1)


def test_shipping_takes_the_goods_away_and_writes_the_journal(room: Room) -> None:
    put(room, A=4)
    holds = room.hold(Demand("A", 3))
    later = NOW + timedelta(hours=1)
    room.commit(holds)
    room.ship(holds, order="ord_1", actor="wanda", at=later, claim=Claim.COMMITTED)
    level = room.stock.level("A")
    assert (level.on_hand, level.committed, level.available, level.version) == (1, 0, 1, 2)
    shipped, opened = room.stock.journal("A").items
    assert shipped == Movement("A", Kind.SHIPPED, later, "wanda", reference="ord_1", on_hand=-3)
    assert (opened.kind, opened.on_hand, opened.actor) == (Kind.COUNTED, 4, "importer")


def test_goods_are_shipped_once(room: Room) -> None:
    put(room, A=4)
    holds = room.hold(Demand("A", 3))
    room.ship(holds, order="ord_1", actor="w", at=NOW, claim=Claim.RESERVED)
    for claim in Claim:
        with pytest.raises(Clash):
            room.ship(
                holds,
                order="ord_1",
                actor="w",
                at=NOW + timedelta(1),
                claim=claim,
            )
    assert room.stock.level("A").on_hand == 1
    assert len(room.stock.journal("A").items) == 2


@pytest.mark.parametrize("claim", list(Claim))
def test_goods_that_nobody_holds_are_not_shipped(room: Room, claim: Claim) -> None:
    put(room, A=9)
    room.hold(Demand("A", 1))
    with pytest.raises(Clash):
        room.ship([Hold("A", 2)], order="ord_1", actor="w", at=NOW + timedelta(1), claim=claim)
    assert room.stock.level("A").on_hand == 9
    assert len(room.stock.journal("A").items) == 1


def test_the_journal_is_read_page_by_page_newest_first(room: Room) -> None:
    level = StockLevel("A")
    for n in range(5):
        at = NOW + timedelta(minutes=n)
        level = room.stock.record(Movement("A", Kind.RECEIVED, at, "w", on_hand=n + 1), level)
    units, cursor = [], None
    while True:
        page = room.stock.journal("A", cursor=cursor, limit=2)
        units += [movement.on_hand for movement in page.items]
        cursor = page.cursor
        if cursor is None:
            break
    assert units == [5, 4, 3, 2, 1]


def test_a_movement_moves_every_count_it_names(room: Room) -> None:
    before = StockLevel("A")
    received = Movement("A", Kind.RECEIVED, NOW, "w", on_hand=10, incoming=5, safety=2)
    level = room.stock.record(received, before)
    damaged = Movement("A", Kind.HELD_BACK, NOW + timedelta(1), "w", unavailable={"damaged": 3})
    level = room.stock.record(damaged, level)
    assert level == room.stock.level("A")
    assert (level.available, level.unavailable_by, level.incoming) == (5, {"damaged": 3}, 5)
    assert [m.unavailable for m in room.stock.journal("A").items] == [{"damaged": 3}, {}]


def test_a_count_keeps_what_was_reserved_since_the_level_was_read(room: Room) -> None:
    put(room, A=5)
    before = room.stock.level("A")
    room.hold(Demand("A", 2))
    room.stock.record(Movement("A", Kind.COUNTED, NOW + timedelta(1), "w", on_hand=1), before)
    level = room.stock.level("A")
    assert (level.on_hand, level.reserved, level.available) == (6, 2, 4)


def test_a_count_is_refused_when_goods_moved_since_the_level_was_read(room: Room) -> None:
    put(room, A=5)
    before = room.stock.level("A")
    receipt = Movement("A", Kind.RECEIVED, NOW + timedelta(1), "w", on_hand=1)
    room.stock.record(receipt, before)
    with pytest.raises(Stale):
        room.stock.record(Movement("A", Kind.COUNTED, NOW + timedelta(2), "w", on_hand=1), before)
    with pytest.raises(Stale):
        room.stock.record(Movement("A", Kind.RECEIVED, NOW, "w", on_hand=1), StockLevel("A"))
    assert room.stock.level("A").on_hand == 6


def test_units_promised_since_the_level_was_read_are_not_counted_away(room: Room) -> None:
    put(room, A=5)
    before = room.stock.level("A")
    room.hold(Demand("A", 4))
    with pytest.raises(Conflict) as refused:
        room.stock.record(
            Movement("A", Kind.WRITTEN_OFF, NOW + timedelta(1), "w", on_hand=-2), before
        )
    assert refused.value.code == "stock_promised"
    assert room.stock.level("A").on_hand == 5


def test_physical_loss_may_eat_into_the_safety_stock_but_a_sale_may_not(room: Room) -> None:
    level = room.stock.record(
        Movement("A", Kind.RECEIVED, NOW, "w", on_hand=5, safety=2), StockLevel("A")
    )
    room.hold(Demand("A", 3))
    with pytest.raises(Clash):
        room.hold(Demand("A", 1))
    room.stock.record(Movement("A", Kind.WRITTEN_OFF, NOW + timedelta(1), "w", on_hand=-2), level)
    level = room.stock.level("A")
    assert (level.on_hand, level.reserved, level.available) == (3, 3, -2)


def test_staff_set_a_count_by_version(room: Room) -> None:
    level = set_on_hand(
        "A", 7, expected_version=0, reason="first count", actor="ann", at=NOW, stock=room.stock
    )
    assert (level.on_hand, level.version) == (7, 1)
    with pytest.raises(Stale):
        set_on_hand(
            "A", 9, expected_version=0, reason="again", actor="bob", at=NOW, stock=room.stock
        )
    level = adjust(
        "A",
        -2,
        Slip("bob", NOW + timedelta(minutes=1), "fell off the shelf"),
        expected_version=1,
        stock=room.stock,
    )
    assert room.stock.level("A") == level
    newest = room.stock.journal("A", limit=1).items[0]
    assert (newest.on_hand, newest.reason, newest.actor) == (-2, "fell off the shelf", "bob")


def test_a_hot_sku_is_split_over_bins_and_still_adds_up(room: Room) -> None:
    put(room, A=100)
    assert room.stock.spread("A", 8) == 8
    level = room.stock.level("A")
    assert (level.on_hand, level.available, level.bins) == (100, 100, 8)
    assert room.stock.levels(["A"])["A"].available == 100
    bought = [room.buy(Demand("A", 1))[0] for _ in range(60)]
    assert len({hold.shard for hold in bought if isinstance(hold, Hold)}) > 4
    assert room.stock.level("A").reserved == 60


def test_a_split_sku_sells_to_the_last_unit_and_not_one_more(room: Room) -> None:
    put(room, A=20)
    room.stock.spread("A", 8)
    bought = [room.buy(Demand("A", 1)) for _ in range(25)]
    assert [one[0].sku for one in bought[:20]] == ["A"] * 20
    assert all(isinstance(one[0], Hold) for one in bought[:20])
    assert bought[20:] == [(Shortage("A", 1, 0),)] * 5
    assert room.stock.level("A").available == 0


def test_a_demand_that_no_bin_can_serve_alone_is_served_by_several(room: Room) -> None:
    put(room, A=16)
    room.stock.spread("A", 8)
    room.stock.levels(["A"])
    holds = room.buy(Demand("A", 7))
    assert len(holds) > 1
    assert sum(hold.quantity for hold in holds if isinstance(hold, Hold)) == 7
    assert room.stock.level("A").reserved == 7


def test_bins_that_hold_promises_stay_until_these_are_kept(room: Room) -> None:
    put(room, A=40)
    room.stock.spread("A", 4)
    held = [room.hold(Demand("A", 1)) for _ in range(8)]
    others = [holds for holds in held if holds[0].shard > 0]
    assert others
    assert room.stock.spread("A", 1) > 1
    assert room.stock.level("A").available == 32
    for n, holds in enumerate(held):
        room.ship(holds, order=f"ord_{n}", actor="w", at=NOW + timedelta(minutes=n))
    assert room.stock.spread("A", 1) == 1
    level = room.stock.level("A")
    assert (level.on_hand, level.available, level.promised, level.bins) == (32, 32, 0, 1)


def test_the_version_of_a_level_never_goes_back_when_bins_go(room: Room) -> None:
    put(room, A=40)
    room.stock.spread("A", 4)
    for shard in (1, 2, 3, 3):
        room.ledger.commit(lambda w, n=shard: room.stock.reserve(w, [Hold("A", 1, shard=n)]))  # type: ignore[misc]
        at = NOW + timedelta(minutes=int(room.stock.level("A").version))
        room.ship([Hold("A", 1, shard=shard)], order="ord_1", actor="w", at=at)
    before = room.stock.level("A").version
    assert room.stock.spread("A", 1) == 1
    assert room.stock.level("A").version == before + 1


def test_staff_move_the_stock_of_a_split_sku(room: Room) -> None:
    put(room, A=40)
    room.stock.spread("A", 8)
    room.hold(Demand("A", 2))
    before = room.stock.level("A")
    lost = Movement("A", Kind.WRITTEN_OFF, NOW + timedelta(1), "w", "flood", on_hand=-30)
    after = room.stock.record(lost, before)
    assert (after.on_hand, after.available) == (10, 8)
    assert room.stock.level("A").available == 8
    with pytest.raises(Stale):
        room.stock.record(lost, before)
    more = Movement("A", Kind.WRITTEN_OFF, NOW + timedelta(2), "w", "flood", on_hand=-9)
    with pytest.raises(Conflict) as refused:
        room.stock.record(more, room.stock.level("A"))
    assert refused.value.code == "stock_promised"


def test_stock_that_is_not_there_is_not_split(room: Room) -> None:
    with pytest.raises(NotFound):
        room.stock.spread("?", 4)
    put(room, A=1)
    with pytest.raises(Invalid):
        room.stock.spread("A", 0)


def test_a_promise_moves_to_other_bins_whole(room: Room) -> None:
    put(room, A=8)
    room.stock.spread("A", 2)
    room.ledger.commit(lambda w: room.stock.reserve(w, [Hold("A", 3, shard=0)]))
    old, new = [Hold("A", 3, shard=0)], [Hold("A", 1, shard=0), Hold("A", 2, shard=1)]
    room.ledger.commit(lambda w: room.stock.move(w, old, new))
    assert room.stock.level("A").reserved == 3
    with pytest.raises(Clash):
        room.ledger.commit(lambda w: room.stock.move(w, old, new))
    room.release(new)
    assert room.stock.level("A").reserved == 0
