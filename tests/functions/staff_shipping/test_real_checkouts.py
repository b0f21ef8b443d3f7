"""Each way of charging, through a real checkout: what staff wrote decides what a buyer is asked."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from functions.checkout import (
    complete_checkout,
    create_checkout,
    get_checkout,
    update_checkout,
)
from functions.orders import get_order
from shop.checkout.model import offer as offer_model
from tests.functions.staff_shipping.test_shipping_table import method, put, table, usd
from tests.kit.products import ADDRESS, checkout_body, mug, payment_body, publish_with_stock
from tests.kit.shop import call
from tests.kit.ucp_validator import assert_valid_ucp

pytestmark = pytest.mark.usefixtures("cloud")

CREATE, ONE = "POST /checkout-sessions", "/checkout-sessions/{id}"


@pytest.fixture(autouse=True)
def _goods(cloud: None) -> None:
    """A mug of 300 g; a pillow of 800 g that takes 12 litres; an anvil of 30 kg."""
    publish_with_stock(mug(), pieces=500)
    for name, weight, sizes in (
        ("pillow", 800, (400, 300, 100)),
        ("anvil", 30_000, (500, 200, 200)),
    ):
        goods = mug(name, price=1000)
        length, width, height = sizes
        variants = tuple(
            replace(v, weight_g=weight, length_mm=length, width_mm=width, height_mm=height)
            for v in goods.variants
        )
        publish_with_stock(replace(goods, variants=variants), pieces=50)


def begun(*wanted: tuple[str, int], **address: str) -> dict[str, Any]:
    body = checkout_body(*wanted)
    body["fulfillment"]["methods"][0]["destinations"] = [{**ADDRESS, **address}]
    answer = call(create_checkout.handler, CREATE, body)
    assert answer.status == 201, answer.text
    assert_valid_ucp("checkout", answer.json)
    told: dict[str, Any] = answer.json
    return told


def option(*wanted: tuple[str, int], **address: str) -> dict[str, Any] | None:
    """The first way offered, with what it costs as ``price``; the total agrees with it."""
    told = begun(*wanted, **address)
    groups = told["fulfillment"]["methods"][0].get("groups")
    if not groups:
        return None
    found: dict[str, Any] = groups[0]["options"][0]
    found["price"] = found["totals"][0]["amount"]
    charged = [t["amount"] for t in told["totals"] if t["type"] == "fulfillment"]
    assert charged in ([found["price"]], [] if found["price"] == 0 else None)
    return found


def price(*wanted: tuple[str, int], **address: str) -> int | None:
    found = option(*wanted, **address)
    return None if found is None else int(found["price"])


def charging(*charges: dict[str, Any], **more: Any) -> None:
    distances = more.pop("distances", None)
    body = table(method(flat=usd(100), charges=list(charges), **more))
    answer = put({**body, "distances": distances} if distances else body)
    assert answer.status == 200, answer.text


def bands(*steps: tuple[int, int]) -> list[dict[str, Any]]:
    return [{"up_to": up_to, "price": usd(minor)} for up_to, minor in steps]


def test_by_weight() -> None:
    charging({"kind": "by_weight", "bands": bands((300, 200), (600, 500))})
    assert price(("mug.1", 1)) == 300
    assert price(("mug.1", 2)) == 600
    assert price(("mug.1", 1), ("mug.2", 1)) == 600, "two lines weigh what one of two does"


def test_by_the_room_it_takes() -> None:
    weighed = {"kind": "by_weight", "bands": bands((1_000, 200), (5_000, 900))}
    charging(weighed)
    assert price(("pillow.1", 1)) == 300
    put({**table(method(flat=usd(100), charges=[weighed], divisor=5_000))}, version=1)
    assert price(("pillow.1", 1)) == 1000, "12 litres weigh 2.4 kg"


def test_by_quantity() -> None:
    charging({"kind": "by_quantity", "each": usd(30), "included": 1})
    assert [price(("mug.1", n)) for n in (1, 2, 5)] == [100, 130, 220]


def test_by_what_the_goods_cost() -> None:
    steps = [{"up_to": usd(2000)[0], "price": usd(700)[0]}, {"price": usd(200)[0]}]
    charging({"kind": "by_value", "bands": steps})
    assert price(("mug.1", 1)) == 800
    assert price(("mug.1", 2)) == 300


def test_by_distance() -> None:
    charging(
        {"kind": "by_distance", "bands": bands((1_000, 0), (8_000, 1200))},
        distances=[
            {"km": 900, "countries": ["US"]},
            {"km": 7_200, "countries": ["US"], "regions": ["HI"]},
            {"km": 9_500, "countries": ["US"], "postal_prefixes": ["969"]},
        ],
    )
    assert price(("mug.1", 1)) == 100
    assert price(("mug.1", 1), address_region="HI", postal_code="96813") == 1300
    assert price(("mug.1", 1), address_region="GU", postal_code="96910") is None, "too far"


def test_free_from_a_value_on() -> None:
    charging(free_shipping_threshold=usd(2500))
    assert price(("mug.1", 1)) == 100
    assert price(("mug.1", 2)) == 0


def test_more_than_a_parcel_holds_is_two_parcels_and_costs_two() -> None:
    charging({"kind": "by_parcel", "each": usd(400)}, parcel={"weight_g": 1_000})
    one, two = option(("mug.1", 3)), option(("mug.1", 4))
    assert one is not None
    assert two is not None
    assert (one["price"], one["parcels"]) == (500, 1)
    assert (two["price"], two["parcels"]) == (900, 2)


def test_what_is_too_heavy_for_a_way_goes_another_and_for_all_ways_is_said() -> None:
    light = method(parcel={"weight_g": 1_000})
    freight = method(id="freight", flat=usd(9900))
    put(table(light, freight))
    assert price(("mug.1", 1)) == 400
    assert price(("anvil.1", 1)) == 9900
    put(table(light), version=1)
    told = begun(("anvil.1", 1))
    assert told["status"] == "incomplete"
    assert [m["code"] for m in told["messages"]] == ["goods_undeliverable"]
    (nowhere,) = begun(("mug.1", 1), address_country="DE", postal_code="10115")["messages"]
    assert nowhere["code"] == "address_undeliverable"


def test_an_option_says_price_estimate_parcels_and_has_a_place_for_carbon() -> None:
    put(table(method(carbon_g_per_kg=500), method(id="b", flat=usd(900))))
    told = begun(("mug.1", 2))["fulfillment"]["methods"][0]["groups"][0]["options"]
    assert [(o["totals"][0]["amount"], o["parcels"], o["carbon_grams"]) for o in told] == [
        (400, 1, 300),
        (900, 1, None),
    ]
    for one in told:
        assert one["earliest_fulfillment_time"] < one["latest_fulfillment_time"]
        assert one["carrier"] == "USPS"


# ---------------------------------------------------------------- what changes under the buyer


@pytest.fixture
def _late(monkeypatch: pytest.MonkeyPatch) -> None:
    """An offer's time is over at once."""
    monkeypatch.setattr(offer_model, "OFFER_TTL", timedelta(0))


def codes(raw: dict[str, Any]) -> list[str]:
    return [m["code"] for m in raw.get("messages", [])]


def test_what_was_offered_stands_for_its_time() -> None:
    put(table())
    told = begun(("mug.1", 1))
    put(table(method(flat=usd(900))), version=1)
    again = call(get_checkout.handler, f"GET {ONE}", id=told["id"]).json
    assert (again["totals"], codes(again)) == (told["totals"], [])
    put(table(method(id="boat")), version=2)
    sent = checkout_body(("mug.1", 1), option="ground")
    changed = call(update_checkout.handler, f"PUT {ONE}", sent, id=told["id"])
    assert changed.status == 200, changed.text
    assert changed.json["totals"] == told["totals"], "the same question within its time"


@pytest.mark.usefixtures("_late")
def test_a_way_that_costs_more_now_is_said_and_not_bought_unsaid() -> None:
    put(table())
    told, other = begun(("mug.1", 1)), begun(("mug.1", 1))
    put(table(method(flat=usd(900))), version=1)
    shown = call(get_checkout.handler, f"GET {ONE}", id=told["id"]).json
    assert "shipping_price_changed" in codes(shown)
    said = next(m for m in shown["messages"] if m["code"] == "shipping_price_changed")
    assert "9.00" in said["content"]
    assert "4.00" in said["content"]
    bought = call(
        complete_checkout.handler,
        f"POST {ONE}/complete",
        payment_body("tok_success"),
        id=other["id"],
    ).json
    assert bought["status"] != "completed"
    assert "price_changed" in codes(bought)


def test_a_way_that_is_gone_is_said_even_where_another_costs_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put(table())
    told, other = begun(("mug.1", 1)), begun(("mug.1", 1))
    put(table(method(id="boat", title="Boat")), version=1)
    with monkeypatch.context() as patch:
        patch.setattr(offer_model, "OFFER_TTL", timedelta(0))
        shown = call(get_checkout.handler, f"GET {ONE}", id=other["id"]).json
        assert "shipping_option_unavailable" in codes(shown)
        first = call(
            complete_checkout.handler,
            f"POST {ONE}/complete",
            payment_body("tok_success"),
            id=told["id"],
        ).json
        assert first["status"] == "incomplete"
        assert {m["type"] for m in first["messages"]} == {"warning", "error"}
        assert set(codes(first)) == {"shipping_option_unavailable"}
        assert "Boat" in first["messages"][-1]["content"]
    bought = call(
        complete_checkout.handler,
        f"POST {ONE}/complete",
        payment_body("tok_success"),
        id=told["id"],
    ).json
    assert bought["status"] == "completed", "it was said; whoever completes again takes it"
    order = call(get_order.handler, "GET /orders/{id}", id=bought["order"]["id"])
    assert "Boat" in order.text
