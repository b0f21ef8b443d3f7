"""Allocation: the locations that serve an order, by policy."""

from collections.abc import Callable
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shop.inventory.model import Demand, Shortage
from shop.inventory.model.allocation import (
    MAX_LOCATIONS_FOR_EXHAUSTIVE_SEARCH,
    AllocationPolicy,
    GeoPoint,
    Location,
    LocationPreference,
    allocate,
)
from shop.kernel.errors import InvalidRequest

BERLIN = GeoPoint("DE", 52.52, 13.40)
MUNICH = GeoPoint("DE", 48.14, 11.58)
PARIS = GeoPoint("FR", 48.86, 2.35)
POTSDAM = GeoPoint("DE", 52.39, 13.06)
LOCATIONS = (
    Location("berlin", BERLIN, 2),
    Location("munich", MUNICH, 1),
    Location("paris", PARIS, 3),
)


def policy(
    *preferences: LocationPreference, splits_lines: bool = True, max_parcels: int | None = None
) -> AllocationPolicy:
    return AllocationPolicy(preferences, splits_lines=splits_lines, max_parcels=max_parcels)


NEAREST = policy(LocationPreference.NEAREST)
FEWEST = policy(LocationPreference.FEWEST_PARCELS, LocationPreference.NEAREST)
HIGHEST = policy(LocationPreference.HIGHEST_STOCK)
PRIORITY = policy(LocationPreference.PRIORITY)


def test_every_policy_allocates_five_of_five_from_stocks_of_three_and_ten() -> None:
    stock = {"berlin": {"A": 3}, "munich": {"A": 10}}
    for allocation_policy in (NEAREST, FEWEST, HIGHEST, PRIORITY):
        allocation = allocate([Demand("A", 5)], stock, LOCATIONS, allocation_policy, POTSDAM)
        assert sum(parcel.get("A", 0) for parcel in allocation.parcels.values()) == 5
        assert allocation.short == ()


def test_nearest_location_serves_first_and_the_next_serves_the_rest() -> None:
    stock = {"berlin": {"A": 3}, "munich": {"A": 10}, "paris": {"A": 10}}
    allocation = allocate([Demand("A", 5)], stock, LOCATIONS, NEAREST, POTSDAM)
    assert allocation.parcels == {"berlin": {"A": 3}, "munich": {"A": 2}}


def test_fewest_parcels_is_preferred_over_nearest() -> None:
    stock = {"berlin": {"A": 3, "B": 1}, "munich": {"A": 1}, "paris": {"A": 9, "B": 9}}
    allocation = allocate([Demand("A", 5), Demand("B", 2)], stock, LOCATIONS, FEWEST, POTSDAM)
    assert allocation.parcels == {"paris": {"A": 5, "B": 2}}


def test_nearest_breaks_ties_of_equally_few_parcels() -> None:
    stock = {"berlin": {"A": 5}, "munich": {"A": 9}, "paris": {"A": 9}}
    allocation = allocate([Demand("A", 5)], stock, LOCATIONS, FEWEST, GeoPoint("DE", 48.0, 11.0))
    assert allocation.parcels == {"munich": {"A": 5}}


def test_line_stays_whole_if_one_chosen_location_can_serve_it() -> None:
    stock = {"berlin": {"A": 1, "B": 5}, "munich": {"A": 5}}
    allocation = allocate([Demand("A", 5), Demand("B", 5)], stock, LOCATIONS, FEWEST, POTSDAM)
    assert allocation.parcels == {"munich": {"A": 5}, "berlin": {"B": 5}}


def test_highest_stock_is_decided_per_line() -> None:
    stock = {"berlin": {"A": 4, "B": 9}, "munich": {"A": 7, "B": 2}}
    allocation = allocate([Demand("A", 2), Demand("B", 2)], stock, LOCATIONS, HIGHEST, POTSDAM)
    assert allocation.parcels == {"munich": {"A": 2}, "berlin": {"B": 2}}


def test_location_of_higher_priority_serves_first() -> None:
    stock = {"berlin": {"A": 9}, "munich": {"A": 1}}
    allocation = allocate([Demand("A", 3)], stock, LOCATIONS, PRIORITY, POTSDAM)
    assert allocation.parcels == {"munich": {"A": 1}, "berlin": {"A": 2}}


def test_policy_without_line_splitting_serves_whole_lines_only() -> None:
    stock = {"berlin": {"A": 3}, "munich": {"A": 4}, "paris": {"A": 5}}
    whole_lines = policy(LocationPreference.NEAREST, splits_lines=False)
    allocation = allocate([Demand("A", 4)], stock, LOCATIONS, whole_lines, POTSDAM)
    assert allocation.parcels == {"munich": {"A": 4}}
    allocation = allocate([Demand("A", 6)], stock, LOCATIONS, whole_lines, POTSDAM)
    assert (allocation.parcels, allocation.short) == ({}, (Shortage("A", 6, 0),))


def test_max_parcels_limits_the_locations_and_reports_the_rest_as_short() -> None:
    stock = {"berlin": {"A": 3}, "munich": {"A": 3}, "paris": {"A": 3}}
    allocation = allocate(
        [Demand("A", 9)],
        stock,
        LOCATIONS,
        policy(LocationPreference.NEAREST, max_parcels=2),
        POTSDAM,
    )
    assert allocation.parcels == {"berlin": {"A": 3}, "munich": {"A": 3}}
    assert allocation.short == (Shortage("A", 9, 6),)


def test_location_serves_only_countries_that_it_ships_to() -> None:
    locations = (
        Location("closed", BERLIN, ships=False),
        Location("export", BERLIN, ships_to=frozenset({"FR"})),
        Location("home", PARIS),
    )
    stock = {location.name: {"A": 9} for location in locations}
    allocation = allocate([Demand("A", 1)], stock, locations, NEAREST, POTSDAM)
    assert allocation.parcels == {"home": {"A": 1}}


def test_location_in_the_same_country_is_nearest_without_coordinates() -> None:
    locations = (Location("a", GeoPoint("FR")), Location("b", GeoPoint("DE")))
    stock = {"a": {"A": 9}, "b": {"A": 9}}
    assert allocate([Demand("A", 1)], stock, locations, NEAREST, GeoPoint("DE")).parcels == {
        "b": {"A": 1}
    }


def test_distance_is_measured_along_the_great_circle() -> None:
    assert BERLIN.distance(MUNICH) == pytest.approx(504, abs=3)
    assert BERLIN.distance(GeoPoint("DE")) == 0.0


@pytest.mark.parametrize(
    ("build", "code"),
    [
        (lambda: AllocationPolicy(()), "missing"),
        (lambda: policy(LocationPreference.NEAREST, LocationPreference.NEAREST), "duplicate"),
        (lambda: policy(LocationPreference.NEAREST, max_parcels=0), "out_of_range"),
        (lambda: GeoPoint("DE", 91.0, 0.0), "out_of_range"),
        (lambda: GeoPoint("DE", 0.0, 181.0), "out_of_range"),
    ],
)
def test_invalid_policies_and_coordinates_are_rejected(
    build: Callable[[], object], code: str
) -> None:
    with pytest.raises(InvalidRequest) as raised:
        build()
    assert raised.value.code == code


names = [f"location-{n}" for n in range(5)]
stock_by_location = st.dictionaries(
    st.sampled_from(names), st.dictionaries(st.sampled_from("ABC"), st.integers(-1, 6))
)
demand_lists = st.lists(st.builds(Demand, st.sampled_from("ABC"), st.integers(1, 6)), max_size=5)
policies = st.builds(
    AllocationPolicy,
    st.lists(st.sampled_from(list(LocationPreference)), min_size=1, unique=True).map(tuple),
    st.booleans(),
    st.none() | st.integers(1, 5),
)


@pytest.mark.slow
@given(demand_lists, stock_by_location, policies)
@settings(max_examples=400)
def test_allocation_never_exceeds_demand_or_stock_and_reports_the_rest(
    demands: list[Demand], stock: dict[str, dict[str, int]], allocation_policy: AllocationPolicy
) -> None:
    locations = [Location(name, GeoPoint("DE"), n) for n, name in enumerate(names)]
    allocation = allocate(demands, stock, locations, allocation_policy, GeoPoint("DE"))
    short = {one.sku: one for one in allocation.short}
    for sku in "ABC":
        requested = sum(d.quantity for d in demands if d.sku == sku)
        served = sum(parcel.get(sku, 0) for parcel in allocation.parcels.values())
        available = sum(max(0, units.get(sku, 0)) for units in stock.values())
        assert served <= min(requested, available)
        if sku in short:
            assert (short[sku].requested, short[sku].available) == (requested, served)
            assert served < requested
        else:
            assert served == requested
        if allocation_policy.splits_lines and allocation_policy.max_parcels is None:
            assert served == min(requested, available)
    for name, parcel in allocation.parcels.items():
        assert all(0 < units <= stock[name][sku] for sku, units in parcel.items())
    assert len(allocation.parcels) <= (allocation_policy.max_parcels or len(names))


@pytest.mark.slow
@given(demand_lists, stock_by_location)
@settings(max_examples=300)
def test_no_smaller_combination_of_locations_serves_the_whole_order(
    demands: list[Demand], stock: dict[str, dict[str, int]]
) -> None:
    locations = [Location(name, GeoPoint("DE")) for name in names]
    allocation = allocate(demands, stock, locations, FEWEST, GeoPoint("DE"))
    if allocation.short:
        return
    requested: dict[str, int] = {}
    for demand in demands:
        requested[demand.sku] = requested.get(demand.sku, 0) + demand.quantity
    for size in range(len(allocation.parcels)):
        for combination in combinations(names, size):
            assert any(
                sum(max(0, stock.get(name, {}).get(sku, 0)) for name in combination) < units
                for sku, units in requested.items()
            )


def test_many_locations_are_searched_greedily() -> None:
    many_locations = [
        Location(f"{n:02}", GeoPoint("DE")) for n in range(MAX_LOCATIONS_FOR_EXHAUSTIVE_SEARCH + 5)
    ]
    stock = {location.name: {"A": 1} for location in many_locations} | {
        "07": {"A": 6},
        "11": {"A": 3},
    }
    allocation = allocate([Demand("A", 9)], stock, many_locations, FEWEST, GeoPoint("DE"))
    assert allocation.parcels == {"07": {"A": 6}, "11": {"A": 3}}
