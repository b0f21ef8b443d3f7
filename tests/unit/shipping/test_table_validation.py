"""Validation of shipping tables: codes and paths of the problems."""

from typing import Any

import pytest

from shop.kernel.errors import InvalidRequest
from shop.places.model.destination import Destination
from shop.shipping.model import ShippingTable


def usd(minor: int) -> list[dict[str, Any]]:
    return [{"amount": minor, "currency": "USD"}]


def method(**more: Any) -> dict[str, Any]:
    return {
        "id": "ground",
        "zone": "us",
        "title": "Ground",
        "carrier": "USPS",
        "flat": usd(400),
        "days": [2, 4],
        **more,
    }


def table(*methods: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "zones": [{"id": "us", "countries": ["US"]}],
        "methods": list(methods) or [method()],
        **more,
    }


@pytest.mark.parametrize(
    ("body", "code", "path"),
    [
        (table(zones=[]), "missing", "$.zones"),
        (
            table(zones=[{"id": "us", "countries": ["XX"]}]),
            "country_unknown",
            "$.zones[0].countries",
        ),
        (
            table(zones=[{"id": "us", "countries": ["US"], "regions": ["ZZ"]}]),
            "region_unknown",
            "$.zones[0].regions",
        ),
        (
            table(zones=[{"id": "us", "countries": ["US", "CA"], "regions": ["CA"]}]),
            "regions_ambiguous",
            "$.zones[0].regions",
        ),
        (
            table(zones=[{"id": "us", "countries": ["US"]}, {"id": "two", "countries": ["US"]}]),
            "zones_overlap",
            "$.zones[1]",
        ),
        (
            table(
                zones=[
                    {"id": "us", "countries": ["US"], "excluded_regions": ["AK"]},
                    {"id": "two", "countries": ["US"], "regions": ["AK", "HI"]},
                ]
            ),
            "zones_overlap",
            "$.zones[1]",
        ),
        (
            table(zones=[{"id": "us", "countries": ["US"]}, {"id": "de", "countries": ["DE"]}]),
            "zone_without_methods",
            "$.zones[1]",
        ),
        (table(excluded_countries=["KPX"]), "country_unknown", "$.excluded_countries"),
        (table(method(zone="eu")), "zone_unknown", "$.methods[0].zone"),
        (
            table(method(flat=[{"amount": 1, "currency": "EUR"}])),
            "currency_missing",
            "$.methods[0].flat",
        ),
        (
            table(method(flat=[{"amount": 1, "currency": "ABC"}])),
            "currency_unknown",
            "$.methods[0].flat[0].currency",
        ),
        (table(method(flat=usd(-1))), "amount_invalid", "$.methods[0].flat[0].amount"),
        (
            table(method(free_shipping_threshold=usd(-1))),
            "amount_invalid",
            "$.methods[0].free_shipping_threshold[0].amount",
        ),
        (table(method(flat=usd(1) * 2)), "duplicate", "$.methods[0].flat[1]"),
        (table(method(days=[4, 2])), "days_invalid", "$.methods[0].days"),
        (table(method(days=[1, 999])), "days_invalid", "$.methods[0].days"),
        (table(method(days=[1])), "wrong_type", "$.methods[0].days"),
        (table(method(title="<b>Ground")), "markup_not_allowed", "$.methods[0].title"),
        (table(method(), method()), "duplicate", "$.methods[1].id"),
        (
            table(
                method(
                    parcel={"weight_g": 9000},
                    charges=[{"kind": "by_weight", "bands": [{"up_to": 5000, "price": usd(1)}]}],
                )
            ),
            "bands_gap",
            "$.methods[0].charges[0].bands[0].up_to",
        ),
        (
            table(
                method(
                    charges=[
                        {
                            "kind": "by_weight",
                            "bands": [
                                {"up_to": 5000, "price": usd(1)},
                                {"up_to": 5000, "price": usd(2)},
                            ],
                        }
                    ],
                )
            ),
            "bands_order",
            "$.methods[0].charges[0].bands[1].up_to",
        ),
        (
            table(
                method(
                    charges=[
                        {
                            "kind": "by_value",
                            "bands": [{"up_to": usd(100)[0], "price": usd(1)[0]}],
                        }
                    ]
                )
            ),
            "bands_gap",
            "$.methods[0].charges[0].bands[0].up_to",
        ),
        (
            table(
                method(
                    charges=[
                        {
                            "kind": "by_quantity",
                            "each": [{"amount": 1, "currency": "EUR"}],
                        }
                    ]
                )
            ),
            "currency_missing",
            "$.methods[0].charges[0].each",
        ),
        (
            table(
                method(charges=[{"kind": "by_distance", "bands": [{"up_to": 9, "price": usd(1)}]}])
            ),
            "missing",
            "$.distances",
        ),
        (
            table(distances=[{"km": 1, "countries": ["US"]}, {"km": 2, "countries": ["US"]}]),
            "distances_contradict",
            "$.distances[1]",
        ),
        (
            table(distances=[{"km": -1, "countries": ["US"]}]),
            "measure_invalid",
            "$.distances[0].km",
        ),
        (table(dispatch={"zone": "Mars/Base"}), "time_zone_unknown", "$.dispatch.zone"),
        (table(dispatch={"cut_off": "25:00"}), "time_invalid", "$.dispatch.cut_off"),
        (table(colour="red"), "unknown_field", "$.colour"),
        (table(methods="ground"), "wrong_type", "$.methods"),
    ],
)
def test_an_invalid_table_is_rejected_with_code_and_path(
    body: dict[str, Any], code: str, path: str
) -> None:
    with pytest.raises(InvalidRequest) as raised:
        ShippingTable.from_dict(body)
    assert (code, path) in [(p.code, p.path) for p in raised.value.problems]


def test_parts_of_a_country_may_be_separate_zones() -> None:
    halves = [
        {
            "id": "us",
            "countries": ["US"],
            "excluded_regions": ["AK", "HI"],
            "excluded_postal_prefixes": ["006"],
        },
        {"id": "far", "countries": ["US"], "regions": ["AK", "HI"]},
        {"id": "isle", "countries": ["US"], "postal_prefixes": ["006", "0079"]},
    ]
    methods = [method(), method(id="boat", zone="far"), method(id="plane", zone="isle")]
    with pytest.raises(InvalidRequest):
        ShippingTable.from_dict(table(*methods, zones=halves))
    halves[0]["excluded_postal_prefixes"] = ["006", "007"]
    halves[1]["excluded_postal_prefixes"] = ["00"]
    split_table = ShippingTable.from_dict(table(*methods, zones=halves))
    for destination, zone in (
        (Destination("US", "OH", "43004"), "us"),
        (Destination("US", "HI"), "far"),
        (Destination("US", "PR", "006 01"), "isle"),
    ):
        containing_zone = split_table.zone_of(destination)
        assert containing_zone is not None
        assert containing_zone.id == zone
