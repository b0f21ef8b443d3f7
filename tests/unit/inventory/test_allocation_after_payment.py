"""Orders reserve at any location and move to those of the policy once they are paid."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from shop.inventory.actions import allocate_reservations, reshard_for_peak, shards_for
from shop.inventory.model import (
    Demand,
    MovementType,
    Reservation,
    Shortage,
    StockLevel,
    StockMovement,
)
from shop.inventory.model.allocation import AllocationPolicy, GeoPoint, Location, LocationPreference
from shop.inventory.model.shards import StockShard
from shop.inventory.store import DynamoStockRepository
from shop.inventory.store.rows import ShardRow
from shop.kernel.unit_of_work import ConditionFailed
from shop.storage.connection import connection
from shop.storage.transactions import DynamoUnitOfWork
from tests.doubles.inventory import MemoryStockRepository, MemoryUnitOfWork
from tests.kit.shop import mock_aws
from tests.unit.inventory.stock_fixture import StockFixture

NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
NAMES = ("main", "shop", "outlet")
LOCATIONS = tuple(Location(name, GeoPoint("DE", 50.0, 8.0 + n)) for n, name in enumerate(NAMES))


@pytest.fixture(params=["memory", "dynamo"])
def three_locations(request: pytest.FixtureRequest) -> Iterator[StockFixture]:
    """Three locations with 3, 10 and 2 units of A; the outlet also has 4 of B."""
    if request.param == "memory":
        yield _stocked(StockFixture(MemoryStockRepository(locations=NAMES), MemoryUnitOfWork()))
        return
    with mock_aws():
        ShardRow.create_table(billing_mode="PAY_PER_REQUEST")
        stock = DynamoStockRepository(NAMES, sleep=lambda seconds: None)
        yield _stocked(StockFixture(stock, DynamoUnitOfWork(connection())))


def _stocked(fixture: StockFixture) -> StockFixture:
    for sku, location, units in (
        ("A", "main", 3),
        ("A", "shop", 10),
        ("A", "outlet", 2),
        ("B", "outlet", 4),
    ):
        receipt = StockMovement(
            sku, MovementType.RECEIVED, NOW, "w", location=location, on_hand=units
        )
        fixture.stock.write_movement(receipt, StockLevel(sku, location))
    return fixture


def test_level_of_a_sku_is_summed_over_all_locations(three_locations: StockFixture) -> None:
    levels = three_locations.stock.levels(["A", "B", "?"])
    assert [levels[sku].available for sku in ("A", "B", "?")] == [15, 4, 0]
    by_location = three_locations.stock.levels_by_location("A")
    assert [(one.location, one.available) for one in by_location] == [
        ("main", 3),
        ("outlet", 2),
        ("shop", 10),
    ]


def test_preferred_location_sells_first_and_the_others_to_the_last_unit(
    three_locations: StockFixture,
) -> None:
    assert three_locations.buy(Demand("A", 2)) == (Reservation("A", 2, "main"),)
    assert three_locations.buy(Demand("A", 4)) == (Reservation("A", 4, "shop"),)
    assert three_locations.buy(Demand("B", 1)) == (Reservation("B", 1, "outlet"),)
    reservations = three_locations.buy(Demand("A", 9))
    assert (
        sum(
            reservation.quantity
            for reservation in reservations
            if isinstance(reservation, Reservation)
        )
        == 9
    )
    assert three_locations.buy(Demand("A", 1)) == (Shortage("A", 1, 0),)
    assert all(level.available == 0 for level in three_locations.stock.levels_by_location("A"))


def test_paid_order_moves_to_the_locations_of_the_policy(three_locations: StockFixture) -> None:
    # Given an order with reservations at several locations
    first = three_locations.buy(Demand("A", 3))
    assert first == (Reservation("A", 3, "main"),)
    second = three_locations.buy(Demand("A", 1), Demand("B", 2))
    reservations = (*first, *second)
    # When it is allocated to the fewest parcels
    allocated = allocate_reservations(
        reservations,
        stock=three_locations.stock,
        locations=LOCATIONS,
        policy=AllocationPolicy((LocationPreference.FEWEST_PARCELS, LocationPreference.NEAREST)),
        destination=GeoPoint("DE", 50.0, 10.0),
    )
    assert sorted({reservation.location for reservation in allocated}) == ["outlet", "shop"]
    assert sum(reservation.quantity for reservation in allocated) == 6
    three_locations.uow.commit(
        lambda transaction: three_locations.stock.relocate(transaction, reservations, allocated)
    )
    # Then its reservations are at the locations of the policy
    reserved = {
        (level.sku, level.location): level.reserved
        for sku in ("A", "B")
        for level in three_locations.stock.levels_by_location(sku)
    }
    assert reserved == {
        ("A", "main"): 0,
        ("A", "shop"): 4,
        ("A", "outlet"): 0,
        ("B", "outlet"): 2,
    }


def test_policy_that_cannot_serve_the_whole_order_moves_nothing(
    three_locations: StockFixture,
) -> None:
    reservations = three_locations.buy(Demand("A", 12))
    allocated = allocate_reservations(
        reservations,
        stock=three_locations.stock,
        locations=LOCATIONS,
        policy=AllocationPolicy((LocationPreference.NEAREST,), max_parcels=1),
        destination=GeoPoint("DE"),
    )
    assert allocated == reservations


def test_units_sold_since_make_the_move_fail_as_a_whole(
    three_locations: StockFixture,
) -> None:
    reservations = three_locations.buy(Demand("A", 2))
    three_locations.uow.commit(
        lambda transaction: three_locations.stock.reserve(
            transaction, [Reservation("A", 10, "shop")]
        )
    )
    with pytest.raises(ConditionFailed):
        three_locations.uow.commit(
            lambda transaction: three_locations.stock.relocate(
                transaction, reservations, [Reservation("A", 2, "shop")]
            )
        )
    assert three_locations.stock.level("A").reserved == 2


@pytest.mark.parametrize(
    ("rate", "units", "shard_count"),
    [
        (0, 10_000, 1),
        (1, 10_000, 1),
        (26, 10_000, 2),
        (5_000, 10_000, 200),
        (5_000, 160, 10),
        (5_000, 3, 1),
        (1e6, 10**6, 512),
    ],
)
def test_shard_count_follows_the_order_rate_and_the_units(
    rate: float, units: int, shard_count: int
) -> None:
    assert shards_for(rate, units) == shard_count


def test_sku_is_split_before_a_peak_and_merged_after_it() -> None:
    stock = MemoryStockRepository({"A": 400})
    assert reshard_for_peak("A", 500, stock=stock) == {"main": 20}
    assert reshard_for_peak("A", 500, stock=stock) == {"main": 20}
    assert reshard_for_peak("A", 0, stock=stock) == {"main": 1}
    assert stock.level("A").available == 400
    assert reshard_for_peak("B", 500, stock=stock) == {}


def test_each_shipping_location_is_split_for_the_whole_rate() -> None:
    locations = ("main", "west", "shop")
    stock = MemoryStockRepository({"A": 36}, locations=locations)
    for location in locations[1:]:
        one = StockShard("A", location, on_hand=233, available=233, version=1)
        stock.shards.rows["A", location, 0] = one
    shipping_locations = ("main", "west")
    assert reshard_for_peak("A", 200, stock=stock, shipping_locations=shipping_locations) == {
        "main": 2,
        "shop": 1,
        "west": 8,
    }
    assert reshard_for_peak("A", 200, stock=stock, shipping_locations=("main",)) == {
        "main": 2,
        "shop": 1,
        "west": 1,
    }


def test_sold_units_reduce_no_shard_count_and_a_lower_rate_does() -> None:
    stock = MemoryStockRepository({"A": 400})
    reshard_for_peak("A", 500, stock=stock)
    rows = stock.shards.rows
    for location, one in rows.items():
        rows[location] = replace(one, on_hand=1, available=1)
    assert reshard_for_peak("A", 500, stock=stock) == {"main": 20}
    assert reshard_for_peak("A", 100, stock=stock) == {"main": 4}
