"""Zones and distances."""

from typing import Any

import pytest

from shop.places.model.destination import Destination
from shop.places.model.zones import (
    Distance,
    Zone,
    distance_to,
    normalize_postal_code,
    problems_of_distances,
    problems_of_zones,
)

US = frozenset({"US"})
OHIO, HAWAII = Destination("US", "OH", "43004"), Destination("US", "HI", "96801")


def zone(**fields: Any) -> Zone:
    return Zone(**{"id": "z", "countries": US, **fields})


@pytest.mark.parametrize(
    ("area", "destination", "expected"),
    [
        pytest.param(zone(), OHIO, True, id="country"),
        pytest.param(zone(), Destination("CA"), False, id="other country"),
        pytest.param(zone(countries=frozenset(), is_fallback=True), OHIO, True, id="fallback"),
        pytest.param(zone(regions=frozenset({"OH"})), OHIO, True, id="region"),
        pytest.param(zone(regions=frozenset({"OH"})), HAWAII, False, id="other region"),
        pytest.param(zone(regions=frozenset({"OH"})), Destination("US"), False, id="no region"),
        pytest.param(zone(excluded_regions=frozenset({"HI"})), HAWAII, False, id="excluded"),
        pytest.param(zone(postal_prefixes=("430",)), OHIO, True, id="prefix"),
        pytest.param(zone(postal_prefixes=("4 3",)), OHIO, True, id="prefix with a blank"),
        pytest.param(zone(postal_prefixes=("430",)), Destination("US"), False, id="no code"),
        pytest.param(zone(excluded_postal_prefixes=("430",)), OHIO, False, id="excluded prefix"),
        pytest.param(
            zone(excluded_postal_prefixes=("430",)), Destination("US"), True, id="code unknown"
        ),
    ],
)
def test_zone_contains_the_destinations_that_it_names(
    area: Zone, destination: Destination, expected: bool
) -> None:
    assert area.contains(destination) is expected


@pytest.mark.parametrize(
    ("one", "other", "countries"),
    [
        ({}, {}, {"US"}),
        ({"countries": frozenset({"CA"})}, {}, set()),
        ({"regions": frozenset({"OH"})}, {}, {"US"}),
        ({"regions": frozenset({"OH"})}, {"regions": frozenset({"HI"})}, set()),
        ({"regions": frozenset({"HI"})}, {"excluded_regions": frozenset({"HI"})}, set()),
        ({"postal_prefixes": ("43",)}, {"postal_prefixes": ("430",)}, {"US"}),
        ({"postal_prefixes": ("43",)}, {"postal_prefixes": ("44",)}, set()),
        ({"postal_prefixes": ("430",)}, {"excluded_postal_prefixes": ("43",)}, set()),
        ({"postal_prefixes": ("43",)}, {"excluded_postal_prefixes": ("430",)}, {"US"}),
    ],
    ids=str,
)
def test_zones_overlap_where_a_destination_may_be_in_both(
    one: dict[str, Any], other: dict[str, Any], countries: set[str]
) -> None:
    assert zone(**one).overlap(zone(**other)) == countries
    assert zone(**other).overlap(zone(**one)) == countries


def test_most_precise_distance_applies() -> None:
    distances = [
        Distance(9_000, is_fallback=True),
        Distance(4_000, US),
        Distance(6_000, US, frozenset({"HI"})),
        Distance(6_200, US, postal_prefixes=("968",)),
        Distance(6_300, US, postal_prefixes=("9680",)),
    ]

    assert distance_to(Destination("DE"), distances) == 9_000
    assert distance_to(OHIO, distances) == 4_000
    assert distance_to(Destination("US", "HI"), distances) == 6_000
    assert distance_to(Destination("US", "HI", "96899"), distances) == 6_200
    assert distance_to(HAWAII, distances) == 6_300
    assert distance_to(OHIO, []) is None


@pytest.mark.parametrize(
    ("zones", "code", "path"),
    [
        ((zone(countries=frozenset({"XX"})),), "country_unknown", "$.zones[0].countries"),
        ((zone(countries=frozenset()),), "missing", "$.zones[0].countries"),
        ((zone(is_fallback=True),), "value_contradiction", "$.zones[0].is_fallback"),
        ((zone(regions=frozenset()),), "zone_empty", "$.zones[0].regions"),
        ((zone(regions=frozenset({"ZZ"})),), "region_unknown", "$.zones[0].regions"),
        (
            (zone(countries=US | {"CA"}, excluded_regions=frozenset({"AK"})),),
            "regions_ambiguous",
            "$.zones[0].excluded_regions",
        ),
        ((zone(postal_prefixes=("1?",)),), "prefix_invalid", "$.zones[0].postal_prefixes[0]"),
        (
            (zone(excluded_postal_prefixes=("1", "")),),
            "prefix_invalid",
            "$.zones[0].excluded_postal_prefixes[1]",
        ),
        ((zone(), zone(id="other")), "zones_overlap", "$.zones[1]"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_invalid_zones_are_reported_with_their_path(
    zones: tuple[Zone, ...], code: str, path: str
) -> None:
    assert (code, path) in [(problem.code, problem.path) for problem in problems_of_zones(zones)]


@pytest.mark.parametrize(
    ("distances", "code", "path"),
    [
        ((Distance(-1, US),), "measure_invalid", "$.distances[0].km"),
        ((Distance(21_001, US),), "measure_invalid", "$.distances[0].km"),
        ((Distance(1),), "missing", "$.distances[0].countries"),
        ((Distance(1, US), Distance(2, US)), "distances_contradict", "$.distances[1]"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_invalid_distances_are_reported_with_their_path(
    distances: tuple[Distance, ...], code: str, path: str
) -> None:
    problems = problems_of_distances(distances)
    assert [(problem.code, problem.path) for problem in problems] == [(code, path)]


ANDALUSIA, CANARIES = frozenset({"AN"}), frozenset({"CN"})
TENERIFE = Destination("ES", "TF")
SPAIN = frozenset({"ES"})


def test_zone_of_a_region_contains_the_regions_within_it() -> None:
    assert zone(countries=SPAIN, regions=CANARIES).contains(TENERIFE)
    assert not zone(countries=SPAIN, regions=ANDALUSIA).contains(TENERIFE)
    assert not zone(countries=SPAIN, excluded_regions=CANARIES).contains(TENERIFE)


def test_distance_of_the_smaller_region_precedes_the_one_around_it() -> None:
    canaries = Distance(3_000, SPAIN, regions=CANARIES)
    tenerife = Distance(3_200, SPAIN, regions=frozenset({"TF"}))
    spain = Distance(1_800, SPAIN)
    for order in ([spain, canaries, tenerife], [tenerife, canaries, spain]):
        assert distance_to(TENERIFE, order) == 3_200
        assert distance_to(Destination("ES", "GC"), order) == 3_000
        assert distance_to(Destination("ES", "M"), order) == 1_800


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ({"regions": CANARIES}, {"regions": {"TF"}}, SPAIN),
        ({"regions": {"TF"}}, {"regions": CANARIES}, SPAIN),
        ({"regions": {"TF"}}, {"regions": {"GC"}}, set()),
        ({"regions": {"TF"}}, {"excluded_regions": CANARIES}, set()),
        ({"regions": CANARIES}, {"excluded_regions": {"TF"}}, SPAIN),
    ],
)
def test_zones_of_a_region_and_of_its_part_overlap(
    one: dict[str, Any], other: dict[str, Any], expected: set[str]
) -> None:
    first, second = (
        zone(countries=SPAIN, **{name: frozenset(codes) for name, codes in each.items()})
        for each in (one, other)
    )
    assert first.overlap(second) == second.overlap(first) == expected


@pytest.mark.parametrize(
    ("country", "typed", "prefix", "is_in"),
    [
        ("DE", "10115", "10", True),
        ("DE", "D-10115", "10", True),
        ("DE", "DE 10115", "10", True),
        ("DE", "DE10115", "10", True),
        ("DE", "１０１１５", "10", True),
        ("DE", "10.115", "10", True),
        ("DE", "D-20115", "10", False),
        ("DE", "", "10", False),
        ("DE", "D-", "10", False),
        ("LV", "LV-1010", "LV-10", True),
        ("LV", "LV-1010", "10", True),
        ("US", "US-99501", "995", True),
        ("US", "AK 99501-1234", "995", True),
        ("GB", "SW1A 1AA", "SW1", True),
        ("GB", "B1 1AA", "1", False),
        ("IE", "D02 X285", "02", False),
        ("AR", "C1425", "14", False),
        ("JP", "100-0001", "1000", True),
    ],
)
def test_postal_code_is_read_with_and_without_the_sign_of_its_country(
    country: str, typed: str, prefix: str, is_in: bool
) -> None:
    place, countries = Destination(country, None, typed), frozenset({country})
    assert Zone("z", countries, postal_prefixes=(prefix,)).contains(place) is is_in
    assert Zone("z", countries, excluded_postal_prefixes=(prefix,)).contains(place) is not is_in
    distance = Distance(1, countries, postal_prefixes=(prefix,))
    assert (distance.precision(place) is not None) is is_in


@pytest.mark.parametrize(
    "typed",
    [
        "100-0001",
        "１００－０００１",
        "100‐0001",
        "100−0001",
        " 100-0001 ",
        "100\u200b-0001",
        "100 - 0001",
    ],
)
def test_postal_code_is_compared_in_one_spelling(typed: str) -> None:
    assert normalize_postal_code(typed) == "100-0001"
