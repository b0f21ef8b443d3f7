"""The staff endpoints of the shipping table, and its effect on a checkout."""

from datetime import timedelta
from typing import Any

import boto3
import pytest

from functions.checkout import complete_checkout, create_checkout, get_checkout
from functions.staff_shipping import (
    get_shipping_table,
    list_shipping_history,
    set_shipping_table,
    simulate_shipping,
)
from shop.shipping.store import cache, shipping_table_cache
from tests.functions.staff_pricing.test_promotions import CLAIMS
from tests.kit.aws_call_counter import count_calls
from tests.kit.products import checkout_body, mug, payment_body, publish_with_stock
from tests.kit.shop import ApiResponse, call

pytestmark = pytest.mark.usefixtures("cloud")

ROUTE = "/staff/shipping"


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


def call_staff(module: Any, route: str, body: Any = None, **more: Any) -> ApiResponse:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACCESS", "staff")
        patch.setenv("ACCESS_GROUPS", "staff,catalog")
        return call(module.handler, route, body, claims=CLAIMS, **more)


def put(body: dict[str, Any], version: int | None = 0, **more: Any) -> ApiResponse:
    versioned = body if version is None else {**body, "version": version}
    response = call_staff(set_shipping_table, f"PUT {ROUTE}", versioned, **more)
    shipping_table_cache().forget()
    return response


def prices(**more: Any) -> dict[str, int]:
    """Return option id → price, for a checkout of one red mug in the United States."""
    return {option["id"]: option["totals"][0]["amount"] for option in shipping_options(**more)}


def shipping_options(quantity: int = 1, **more: Any) -> list[dict[str, Any]]:
    body = checkout_body(("mug.1", quantity), **more)
    response = call(create_checkout.handler, "POST /checkout-sessions", body)
    assert response.status == 201, response.text
    groups = response.json["fulfillment"]["methods"][0].get("groups", [{"options": []}])
    options: list[dict[str, Any]] = groups[0]["options"]
    return options


@pytest.fixture(autouse=True)
def _goods(cloud: None) -> None:
    publish_with_stock(mug(), pieces=500)


def test_staff_replace_the_shipping_table() -> None:
    assert prices() == {"us-standard": 599, "us-express": 1999}
    bundled = call_staff(get_shipping_table, f"GET {ROUTE}").json
    assert (bundled["version"], bundled["bundled"]) == (0, True)
    saved = put(table(reason="we moved"))
    assert (saved.status, saved.json["version"], saved.json["actor"]) == (200, 1, CLAIMS["sub"])
    assert prices() == {"ground": 400}
    current = call_staff(get_shipping_table, f"GET {ROUTE}").json
    assert (current["methods"], current["reason"]) == (table()["methods"], "we moved")
    again = put({**current, "methods": [method(flat=usd(450))]}, version=1)
    assert (again.status, again.json["version"]) == (200, 2), (
        "a table that was read can be sent back"
    )
    assert prices() == {"ground": 450}


def test_the_default_table_can_be_read_and_sent_back() -> None:
    current = call_staff(get_shipping_table, f"GET {ROUTE}").json
    assert put(current).status == 200
    assert prices() == {"us-standard": 599, "us-express": 1999}


def test_a_change_requires_the_current_version() -> None:
    assert put(table(), version=None).json["code"] == "version_missing"
    assert put(table(), version=1).json["code"] == "stale"
    assert put(table()).status == 200
    late = put(table(method(flat=usd(1))))
    assert (late.status, late.json["code"]) == (409, "stale")
    assert put(table(), version=None, headers={"if-match": '"1"'}).status == 200
    assert put(table(), version=-1).status == 400
    assert put(table(), version="1").status == 400  # type: ignore[arg-type]
    assert prices() == {"ground": 400}


def test_every_version_is_stored_with_its_actor() -> None:
    for version in range(3):
        assert put(table(method(flat=usd(version))), version=version).status == 200
    first = call_staff(list_shipping_history, f"GET {ROUTE}/history", query="limit=2").json
    assert [n["version"] for n in first["versions"]] == [3, 2]
    rest = call_staff(
        list_shipping_history, f"GET {ROUTE}/history", query=f"cursor={first['cursor']}"
    ).json
    assert [n["version"] for n in rest["versions"]] == [1, 0]
    assert rest.get("cursor") is None
    assert first["versions"][0]["actor"] == CLAIMS["sub"]
    old = call_staff(get_shipping_table, f"GET {ROUTE}", query="version=2").json
    assert old["methods"][0]["flat"] == usd(1)
    assert call_staff(get_shipping_table, f"GET {ROUTE}", query="version=9").status == 404
    invalid = call_staff(get_shipping_table, f"GET {ROUTE}", query="version=x")
    assert (invalid.status, invalid.json["code"]) == (400, "version_invalid")
    assert call_staff(list_shipping_history, f"GET {ROUTE}/history", query="cursor=x").status == 400


def test_a_change_stores_its_event_with_a_new_version() -> None:
    put(table())
    items = boto3.client("dynamodb").query(
        TableName="pricing",
        KeyConditionExpression="PK = :p",
        ExpressionAttributeValues={":p": {"S": "SHIPPING"}},
    )["Items"]
    by_key = {item["SK"]["S"]: item for item in items}
    assert set(by_key) == {"VERSION#000000001", "CURRENT"}
    assert "events" in by_key["VERSION#000000001"]


def test_an_invalid_table_returns_all_problems_and_changes_nothing() -> None:
    body = table(method(days=[4, 2], flat=usd(1) * 2), excluded_countries=["XX"], colour="red")
    assert put(body).json["errors"][0]["path"] == "$.colour"
    body.pop("colour")
    response = put({**body, "reason": "<script>"})
    assert (response.status, response.json["errors"][0]["path"]) == (400, "$.reason")
    response = put(body)
    assert response.status == 400
    assert [(e["code"], e["path"]) for e in response.json["errors"]] == [
        ("country_unknown", "$.excluded_countries"),
        ("duplicate", "$.methods[0].flat[1]"),
        ("days_invalid", "$.methods[0].days"),
    ]
    assert prices() == {"us-standard": 599, "us-express": 1999}


def test_a_country_may_be_split_into_two_zones() -> None:
    halves = [
        {
            "id": "us",
            "countries": ["US"],
            "excluded_regions": ["AK", "HI"],
            "excluded_postal_prefixes": ["995"],
        },
        {"id": "far", "countries": ["US"], "regions": ["AK", "HI"]},
    ]
    body = table(method(), method(id="boat", zone="far", flat=usd(2500)), zones=halves)
    assert put(body).status == 200
    assert prices() == {"ground": 400}


def test_a_warm_lambda_reads_the_table_only_after_a_change(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert timedelta(seconds=5) > cache.TABLE_CACHE_TTL
    # The test alone decides when the cached table expires, however slow the machine is.
    monkeypatch.setattr(cache, "TABLE_CACHE_TTL", timedelta(days=1))
    put(table())
    assert prices() == {"ground": 400}
    with count_calls() as calls:
        prices()
    assert not [m for m in calls.made if "SHIPPING" in str(m.parameters)], "the table is cached"
    changed = {**table(method(flat=usd(700))), "version": 1}
    assert call_staff(set_shipping_table, f"PUT {ROUTE}", changed).status == 200
    table_cache = shipping_table_cache()
    assert table_cache._checked_at is not None
    table_cache._checked_at -= cache.TABLE_CACHE_TTL
    with count_calls() as calls:
        assert prices() == {"ground": 700}
    assert len([m for m in calls.made if "SHIPPING" in str(m.parameters)]) == 2


def test_a_draft_table_can_be_simulated() -> None:
    goods = {"items": [{"quantity": 2, "weight_g": 6000}], "value": usd(5000)[0]}
    current = call_staff(
        simulate_shipping, f"POST {ROUTE}/try", {"to": {"country": "US", "region": "OH"}, **goods}
    ).json
    assert (current["zone"], [o["id"] for o in current["options"]]) == (
        "us",
        ["us-standard", "us-express"],
    )
    draft = table(method(parcel={"weight_g": 10_000}, carbon_g_per_kg=100))
    simulated = call_staff(
        simulate_shipping,
        f"POST {ROUTE}/try",
        {"to": {"country": "US", "region": "OH"}, "table": draft, **goods},
    ).json
    assert [(o["price"], o["parcels"], o["carbon_g"]) for o in simulated["options"]] == [
        (400, 2, 1200)
    ]
    invalid = call_staff(
        simulate_shipping,
        f"POST {ROUTE}/try",
        {
            "to": {"country": "US", "region": "OH"},
            "table": table(excluded_countries=["XX"]),
            **goods,
        },
    )
    assert (invalid.status, invalid.json["errors"][0]["path"]) == (
        400,
        "$.table.excluded_countries",
    )
    undeliverable = call_staff(
        simulate_shipping, f"POST {ROUTE}/try", {"to": {"country": "KP"}, **goods}
    ).json
    assert undeliverable == {"options": [], "undeliverable": "place"}
    too_heavy = call_staff(
        simulate_shipping,
        f"POST {ROUTE}/try",
        {
            "to": {"country": "US", "region": "OH"},
            "table": table(method(parcel={"weight_g": 5_000})),
            **goods,
        },
    ).json
    assert too_heavy == {"zone": "us", "options": [], "undeliverable": "weight"}


def test_only_permitted_staff_may_change_the_table() -> None:
    for claims in (None, {"sub": "s", "token_use": "access", "cognito:groups": "[fulfilment]"}):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("ACCESS", "staff")
            patch.setenv("ACCESS_GROUPS", "staff,catalog")
            response = call(
                set_shipping_table.handler, f"PUT {ROUTE}", {**table(), "version": 0}, claims=claims
            )
        assert response.status in (401, 403)


def test_an_offered_shipping_price_survives_a_table_change() -> None:
    checkout = call(
        create_checkout.handler, "POST /checkout-sessions", checkout_body(("mug.1", 1))
    ).json
    put(table(method(id="us-standard", flat=usd(900))))
    one = "/checkout-sessions/{id}"
    shown = call(get_checkout.handler, f"GET {one}", id=checkout["id"]).json
    assert shown["totals"][-1]["amount"] == 1299 + 599, "an offer is good for fifteen minutes"
    bought = call(
        complete_checkout.handler,
        f"POST {one}/complete",
        payment_body("tok_success"),
        id=checkout["id"],
    ).json
    assert bought["status"] == "completed"
