"""The bins of a hot SKU: drawn from, shared out, merged, and moved only as they were read."""

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
from shop.inventory.model.shards import (
    INBOUND_SHARD,
    MAX_SHARDS_PER_DEMAND,
    UNKNOWN,
    StockShard,
    combine_shards,
    gather_step,
    movement_update,
    next_reshard_step,
    pick_shards,
    ship_update,
)
from shop.kernel.errors import Conflict
from tests.doubles.inventory import MemoryStockRepository, MemoryUnitOfWork

NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
SKU = "HOT"
SLIP = AuditInfo("w", NOW, "delivery")


units_in_bins = st.lists(st.integers(-2, 30), min_size=1, max_size=40)


@pytest.mark.slow
@given(
    quantity=st.integers(1, 60),
    seen=st.dictionaries(st.sampled_from("ABC"), units_in_bins, min_size=1),
    seed=st.integers(0, 99),
)
@settings(max_examples=400)
def test_a_draw_takes_what_is_asked_and_never_more_than_a_bin_has(
    quantity: int, seen: dict[str, list[int]], seed: int
) -> None:
    drawn = pick_shards(Demand(SKU, quantity), seen, random.Random(seed))
    fullest = sorted((n for units in seen.values() for n in units if n > 0), reverse=True)
    if drawn is None:
        # The fullest bins of the preferred location are taken first, and only so many.
        assert sum(fullest) < quantity or len(fullest) > MAX_SHARDS_PER_DEMAND
        return
    assert sum(hold.quantity for hold in drawn) == quantity
    assert (
        len({(hold.location, hold.shard) for hold in drawn}) == len(drawn) <= MAX_SHARDS_PER_DEMAND
    )
    for hold in drawn:
        assert 1 <= hold.quantity <= seen[hold.location][hold.shard]


def test_a_draw_prefers_the_first_location_and_one_parcel_over_two() -> None:
    chance = random.Random(1)
    (hold,) = pick_shards(Demand(SKU, 3), {"near": [3], "far": [30]}, chance) or ()
    assert hold.location == "near"
    (hold,) = pick_shards(Demand(SKU, 4), {"near": [3], "far": [30]}, chance) or ()
    assert hold.location == "far"
    holds = pick_shards(Demand(SKU, 9), {"near": [3], "far": [7]}, chance)
    assert holds == (Reservation(SKU, 3, "near"), Reservation(SKU, 6, "far"))


def test_buyers_spread_over_bins_nobody_has_looked_into() -> None:
    chance = random.Random(1)
    drawn = [
        pick_shards(Demand(SKU, 1), {MAIN_LOCATION: [UNKNOWN] * 16}, chance) for _ in range(400)
    ]
    shards = {hold.shard for holds in drawn if holds for hold in holds}
    assert shards == set(range(16))


@pytest.mark.slow
@given(st.lists(st.integers(0, 50), min_size=1, max_size=30), st.integers(1, 30))
@settings(max_examples=200)
def test_sharing_out_ends_and_leaves_no_bin_poor(units: list[int], wanted: int) -> None:
    stock = MemoryStockRepository()
    for shard, n in enumerate(units):
        one = StockShard(
            SKU, shard=shard, on_hand=n, available=n, shard_count=len(units) if not shard else 1
        )
        stock.bins.rows[SKU, MAIN_LOCATION, shard] = one
    ledger, steps = MemoryUnitOfWork(), 0
    while step := next_reshard_step(stock.bins.of(SKU, MAIN_LOCATION), wanted):
        ledger.commit(lambda writes, step=step: stock.bins.add(writes, step))  # type: ignore[misc]
        steps += 1
        assert steps < 200
    bins = stock.bins.of(SKU, MAIN_LOCATION)
    fair = sum(units) // wanted
    assert len(bins) == wanted
    assert bins[0].open == wanted
    assert sum(one.available for one in bins) == sum(units)
    assert min(one.available for one in bins) >= fair // 2


def test_the_safety_stock_is_kept_by_bin_0_for_all() -> None:
    bins = [
        StockShard(SKU, on_hand=1, available=1, shard_count=2, open=2),
        StockShard(SKU, shard=1, on_hand=9, available=9),
    ]
    step = gather_step(bins, 4)
    assert [(part.shard, part.deltas["available"]) for part in step] == [(1, -3), (0, 3)]  # type: ignore[union-attr]
    assert gather_step(bins, 1) == ()


def test_a_movement_is_written_from_the_version_that_was_read() -> None:
    change = movement_update(
        StockShard(SKU, version=4, safety=2),
        [StockMovement(SKU, MovementType.ADJUSTED, NOW, "w", on_hand=-5)],
    )
    assert change.expected == {"version": 4, "shard_count": 1}
    assert change.minimums == {"available": 3}


def test_what_is_still_awaited_cannot_be_shipped() -> None:
    with pytest.raises(Conflict) as refused:
        ship_update(Reservation(SKU, 1, shard=INBOUND_SHARD), ReservationState.RESERVED)
    assert refused.value.code == "stock_awaited"


def test_a_level_of_no_bins_is_all_zeros() -> None:
    assert combine_shards([], SKU) == StockLevel(SKU)
