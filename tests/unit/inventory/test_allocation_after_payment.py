"""An order is served from where the policy says, and sold from wherever there is any."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from moto import mock_aws

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
from tests.unit.inventory.stock_fixture import StockFixture

NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
PLACES = ("main", "shop", "outlet")
LOCATIONS = tuple(Location(name, GeoPoint("DE", 50.0, 8.0 + n)) for n, name in enumerate(PLACES))


@pytest.fixture(params=["memory", "dynamo"])
def two_locations(request: pytest.FixtureRequest) -> Iterator[StockFixture]:
    """A shop with three locations: 3, 10 and 2 of A; 4 of B in the outlet alone."""
    if request.param == "memory":
        yield _stocked(StockFixture(MemoryStockRepository(locations=PLACES), MemoryUnitOfWork()))
        return
    with mock_aws():
        ShardRow.create_table(billing_mode="PAY_PER_REQUEST")
        stock = DynamoStockRepository(PLACES, sleep=lambda seconds: None)
        yield _stocked(StockFixture(stock, DynamoUnitOfWork(connection())))


def _stocked(room: StockFixture) -> StockFixture:
    for sku, place, units in (
        ("A", "main", 3),
        ("A", "shop", 10),
        ("A", "outlet", 2),
        ("B", "outlet", 4),
    ):
        came = StockMovement(sku, MovementType.RECEIVED, NOW, "w", location=place, on_hand=units)
        room.stock.write_movement(came, StockLevel(sku, place))
    return room


def test_the_level_of_a_sku_is_that_of_all_locations(two_locations: StockFixture) -> None:
    levels = two_locations.stock.levels(["A", "B", "?"])
    assert [levels[sku].available for sku in ("A", "B", "?")] == [15, 4, 0]
    by = two_locations.stock.current_levels_by_location(["A"])["A"]
    assert [(one.location, one.available) for one in by] == [
        ("main", 3),
        ("shop", 10),
        ("outlet", 2),
    ]


def test_the_preferred_location_sells_first_and_the_others_to_the_last_unit(
    two_locations: StockFixture,
) -> None:
    assert two_locations.buy(Demand("A", 2)) == (Reservation("A", 2, "main"),)
    assert two_locations.buy(Demand("A", 4)) == (Reservation("A", 4, "shop"),)
    assert two_locations.buy(Demand("B", 1)) == (Reservation("B", 1, "outlet"),)
    holds = two_locations.buy(Demand("A", 9))
    assert sum(hold.quantity for hold in holds if isinstance(hold, Reservation)) == 9
    assert two_locations.buy(Demand("A", 1)) == (Shortage("A", 1, 0),)
    assert all(
        level.available == 0 for level in two_locations.stock.current_levels_by_location(["A"])["A"]
    )


def test_a_paid_order_is_moved_to_where_the_policy_wants_it(two_locations: StockFixture) -> None:
    old = two_locations.buy(Demand("A", 3))
    assert old == (Reservation("A", 3, "main"),)
    more = two_locations.buy(Demand("A", 1), Demand("B", 2))
    holds = (*old, *more)
    new = allocate_reservations(
        holds,
        stock=two_locations.stock,
        locations=LOCATIONS,
        policy=AllocationPolicy((LocationPreference.FEWEST_PARCELS, LocationPreference.NEAREST)),
        destination=GeoPoint("DE", 50.0, 10.0),
    )
    assert sorted({hold.location for hold in new}) == ["outlet", "shop"]
    assert sum(hold.quantity for hold in new) == 6
    two_locations.ledger.commit(lambda w: two_locations.stock.relocate(w, holds, new))
    reserved = {
        (level.sku, level.location): level.reserved
        for levels in two_locations.stock.current_levels_by_location(["A", "B"]).values()
        for level in levels
    }
    assert reserved == {
        ("A", "main"): 0,
        ("A", "shop"): 4,
        ("A", "outlet"): 0,
        ("B", "outlet"): 2,
    }


def test_a_policy_that_cannot_serve_everything_leaves_the_order_where_it_is(
    two_locations: StockFixture,
) -> None:
    holds = two_locations.buy(Demand("A", 12))
    new = allocate_reservations(
        holds,
        stock=two_locations.stock,
        locations=LOCATIONS,
        policy=AllocationPolicy((LocationPreference.NEAREST,), max_parcels=1),
        destination=GeoPoint("DE"),
    )
    assert new == holds


def test_units_sold_meanwhile_refuse_the_move_and_the_order_stays_whole(
    two_locations: StockFixture,
) -> None:
    holds = two_locations.buy(Demand("A", 2))
    two_locations.ledger.commit(
        lambda w: two_locations.stock.reserve(w, [Reservation("A", 10, "shop")])
    )
    with pytest.raises(ConditionFailed):
        two_locations.ledger.commit(
            lambda w: two_locations.stock.relocate(w, holds, [Reservation("A", 2, "shop")])
        )
    assert two_locations.stock.level("A").reserved == 2


@pytest.mark.parametrize(
    ("rate", "units", "bins"),
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
def test_bins_are_as_many_as_the_rush_needs_and_the_units_fill(
    rate: float, units: int, bins: int
) -> None:
    assert shards_for(rate, units) == bins


def test_a_sku_is_prepared_for_a_sale_and_put_back_after_it() -> None:
    stock = MemoryStockRepository({"A": 400})
    assert reshard_for_peak("A", 500, stock=stock) == {"main": 20}
    assert reshard_for_peak("A", 500, stock=stock) == {"main": 20}
    assert reshard_for_peak("A", 0, stock=stock) == {"main": 1}
    assert stock.level("A").available == 400
    assert reshard_for_peak("B", 500, stock=stock) == {}


def test_each_location_that_ships_is_prepared_for_the_whole_rush_as_far_as_its_units_fill() -> None:
    places = ("main", "west", "shop")
    stock = MemoryStockRepository({"A": 36}, locations=places)
    for place in places[1:]:
        one = StockShard("A", place, on_hand=233, available=233, version=1)
        stock.bins.rows["A", place, 0] = one
    ships = ("main", "west")
    assert reshard_for_peak("A", 200, stock=stock, shipping=ships) == {
        "main": 2,
        "shop": 1,
        "west": 8,
    }
    assert reshard_for_peak("A", 200, stock=stock, shipping=("main",)) == {
        "main": 2,
        "shop": 1,
        "west": 1,
    }


def test_what_is_sold_takes_no_bin_away_and_a_lower_rate_does() -> None:
    stock = MemoryStockRepository({"A": 400})
    reshard_for_peak("A", 500, stock=stock)
    sold = stock.bins.rows
    for place, one in sold.items():
        sold[place] = replace(one, on_hand=1, available=1)
    assert reshard_for_peak("A", 500, stock=stock) == {"main": 20}
    assert reshard_for_peak("A", 100, stock=stock) == {"main": 4}
