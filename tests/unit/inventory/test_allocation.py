"""Where the pieces of an order come from."""

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
SHOPS = (Location("berlin", BERLIN, 2), Location("munich", MUNICH, 1), Location("paris", PARIS, 3))


def policy(
    *preferences: LocationPreference, splits: bool = True, most: int | None = None
) -> AllocationPolicy:
    return AllocationPolicy(preferences, splits_lines=splits, max_parcels=most)


NEAREST = policy(LocationPreference.NEAREST)
FEWEST = policy(LocationPreference.FEWEST_PARCELS, LocationPreference.NEAREST)
HIGHEST = policy(LocationPreference.HIGHEST_STOCK)
PRIORITY = policy(LocationPreference.PRIORITY)


def test_needing_five_with_three_and_ten_in_stock_allocates_five() -> None:
    stocked = {"berlin": {"A": 3}, "munich": {"A": 10}}
    for rule in (NEAREST, FEWEST, HIGHEST, PRIORITY):
        done = allocate([Demand("A", 5)], stocked, SHOPS, rule, POTSDAM)
        assert sum(parcel.get("A", 0) for parcel in done.parcels.values()) == 5
        assert done.short == ()


def test_the_nearest_gives_what_it_has_and_the_next_the_rest() -> None:
    stocked = {"berlin": {"A": 3}, "munich": {"A": 10}, "paris": {"A": 10}}
    done = allocate([Demand("A", 5)], stocked, SHOPS, NEAREST, POTSDAM)
    assert done.parcels == {"berlin": {"A": 3}, "munich": {"A": 2}}


def test_the_fewest_parcels_win_over_the_nearest() -> None:
    stocked = {"berlin": {"A": 3, "B": 1}, "munich": {"A": 1}, "paris": {"A": 9, "B": 9}}
    done = allocate([Demand("A", 5), Demand("B", 2)], stocked, SHOPS, FEWEST, POTSDAM)
    assert done.parcels == {"paris": {"A": 5, "B": 2}}


def test_among_equally_few_parcels_the_nearer_serves() -> None:
    stocked = {"berlin": {"A": 5}, "munich": {"A": 9}, "paris": {"A": 9}}
    done = allocate([Demand("A", 5)], stocked, SHOPS, FEWEST, GeoPoint("DE", 48.0, 11.0))
    assert done.parcels == {"munich": {"A": 5}}


def test_a_line_that_one_of_the_chosen_can_serve_is_not_cut() -> None:
    stocked = {"berlin": {"A": 1, "B": 5}, "munich": {"A": 5}}
    done = allocate([Demand("A", 5), Demand("B", 5)], stocked, SHOPS, FEWEST, POTSDAM)
    assert done.parcels == {"munich": {"A": 5}, "berlin": {"B": 5}}


def test_the_highest_stock_serves_line_by_line() -> None:
    stocked = {"berlin": {"A": 4, "B": 9}, "munich": {"A": 7, "B": 2}}
    done = allocate([Demand("A", 2), Demand("B", 2)], stocked, SHOPS, HIGHEST, POTSDAM)
    assert done.parcels == {"munich": {"A": 2}, "berlin": {"B": 2}}


def test_the_first_choice_serves_before_the_second() -> None:
    stocked = {"berlin": {"A": 9}, "munich": {"A": 1}}
    done = allocate([Demand("A", 3)], stocked, SHOPS, PRIORITY, POTSDAM)
    assert done.parcels == {"munich": {"A": 1}, "berlin": {"A": 2}}


def test_a_line_is_left_whole_where_the_policy_says_so() -> None:
    stocked = {"berlin": {"A": 3}, "munich": {"A": 4}, "paris": {"A": 5}}
    whole = policy(LocationPreference.NEAREST, splits=False)
    done = allocate([Demand("A", 4)], stocked, SHOPS, whole, POTSDAM)
    assert done.parcels == {"munich": {"A": 4}}
    done = allocate([Demand("A", 6)], stocked, SHOPS, whole, POTSDAM)
    assert (done.parcels, done.short) == ({}, (Shortage("A", 6, 0),))


def test_an_order_is_not_cut_into_more_parcels_than_allowed() -> None:
    stocked = {"berlin": {"A": 3}, "munich": {"A": 3}, "paris": {"A": 3}}
    done = allocate(
        [Demand("A", 9)], stocked, SHOPS, policy(LocationPreference.NEAREST, most=2), POTSDAM
    )
    assert done.parcels == {"berlin": {"A": 3}, "munich": {"A": 3}}
    assert done.short == (Shortage("A", 9, 6),)


def test_a_location_serves_only_where_it_ships_to() -> None:
    here = (
        Location("closed", BERLIN, ships=False),
        Location("export", BERLIN, ships_to=frozenset({"FR"})),
        Location("home", PARIS),
    )
    stocked = {place.name: {"A": 9} for place in here}
    done = allocate([Demand("A", 1)], stocked, here, NEAREST, POTSDAM)
    assert done.parcels == {"home": {"A": 1}}


def test_without_coordinates_the_own_country_is_near() -> None:
    here = (Location("a", GeoPoint("FR")), Location("b", GeoPoint("DE")))
    stocked = {"a": {"A": 9}, "b": {"A": 9}}
    assert allocate([Demand("A", 1)], stocked, here, NEAREST, GeoPoint("DE")).parcels == {
        "b": {"A": 1}
    }


def test_distances_are_great_circles() -> None:
    assert BERLIN.distance(MUNICH) == pytest.approx(504, abs=3)
    assert BERLIN.distance(GeoPoint("DE")) == 0.0


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: AllocationPolicy(()),
        lambda: policy(LocationPreference.NEAREST, LocationPreference.NEAREST),
        lambda: policy(LocationPreference.NEAREST, most=0),
        lambda: GeoPoint("DE", 91.0, 0.0),
        lambda: GeoPoint("DE", 0.0, 181.0),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(wrong: object) -> None:
    with pytest.raises(InvalidRequest):
        wrong()  # type: ignore[operator]


names = [f"place-{n}" for n in range(5)]
stocks = st.dictionaries(
    st.sampled_from(names), st.dictionaries(st.sampled_from("ABC"), st.integers(-1, 6))
)
wishes = st.lists(st.builds(Demand, st.sampled_from("ABC"), st.integers(1, 6)), max_size=5)
rules = st.builds(
    AllocationPolicy,
    st.lists(st.sampled_from(list(LocationPreference)), min_size=1, unique=True).map(tuple),
    st.booleans(),
    st.none() | st.integers(1, 5),
)


@pytest.mark.slow
@given(wishes, stocks, rules)
@settings(max_examples=400)
def test_never_more_than_asked_never_more_than_there_is_and_nothing_lost(
    wanted: list[Demand], stocked: dict[str, dict[str, int]], rule: AllocationPolicy
) -> None:
    locations = [Location(name, GeoPoint("DE"), n) for n, name in enumerate(names)]
    done = allocate(wanted, stocked, locations, rule, GeoPoint("DE"))
    short = {one.sku: one for one in done.short}
    for sku in "ABC":
        asked = sum(d.quantity for d in wanted if d.sku == sku)
        served = sum(parcel.get(sku, 0) for parcel in done.parcels.values())
        there = sum(max(0, units.get(sku, 0)) for units in stocked.values())
        assert served <= min(asked, there)
        if sku in short:
            assert (short[sku].wanted, short[sku].available) == (asked, served)
            assert served < asked
        else:
            assert served == asked
        if rule.splits_lines and rule.max_parcels is None:
            assert served == min(asked, there)
    for name, parcel in done.parcels.items():
        assert all(0 < units <= stocked[name][sku] for sku, units in parcel.items())
    assert len(done.parcels) <= (rule.max_parcels or len(names))


@pytest.mark.slow
@given(wishes, stocks)
@settings(max_examples=300)
def test_no_smaller_choice_of_locations_would_have_served_everything(
    wanted: list[Demand], stocked: dict[str, dict[str, int]]
) -> None:
    locations = [Location(name, GeoPoint("DE")) for name in names]
    done = allocate(wanted, stocked, locations, FEWEST, GeoPoint("DE"))
    if done.short:
        return
    asked: dict[str, int] = {}
    for demand in wanted:
        asked[demand.sku] = asked.get(demand.sku, 0) + demand.quantity
    for size in range(len(done.parcels)):
        for some in combinations(names, size):
            assert any(
                sum(max(0, stocked.get(name, {}).get(sku, 0)) for name in some) < units
                for sku, units in asked.items()
            )


def test_many_locations_are_tried_step_by_step() -> None:
    many = [
        Location(f"{n:02}", GeoPoint("DE")) for n in range(MAX_LOCATIONS_FOR_EXHAUSTIVE_SEARCH + 5)
    ]
    stocked = {place.name: {"A": 1} for place in many} | {"07": {"A": 6}, "11": {"A": 3}}
    done = allocate([Demand("A", 9)], stocked, many, FEWEST, GeoPoint("DE"))
    assert done.parcels == {"07": {"A": 6}, "11": {"A": 3}}
