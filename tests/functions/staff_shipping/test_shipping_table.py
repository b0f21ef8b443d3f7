"""The shipping table through the staff's doors, and what it makes of a real checkout."""

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


def ask(door: Any, route: str, body: Any = None, **more: Any) -> ApiResponse:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACCESS", "staff")
        patch.setenv("ACCESS_GROUPS", "staff,catalogue")
        return call(door.handler, route, body, claims=CLAIMS, **more)


def put(body: dict[str, Any], version: int | None = 0, **more: Any) -> ApiResponse:
    said = body if version is None else {**body, "version": version}
    answer = ask(set_shipping_table, f"PUT {ROUTE}", said, **more)
    shipping_table_cache().forget()
    return answer


def ways(**more: Any) -> dict[str, int]:
    """Option → price, of a checkout of one red mug in the United States."""
    return {option["id"]: option["totals"][0]["amount"] for option in offered(**more)}


def offered(quantity: int = 1, **more: Any) -> list[dict[str, Any]]:
    body = checkout_body(("mug.1", quantity), **more)
    answer = call(create_checkout.handler, "POST /checkout-sessions", body)
    assert answer.status == 201, answer.text
    groups = answer.json["fulfillment"]["methods"][0].get("groups", [{"options": []}])
    options: list[dict[str, Any]] = groups[0]["options"]
    return options


@pytest.fixture(autouse=True)
def _goods(cloud: None) -> None:
    publish_with_stock(mug(), pieces=500)


def test_staff_set_what_shipping_costs_without_code() -> None:
    assert ways() == {"us-standard": 599, "us-express": 1999}
    bundled = ask(get_shipping_table, f"GET {ROUTE}").json
    assert (bundled["version"], bundled["bundled"]) == (0, True)
    made = put(table(reason="we moved"))
    assert (made.status, made.json["version"], made.json["actor"]) == (200, 1, CLAIMS["sub"])
    assert ways() == {"ground": 400}
    told = ask(get_shipping_table, f"GET {ROUTE}").json
    assert (told["methods"], told["reason"]) == (table()["methods"], "we moved")
    again = put({**told, "methods": [method(flat=usd(450))]}, version=1)
    assert (again.status, again.json["version"]) == (200, 2), "what was read can be sent back"
    assert ways() == {"ground": 450}


def test_the_bundled_table_can_be_read_changed_and_sent_back() -> None:
    told = ask(get_shipping_table, f"GET {ROUTE}").json
    assert put(told).status == 200
    assert ways() == {"us-standard": 599, "us-express": 1999}


def test_a_change_starts_from_the_version_that_was_read() -> None:
    assert put(table(), version=None).json["code"] == "version_missing"
    assert put(table(), version=1).json["code"] == "stale"
    assert put(table()).status == 200
    late = put(table(method(flat=usd(1))))
    assert (late.status, late.json["code"]) == (409, "stale")
    assert put(table(), version=None, headers={"if-match": '"1"'}).status == 200
    assert put(table(), version=-1).status == 400
    assert put(table(), version="1").status == 400  # type: ignore[arg-type]
    assert ways() == {"ground": 400}


def test_every_version_is_kept_and_said_who_wrote_it() -> None:
    for version in range(3):
        assert put(table(method(flat=usd(version))), version=version).status == 200
    first = ask(list_shipping_history, f"GET {ROUTE}/history", query="limit=2").json
    assert [n["version"] for n in first["versions"]] == [3, 2]
    rest = ask(
        list_shipping_history, f"GET {ROUTE}/history", query=f"cursor={first['cursor']}"
    ).json
    assert [n["version"] for n in rest["versions"]] == [1, 0]
    assert rest.get("cursor") is None
    assert first["versions"][0]["actor"] == CLAIMS["sub"]
    old = ask(get_shipping_table, f"GET {ROUTE}", query="version=2").json
    assert old["methods"][0]["flat"] == usd(1)
    assert ask(get_shipping_table, f"GET {ROUTE}", query="version=9").status == 404
    assert ask(get_shipping_table, f"GET {ROUTE}", query="version=x").status == 400
    assert ask(list_shipping_history, f"GET {ROUTE}/history", query="cursor=x").status == 400


def test_a_change_carries_its_event_and_overwrites_no_version() -> None:
    put(table())
    items = boto3.client("dynamodb").query(
        TableName="pricing",
        KeyConditionExpression="PK = :p",
        ExpressionAttributeValues={":p": {"S": "SHIPPING"}},
    )["Items"]
    by_key = {item["SK"]["S"]: item for item in items}
    assert set(by_key) == {"EDITION#000000001", "VERSION"}
    assert "events" in by_key["EDITION#000000001"]


def test_everything_that_is_wrong_is_said_at_once_and_nothing_is_changed() -> None:
    body = table(method(days=[4, 2], flat=usd(1) * 2), excluded_countries=["XX"], colour="red")
    assert put(body).json["errors"][0]["path"] == "$.colour"
    body.pop("colour")
    answer = put({**body, "reason": "<script>"})
    assert (answer.status, answer.json["errors"][0]["path"]) == (400, "$.reason")
    answer = put(body)
    assert answer.status == 400
    assert [(e["code"], e["path"]) for e in answer.json["errors"]] == [
        ("country_unknown", "$.excluded_countries"),
        ("currency_repeated", "$.methods[0].flat[1]"),
        ("days_invalid", "$.methods[0].days"),
    ]
    assert ways() == {"us-standard": 599, "us-express": 1999}


def test_two_halves_of_a_country_may_be_two_zones() -> None:
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
    assert ways() == {"ground": 400}


def test_warm_lambdas_ask_once_in_a_while_and_read_the_table_when_it_changed() -> None:
    put(table())
    assert ways() == {"ground": 400}
    with count_calls() as calls:
        ways()
    assert not [m for m in calls.made if "SHIPPING" in str(m.parameters)], "it is in memory"
    said = {**table(method(flat=usd(700))), "version": 1}
    assert ask(set_shipping_table, f"PUT {ROUTE}", said).status == 200
    assert timedelta(seconds=5) > cache.TABLE_CACHE_TTL
    known = shipping_table_cache()
    assert known._checked_at is not None
    known._checked_at -= cache.TABLE_CACHE_TTL
    with count_calls() as calls:
        assert ways() == {"ground": 700}
    assert len([m for m in calls.made if "SHIPPING" in str(m.parameters)]) == 2


def test_a_table_can_be_tried_before_it_holds() -> None:
    goods = {"items": [{"quantity": 2, "weight_g": 6000}], "value": usd(5000)[0]}
    now = ask(simulate_shipping, f"POST {ROUTE}/try", {"to": {"country": "US"}, **goods}).json
    assert (now["zone"], [o["id"] for o in now["options"]]) == ("us", ["us-standard", "us-express"])
    draft = table(method(parcel={"weight_g": 10_000}, carbon_g_per_kg=100))
    tried = ask(
        simulate_shipping, f"POST {ROUTE}/try", {"to": {"country": "US"}, "table": draft, **goods}
    ).json
    assert [(o["price"], o["parcels"], o["carbon_g"]) for o in tried["options"]] == [(400, 2, 1200)]
    bad = ask(
        simulate_shipping,
        f"POST {ROUTE}/try",
        {"to": {"country": "US"}, "table": table(excluded_countries=["XX"]), **goods},
    )
    assert (bad.status, bad.json["errors"][0]["path"]) == (400, "$.table.excluded_countries")
    nobody = ask(simulate_shipping, f"POST {ROUTE}/try", {"to": {"country": "KP"}, **goods}).json
    assert nobody == {"options": []}


def test_only_staff_may() -> None:
    for claims in (None, {"sub": "s", "token_use": "access", "cognito:groups": "[fulfilment]"}):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("ACCESS", "staff")
            patch.setenv("ACCESS_GROUPS", "staff,catalogue")
            answer = call(
                set_shipping_table.handler, f"PUT {ROUTE}", {**table(), "version": 0}, claims=claims
            )
        assert answer.status in (401, 403)


def test_a_price_that_changed_meanwhile_is_said_before_anything_is_bought() -> None:
    made = call(
        create_checkout.handler, "POST /checkout-sessions", checkout_body(("mug.1", 1))
    ).json
    put(table(method(id="us-standard", flat=usd(900))))
    one = "/checkout-sessions/{id}"
    shown = call(get_checkout.handler, f"GET {one}", id=made["id"]).json
    assert shown["totals"][-1]["amount"] == 1299 + 599, "an offer is good for fifteen minutes"
    bought = call(
        complete_checkout.handler,
        f"POST {one}/complete",
        payment_body("tok_success"),
        id=made["id"],
    ).json
    assert bought["status"] == "completed"
