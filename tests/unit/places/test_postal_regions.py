"""Regions that a postal code fixes, and addresses whose region contradicts it."""

import csv
import io
import lzma
from collections import Counter
from pathlib import Path

import pytest

from shop.places.model.countries import (
    COUNTRIES,
    POSTAL_REGION_COUNTRIES,
    US_REGIONS,
    Unmatched,
    find_region,
    is_region,
)
from shop.places.model.destination import StatedPlace
from shop.places.model.postal_regions import _TABLES, regions_of_postal_code
from shop.places.model.zones import Distance, Zone, problems_of_distances, problems_of_zones

POSTCODES = Path(__file__).parents[4] / "shared" / "data" / "geo" / "postcodes.csv.xz"
US_RULES = frozenset({"CA", "NY", "TX"})
SEPARATE_CODES = {"AS", "GU", "MP", "PR", "VI"}
"""Territories that GeoNames lists as countries."""


def problem(
    country: str, region: str | None, postal_code: str | None, *rules: str
) -> tuple[str, str] | None:
    found = StatedPlace(country, region, postal_code=postal_code).problem(rules)
    return None if found is None else (found.code, found.path or "")


@pytest.mark.parametrize(
    ("country", "postal_code", "region"),
    [
        ("US", "90291", "CA"),
        ("US", "94110", "CA"),
        ("US", "94110-1234", "CA"),
        ("US", "941101234", "CA"),
        ("US", "US-94110", "CA"),
        ("US", "９４１１０", "CA"),
        ("US", "00501", "NY"),
        ("US", "06390", "NY"),
        ("US", "06320", "CT"),
        ("US", "20001", "DC"),
        ("US", "20101", "VA"),
        ("US", "20588", "MD"),
        ("US", "73301", "TX"),
        ("US", "73960", "TX"),
        ("US", "73939", "OK"),
        ("US", "83414", "WY"),
        ("US", "88510", "TX"),
        ("US", "00901", "PR"),
        ("US", "00801", "VI"),
        ("US", "96910", "GU"),
        ("US", "96950", "MP"),
        ("US", "96799", "AS"),
        ("US", "96701", "HI"),
        ("US", "09012", "AE"),
        ("US", "34004", "AA"),
        ("US", "96349", "AP"),
        ("CA", "V5K 0A1", "BC"),
        ("CA", "m5v3l9", "ON"),
        ("CA", "CA-H2Y 1C6", "QC"),
        ("CA", "X0A 0H0", "NU"),
        ("CA", "X1A 2N1", "NT"),
        ("AU", "2000", "NSW"),
        ("AU", "2600", "ACT"),
        ("AU", "2611", "ACT"),
        ("AU", "0800", "NT"),
        ("AU", "3000", "VIC"),
        ("AU", "2617", "ACT"),
        ("ES", "35001", "GC"),
        ("ES", "38.001", "TF"),
        ("ES", "28001", "M"),
        ("CN", "830000", "XJ"),
        ("CN", "850000", "XZ"),
        ("GB", "BT1 5GS", "NIR"),
        ("PT", "9000-001", "30"),
        ("PT", "PT-9500-001", "20"),
        ("FI", "22100", "01"),
        ("FR", "97150", "MF"),
        ("FR", "97110", "971"),
    ],
)
def test_missing_region_follows_from_an_unambiguous_postal_code(
    country: str, postal_code: str, region: str
) -> None:
    assert find_region(country, None, postal_code=postal_code) == region
    assert find_region(country, " ", postal_code=postal_code) == region
    destination = StatedPlace(country, None, postal_code=postal_code).destination
    assert destination is not None
    assert destination.region == region


@pytest.mark.parametrize(
    ("country", "postal_code"),
    [
        ("US", "09905"),
        ("US", "00001"),
        ("US", "88700"),
        ("US", "9029"),
        ("US", "902911"),
        ("US", "SW1A 1AA"),
        ("US", ""),
        ("US", None),
        ("CA", "X5A 1A1"),
        ("CA", "K1A 0B1"),
        ("CA", "D1A 1A1"),
        ("AU", "0872"),
        ("AU", "2618"),
        ("AU", "800"),
        ("ES", "3501"),
        ("ES", "53001"),
        ("FR", "75001"),
        ("GB", "SW1A 1AA"),
        ("PT", "1000-001"),
        ("CN", "510000"),
        ("DE", "10115"),
        ("BR", "01310-100"),
    ],
)
def test_ambiguous_or_unknown_postal_code_gives_no_region(
    country: str, postal_code: str | None
) -> None:
    assert find_region(country, None, postal_code=postal_code) is Unmatched.MISSING


def test_military_city_needs_a_military_zip_code() -> None:
    assert find_region("US", None, locality="FPO", postal_code="10001") is Unmatched.MISSING
    assert find_region("US", "NY", locality="APO", postal_code="09012") == "AE"


@pytest.mark.parametrize(
    ("region", "postal_code"),
    [
        ("OR", "90291"),
        ("Oregon", "90291"),
        ("us-or", "90291-1234"),
        ("NV", "94110"),
        ("DE", "19019"),
        ("MT", "83414"),
        ("NH", "02108"),
        ("AK", "98101"),
        ("CT", "06390"),
        ("NY", "06320"),
        ("AS", "96701"),
        ("HI", "96799"),
        ("GU", "96950"),
        ("AE", "10001"),
        ("AE", "96349"),
        ("NY", "09012"),
        ("PR", "33101"),
        ("FL", "00901"),
        ("GU", "96941"),
    ],
)
def test_state_that_contradicts_the_zip_code_is_a_problem(region: str, postal_code: str) -> None:
    place = StatedPlace("US", region, postal_code=postal_code)
    assert problem("US", region, postal_code, *US_RULES) == (
        "region_contradicts_postal_code",
        "address_region",
    )
    destination = place.destination
    assert destination is not None
    assert destination.region is None, "neither of the two counts"
    assert place.with_codes().region == region, "as the buyer typed it"


def test_text_names_both_places_and_the_remedy() -> None:
    found = StatedPlace("US", "Oregon", postal_code="90291").problem(US_RULES)
    assert found is not None
    assert found.detail == "Postal code 90291 is in US-CA, not in US-OR. Correct one of them."
    outside = StatedPlace("GB", "Northern Ireland", postal_code="SW1A 1AA").problem({"NIR"})
    assert outside is not None
    assert outside.detail == "Postal code SW1A 1AA is not in GB-NIR. Correct one of them."


@pytest.mark.parametrize(
    ("country", "region", "postal_code", "rules", "expected"),
    [
        pytest.param("US", "CA", "90291", ("CA",), None, id="state and ZIP code agree"),
        pytest.param("US", "NJ", "09905", ("CA",), None, id="first state of a shared prefix"),
        pytest.param("US", "AE", "09905", ("CA",), None, id="second state of a shared prefix"),
        pytest.param("US", "CA", None, ("CA",), None, id="no ZIP code"),
        pytest.param("US", None, "90291", ("CA",), None, id="state from the ZIP code"),
        pytest.param("US", None, "00001", ("CA",), "missing", id="no state and an unknown code"),
        pytest.param("US", "Texsas", "78701", ("CA",), "region_unknown", id="text is not guessed"),
        pytest.param("US", "OR", "00001", ("CA",), "postal_code_unknown", id="unassigned prefix"),
        pytest.param("US", "OR", "9029", ("CA",), "postal_code_unknown", id="four digits"),
        pytest.param("US", "OR", "M5V 3L9", ("CA",), "postal_code_unknown", id="of Canada"),
        pytest.param("CA", "AB", "M5V 3L9", ("ON",), "region_contradicts_postal_code", id="CA"),
        pytest.param("CA", "AB", "M5V 3L9", (), None, id="without rates nothing depends on it"),
        pytest.param("CA", "QC", "K1A 0B1", ("ON",), None, id="federal offices in Gatineau"),
        pytest.param("CA", "AB", "90291", ("ON",), "postal_code_unknown", id="a ZIP code in CA"),
        pytest.param("AU", "QLD", "2000", ("NSW",), "region_contradicts_postal_code", id="AU"),
        pytest.param("AU", "VIC", "3644", ("NSW",), None, id="AU border, first state"),
        pytest.param("AU", "NSW", "3644", ("NSW",), None, id="AU border, second state"),
        pytest.param("ES", "TF", "28001", ("TF",), "region_contradicts_postal_code", id="ES"),
        pytest.param("ES", "M", "35001", ("TF",), "region_contradicts_postal_code", id="islands"),
        pytest.param("ES", "MD", "28001", ("TF",), None, id="larger region"),
        pytest.param("ES", "CN", "38001", ("TF",), None, id="postal code is more precise"),
        pytest.param("ES", None, "28001", ("TF",), None, id="mainland without a region"),
        pytest.param("CN", "GD", "830000", ("XJ",), "region_contradicts_postal_code", id="CN"),
        pytest.param("CN", "XJ", "510000", ("XJ",), "region_contradicts_postal_code", id="not XJ"),
        pytest.param("CN", "GD", "510000", ("XJ",), None, id="a province without a table"),
        pytest.param("CN", None, "510000", ("XJ",), "missing", id="province required in China"),
        pytest.param("GB", "ENG", "BT1 5GS", ("NIR",), "region_contradicts_postal_code", id="GB"),
        pytest.param("GB", "NIR", "G1 1AA", ("NIR",), "region_contradicts_postal_code", id="SCT"),
        pytest.param("GB", "BFS", "BT1 5GS", ("NIR",), None, id="a part of Northern Ireland"),
        pytest.param("GB", None, "G1 1AA", ("NIR",), None, id="not in the region with rules"),
        pytest.param("GB", None, "G1 1AA", ("SCT",), "missing", id="perhaps in it"),
        pytest.param("PT", "11", "9000-001", ("30",), "region_contradicts_postal_code", id="PT"),
        pytest.param("PT", None, "1000-001", ("20", "30"), None, id="mainland of Portugal"),
        pytest.param("FR", "974", "75001", ("974",), "region_contradicts_postal_code", id="FR"),
        pytest.param("FR", "974", "97400", ("974",), None, id="Réunion"),
        pytest.param("FI", "18", "22100", ("01",), "region_contradicts_postal_code", id="FI"),
        pytest.param("DE", "HH", "80331", ("HH",), None, id="no table of Germany"),
    ],
)
def test_region_and_postal_code_agree_where_rules_depend_on_the_region(
    country: str,
    region: str | None,
    postal_code: str | None,
    rules: tuple[str, ...],
    expected: str | None,
) -> None:
    found = problem(country, region, postal_code, *rules)
    assert (found and found[0]) == expected


def test_hint_may_have_a_part_of_a_postal_code() -> None:
    part = StatedPlace("US", "CA", postal_code="902", is_hint=True)
    assert part.problem({"CA"}) is None
    wrong = StatedPlace("US", "OR", postal_code="90291", is_hint=True).problem({"CA"})
    assert wrong is not None
    assert wrong.code == "region_contradicts_postal_code"


def test_derived_region_is_written_to_addresses_that_need_one() -> None:
    assert StatedPlace("US", None, postal_code="90291").with_codes().region == "CA"
    assert StatedPlace("ES", None, postal_code="35001").with_codes().region is None


@pytest.mark.parametrize("country", sorted(POSTAL_REGION_COUNTRIES))
def test_table_has_regions_of_its_country_only(country: str) -> None:
    others = {"FM", "MH", "PW"}  # the US postal service delivers to these countries
    entries = _TABLES[country].replace("\n", "").split("|")
    regions = {region for entry in entries for region in entry.split(" ")[1].split("/")}
    assert all(is_region(country, region) or region in others & COUNTRIES for region in regions)
    assert set(_TABLES) == POSTAL_REGION_COUNTRIES


def test_every_state_has_zip_codes() -> None:
    entries = _TABLES["US"].replace("\n", "").split("|")
    found = {region for entry in entries for region in entry.split(" ")[1].split("/")}
    assert found >= US_REGIONS


@pytest.mark.slow
@pytest.mark.skipif(not POSTCODES.exists(), reason="the postal codes of GeoNames are not here")
@pytest.mark.parametrize("country", ["US", "CA", "AU", "ES"])
def test_table_agrees_with_each_postal_code_of_a_second_source(country: str) -> None:
    text = lzma.decompress(POSTCODES.read_bytes()).decode()
    wrong: Counter[str] = Counter()
    count = 0
    for row in csv.DictReader(io.StringIO(text, newline="")):
        region, code = row["admin1"], row["postcode"]
        if country == "US" and row["country"] in SEPARATE_CODES:
            region = row["country"]
        elif row["country"] != country or not region:
            continue
        count += 1
        found = regions_of_postal_code(country, code)
        if found is None or not found.contains(region):
            wrong[f"{code} {region}"] += 1
    assert not wrong
    assert count > 1_600


def test_zone_with_postal_prefixes_outside_its_regions_is_rejected() -> None:
    oregon = frozenset({"OR"})
    us = frozenset({"US"})
    (found,) = problems_of_zones((Zone("a", us, regions=oregon, postal_prefixes=("97", "902")),))
    assert (found.code, found.path) == (
        "region_contradicts_postal_code",
        "$.zones[0].postal_prefixes[1]",
    )
    (found,) = problems_of_distances(
        (Distance(5, frozenset({"ES"}), frozenset({"TF"}), ("38", "28")),)
    )
    assert found.path == "$.distances[0].postal_prefixes[1]"
    for regions, prefix in ((oregon, "9"), (frozenset({"CA", "OR"}), "902"), (None, "902")):
        assert not problems_of_zones((Zone("a", us, regions=regions, postal_prefixes=(prefix,)),))
    spain = Zone("b", frozenset({"ES"}), regions=frozenset({"CN"}), postal_prefixes=("35", "38"))
    assert not problems_of_zones((spain,))
