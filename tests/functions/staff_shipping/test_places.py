"""Places in the tables of staff: names become codes, and other texts are rejected with their path.

The tables are the shipping table, the tax rates of a country and the locations of stock.
"""

from typing import Any

import pytest

from functions.staff_shipping import get_shipping_table, set_shipping_table
from functions.staff_sourcing import set_location
from functions.staff_tax import get_tax_rates, set_tax_rates
from tests.functions.staff_shipping.test_shipping_table import method, put, table
from tests.functions.staff_tax.test_tax_rates import as_staff, new_jersey, put_rates, today
from tests.kit.shop import ApiResponse

pytestmark = pytest.mark.usefixtures("cloud")


def errors_of(response: ApiResponse) -> list[tuple[str, str]]:
    assert response.status == 400, response.text
    return [(error["code"], error["path"]) for error in response.json["errors"]]


def test_shipping_table_is_stored_with_codes() -> None:
    far = {"id": "far", "countries": ["USA"], "regions": ["Alaska", "hawaii", "US-GU"]}
    near = {**far, "id": "near", "excluded_regions": far["regions"]}
    del near["regions"]
    stored = put(
        table(
            method(zone="near"),
            method(id="air", zone="far"),
            zones=[near, far],
            distances=[{"km": 90, "countries": ["Deutschland"], "regions": ["Bayern"]}],
            excluded_countries=["North Korea", "ir"],
        )
    )
    assert stored.status == 200, stored.text
    read = as_staff(get_shipping_table, "GET /staff/shipping").json
    assert read["zones"] == [
        {"id": "near", "countries": ["US"], "excluded_regions": ["AK", "GU", "HI"]},
        {"id": "far", "countries": ["US"], "regions": ["AK", "GU", "HI"]},
    ]
    assert read["distances"] == [{"km": 90, "countries": ["DE"], "regions": ["BY"]}]
    assert read["excluded_countries"] == ["IR", "KP"]


@pytest.mark.parametrize(
    ("zone", "code", "path"),
    [
        ({"countries": ["Narnia"]}, "country_unknown", "$.zones[0].countries"),
        ({"countries": [""]}, "country_unknown", "$.zones[0].countries"),
        ({"countries": ["US"], "regions": ["Texsas"]}, "region_unknown", "$.zones[0].regions"),
        ({"countries": ["DE"], "regions": ["ZZ"]}, "region_unknown", "$.zones[0].regions"),
        ({"countries": ["US"], "regions": [" "]}, "region_unknown", "$.zones[0].regions"),
        ({"countries": ["US"], "regions": [7]}, "wrong_type", "$.zones[0].regions[0]"),
        ({"countries": "US"}, "wrong_type", "$.zones[0].countries"),
        ({"countries": [["US"]]}, "wrong_type", "$.zones[0].countries[0]"),
        (
            {"countries": ["US"], "excluded_regions": ["Bavaria"]},
            "region_unknown",
            "$.zones[0].excluded_regions",
        ),
    ],
)
def test_shipping_table_with_unknown_places_is_rejected(
    zone: dict[str, Any], code: str, path: str
) -> None:
    response = put(table(zones=[{"id": "us", **zone}]))
    assert (code, path) in errors_of(response)
    assert as_staff(get_shipping_table, "GET /staff/shipping").json["version"] == 0


def test_zones_of_a_region_and_of_a_part_of_it_overlap() -> None:
    spain = {"id": "us", "countries": ["ES"], "regions": ["Canarias"]}
    tenerife = {"id": "two", "countries": ["ES"], "regions": ["Santa Cruz de Tenerife"]}
    flat = [{"amount": 500, "currency": "EUR"}]
    response = put(
        table(method(flat=flat), method(id="b", zone="two", flat=flat), zones=[spain, tenerife])
    )
    assert errors_of(response) == [("zones_overlap", "$.zones[1]")]


def test_tax_rates_are_stored_with_codes() -> None:
    route = "GET /staff/tax-rates/{country}"
    before = as_staff(get_tax_rates, route, country="usa").json
    assert before["country"] == "US"
    named = {**new_jersey(66_250), "region": "New Jersey", "country": "United States"}
    saved = as_staff(
        set_tax_rates,
        "PUT /staff/tax-rates/{country}",
        {"rates": [*before["rates"], named], "version": 0},
        country="us",
    )
    assert saved.status == 200, saved.text
    assert (saved.json["country"], saved.json["rates"][-1]["region"]) == ("US", "NJ")
    assert as_staff(get_tax_rates, route, country="US").json["version"] == 1


@pytest.mark.parametrize(
    ("country", "region"), [("US", "New Jersy"), ("DE", "ZZ"), ("DE", ""), ("FR", "Texas")]
)
def test_tax_rate_of_an_unknown_region_is_rejected(country: str, region: str) -> None:
    rate = {"rate_ppm": 1, "region": region, "since": today("Europe/Berlin")}
    response = put_rates(country, {"rates": [rate], "version": 0})
    assert ("region_unknown", "$.rates[0].region") in errors_of(response)


def test_tax_rates_of_an_unknown_country_are_not_found() -> None:
    response = as_staff(get_tax_rates, "GET /staff/tax-rates/{country}", country="Narnia")
    assert (response.status, response.json["errors"][0]["code"]) == (404, "country_unknown")


def test_location_is_stored_with_codes() -> None:
    body = {"country": "Germany", "ships_to": ["austria", "CHE"], "version": 0}
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("ACCESS_GROUPS", "staff")
        saved = as_staff(set_location, "PUT /staff/locations/{name}", body, name="berlin")
    assert saved.status == 200, saved.text
    assert (saved.json["country"], saved.json["ships_to"]) == ("DE", ["AT", "CH"])


def test_shipping_table_is_not_changed_by_a_second_write_of_the_response() -> None:
    first = put(table(zones=[{"id": "us", "countries": ["usa"]}])).json
    second = as_staff(set_shipping_table, "PUT /staff/shipping", first)
    assert (second.status, second.json["zones"]) == (200, first["zones"])
