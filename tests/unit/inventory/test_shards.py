"""The shards of a hot SKU: picking, resharding, and changes that expect what was read."""

import random
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shop.inventory.actions import AuditInfo
from shop.inventory.model import (
    MAIN_LOCATION,
    Demand,
    MovementType,
    Reservation,
    ReservationState,
    StockLevel,
    StockMovement,
)
from shop.inventory.model.shard_writes import (
    gather_step,
    movement_update,
    next_reshard_step,
    ship_update,
)
from shop.inventory.model.shards import (
    INBOUND_SHARD,
    MAX_SHARDS_PER_DEMAND,
    UNKNOWN,
    StockShard,
    combine_shards,
    pick_shards,
)
from shop.kernel.errors import Conflict
from tests.doubles.inventory import MemoryStockRepository, MemoryUnitOfWork

NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
SKU = "HOT"
AUDIT = AuditInfo("w", NOW, "delivery")


shard_units = st.lists(st.integers(-2, 30), min_size=1, max_size=40)


@pytest.mark.slow
@given(
    quantity=st.integers(1, 60),
    available=st.dictionaries(st.sampled_from("ABC"), shard_units, min_size=1),
    seed=st.integers(0, 99),
)
@settings(max_examples=400)
def test_pick_covers_the_demand_and_never_exceeds_a_shard(
    quantity: int, available: dict[str, list[int]], seed: int
) -> None:
    picked = pick_shards(Demand(SKU, quantity), available, random.Random(seed))
    fullest = sorted((n for units in available.values() for n in units if n > 0), reverse=True)
    if picked is None:
        # The fullest shards of the preferred location come first, up to the maximum number.
        assert sum(fullest) < quantity or len(fullest) > MAX_SHARDS_PER_DEMAND
        return
    assert sum(reservation.quantity for reservation in picked) == quantity
    assert (
        len({(reservation.location, reservation.shard) for reservation in picked})
        == len(picked)
        <= MAX_SHARDS_PER_DEMAND
    )
    for reservation in picked:
        assert 1 <= reservation.quantity <= available[reservation.location][reservation.shard]


def test_pick_prefers_the_first_location_and_one_parcel_over_two() -> None:
    chance = random.Random(1)
    (reservation,) = pick_shards(Demand(SKU, 3), {"near": [3], "far": [30]}, chance) or ()
    assert reservation.location == "near"
    (reservation,) = pick_shards(Demand(SKU, 4), {"near": [3], "far": [30]}, chance) or ()
    assert reservation.location == "far"
    reservations = pick_shards(Demand(SKU, 9), {"near": [3], "far": [7]}, chance)
    assert reservations == (Reservation(SKU, 3, "near"), Reservation(SKU, 6, "far"))


def test_picks_spread_over_shards_of_unknown_content() -> None:
    chance = random.Random(1)
    picked = [
        pick_shards(Demand(SKU, 1), {MAIN_LOCATION: [UNKNOWN] * 16}, chance) for _ in range(400)
    ]
    shards = {
        reservation.shard for reservations in picked if reservations for reservation in reservations
    }
    assert shards == set(range(16))


@pytest.mark.slow
@given(st.lists(st.integers(0, 50), min_size=1, max_size=30), st.integers(1, 30))
@settings(max_examples=200)
def test_resharding_ends_and_gives_every_shard_half_its_fair_share(
    units: list[int], target_count: int
) -> None:
    stock = MemoryStockRepository()
    for shard, n in enumerate(units):
        one = StockShard(
            SKU, shard=shard, on_hand=n, available=n, shard_count=len(units) if not shard else 1
        )
        stock.shards.rows[SKU, MAIN_LOCATION, shard] = one
    uow, steps = MemoryUnitOfWork(), 0
    while step := next_reshard_step(stock.shards.list_shards(SKU, MAIN_LOCATION), target_count):
        uow.commit(lambda transaction, step=step: stock.shards.add_writes(transaction, step))  # type: ignore[misc]
        steps += 1
        assert steps < 200
    shards = stock.shards.list_shards(SKU, MAIN_LOCATION)
    fair = sum(units) // target_count
    assert len(shards) == target_count
    assert shards[0].active_shard_count == target_count
    assert sum(one.available for one in shards) == sum(units)
    assert min(one.available for one in shards) >= fair // 2


def test_units_are_gathered_into_shard_0_which_holds_the_safety_stock() -> None:
    shards = [
        StockShard(SKU, on_hand=1, available=1, shard_count=2, active_shard_count=2),
        StockShard(SKU, shard=1, on_hand=9, available=9),
    ]
    step = gather_step(shards, 4)
    assert [(write.shard, write.deltas["available"]) for write in step] == [(1, -3), (0, 3)]  # type: ignore[union-attr]
    assert gather_step(shards, 1) == ()


def test_movement_expects_the_version_that_was_read() -> None:
    change = movement_update(
        StockShard(SKU, version=4, safety=2),
        [StockMovement(SKU, MovementType.ADJUSTED, NOW, "w", on_hand=-5)],
    )
    assert change.expected == {"version": 4, "shard_count": 1}
    assert change.minimums == {"available": 3}


def test_inbound_units_cannot_be_shipped() -> None:
    with pytest.raises(Conflict) as raised:
        ship_update(Reservation(SKU, 1, shard=INBOUND_SHARD), ReservationState.RESERVED)
    assert raised.value.code == "stock_awaited"


def test_level_without_shards_is_all_zeros() -> None:
    assert combine_shards([], SKU) == StockLevel(SKU)
