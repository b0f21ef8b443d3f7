"""Rates of a stored shipping table decide the options and prices of real checkouts."""

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
from shop.checkout.model.messages import GOODS_UNDELIVERABLE
from tests.functions.staff_shipping.test_shipping_table import method, put, table, usd
from tests.kit.products import ADDRESS, checkout_body, mug, payment_body, publish_with_stock
from tests.kit.shop import call
from tests.kit.ucp_validator import assert_valid_ucp

pytestmark = pytest.mark.usefixtures("cloud")

CREATE, ONE = "POST /checkout-sessions", "/checkout-sessions/{id}"


@pytest.fixture(autouse=True)
def _goods(cloud: None) -> None:
    """Publish a mug of 300 g, a pillow of 800 g and 12 litres, and an anvil of 30 kg."""
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


def create(*lines: tuple[str, int], **address: str) -> dict[str, Any]:
    body = checkout_body(*lines)
    body["fulfillment"]["methods"][0]["destinations"] = [{**ADDRESS, **address}]
    response = call(create_checkout.handler, CREATE, body)
    assert response.status == 201, response.text
    assert_valid_ucp("checkout", response.json)
    checkout: dict[str, Any] = response.json
    return checkout


def option(*lines: tuple[str, int], **address: str) -> dict[str, Any] | None:
    """Return the first option with its ``price``, which the checkout total must contain."""
    checkout = create(*lines, **address)
    groups = checkout["fulfillment"]["methods"][0].get("groups")
    if not groups:
        return None
    found: dict[str, Any] = groups[0]["options"][0]
    found["price"] = found["totals"][0]["amount"]
    charged = [t["amount"] for t in checkout["totals"] if t["type"] == "fulfillment"]
    assert charged in ([found["price"]], [] if found["price"] == 0 else None)
    return found


def price(*lines: tuple[str, int], **address: str) -> int | None:
    found = option(*lines, **address)
    return None if found is None else int(found["price"])


def set_charges(*charges: dict[str, Any], **more: Any) -> None:
    distances = more.pop("distances", None)
    body = table(method(flat=usd(100), charges=list(charges), **more))
    response = put({**body, "distances": distances} if distances else body)
    assert response.status == 200, response.text


def bands(*steps: tuple[int, int]) -> list[dict[str, Any]]:
    return [{"up_to": up_to, "price": usd(minor)} for up_to, minor in steps]


def test_a_weight_rate_charges_by_band() -> None:
    set_charges({"kind": "by_weight", "bands": bands((300, 200), (600, 500))})
    assert price(("mug.1", 1)) == 300
    assert price(("mug.1", 2)) == 600
    assert price(("mug.1", 1), ("mug.2", 1)) == 600, (
        "two lines of one unit weigh as much as one line of two"
    )


def test_a_divisor_charges_by_volumetric_weight() -> None:
    weighed = {"kind": "by_weight", "bands": bands((1_000, 200), (5_000, 900))}
    set_charges(weighed)
    assert price(("pillow.1", 1)) == 300
    put({**table(method(flat=usd(100), charges=[weighed], divisor=5_000))}, version=1)
    assert price(("pillow.1", 1)) == 1000, "12 litres weigh 2.4 kg"


def test_a_quantity_rate_charges_units_above_the_included() -> None:
    set_charges({"kind": "by_quantity", "each": usd(30), "included": 1})
    assert [price(("mug.1", n)) for n in (1, 2, 5)] == [100, 130, 220]


def test_a_value_rate_charges_by_value_of_goods() -> None:
    steps = [{"up_to": usd(2000)[0], "price": usd(700)[0]}, {"price": usd(200)[0]}]
    set_charges({"kind": "by_value", "bands": steps})
    assert price(("mug.1", 1)) == 800
    assert price(("mug.1", 2)) == 300


def test_a_distance_rate_charges_by_kilometres() -> None:
    set_charges(
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


def test_shipping_is_free_from_the_threshold_on() -> None:
    set_charges(free_shipping_threshold=usd(2500))
    assert price(("mug.1", 1)) == 100
    assert price(("mug.1", 2)) == 0


def test_goods_above_the_parcel_limit_are_charged_as_two_parcels() -> None:
    set_charges({"kind": "by_parcel", "each": usd(400)}, parcel={"weight_g": 1_000})
    one, two = option(("mug.1", 3)), option(("mug.1", 4))
    assert one is not None
    assert two is not None
    assert (one["price"], one["parcels"]) == (500, 1)
    assert (two["price"], two["parcels"]) == (900, 2)


def test_too_heavy_goods_use_another_method_or_are_undeliverable() -> None:
    light = method(parcel={"weight_g": 1_000})
    freight = method(id="freight", flat=usd(9900))
    put(table(light, freight))
    assert price(("mug.1", 1)) == 400
    assert price(("anvil.1", 1)) == 9900
    put(table(light), version=1)
    checkout = create(("anvil.1", 1))
    assert checkout["status"] == "incomplete"
    assert [m["code"] for m in checkout["messages"]] == ["goods_undeliverable"]
    (nowhere,) = create(("mug.1", 1), address_country="DE", postal_code="10115")["messages"]
    assert nowhere["code"] == "address_undeliverable"


LIGHT = method(parcel={"weight_g": 1_000})
SMALL = method(id="small", parcel={"longest_mm": 100})
FEW = method(id="few", parcel={"units": 1}, max_parcels=2)


@pytest.mark.parametrize(
    ("methods", "goods", "reason"),
    [
        ([LIGHT], ("anvil.1", 1), "weight"),
        ([LIGHT, method(id="b", parcel={"weight_g": 20_000})], ("anvil.1", 1), "weight"),
        ([SMALL], ("pillow.1", 1), "size"),
        ([FEW], ("mug.1", 3), "parcels"),
        ([SMALL, FEW], ("pillow.1", 3), "goods"),
        (
            [method(charges=[{"kind": "by_weight", "bands": [{"up_to": 700, "price": usd(1)}]}])],
            ("mug.1", 3),
            "goods",
        ),
    ],
)
def test_a_checkout_without_options_names_the_reason(
    methods: list[dict[str, Any]], goods: tuple[str, int], reason: str
) -> None:
    assert put(table(*methods)).status == 200
    (message,) = create(goods)["messages"]
    assert (message["code"], message["path"]) == ("goods_undeliverable", "$.line_items")
    assert message["content"] == GOODS_UNDELIVERABLE[reason]


def test_an_address_without_a_method_is_named() -> None:
    put(table(method()))
    (message,) = create(("mug.1", 1), address_country="DE", postal_code="10115")["messages"]
    assert message["content"] == (
        "No shipping method delivers to this address in DE. Choose another address."
    )


def test_an_option_has_price_estimate_parcels_and_carbon() -> None:
    put(table(method(carbon_g_per_kg=500), method(id="b", flat=usd(900))))
    options = create(("mug.1", 2))["fulfillment"]["methods"][0]["groups"][0]["options"]
    assert [(o["totals"][0]["amount"], o["parcels"], o["carbon_grams"]) for o in options] == [
        (400, 1, 300),
        (900, 1, None),
    ]
    for one in options:
        assert one["earliest_fulfillment_time"] < one["latest_fulfillment_time"]
        assert one["carrier"] == "USPS"


# ---------------------------------------------------------------- changes during a checkout


@pytest.fixture
def _late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Offers expire immediately."""
    monkeypatch.setattr(offer_model, "OFFER_TTL", timedelta(0))


def codes(raw: dict[str, Any]) -> list[str]:
    return [m["code"] for m in raw.get("messages", [])]


def test_an_offered_price_is_stable_until_the_offer_expires() -> None:
    put(table())
    checkout = create(("mug.1", 1))
    put(table(method(flat=usd(900))), version=1)
    again = call(get_checkout.handler, f"GET {ONE}", id=checkout["id"]).json
    assert (again["totals"], codes(again)) == (checkout["totals"], [])
    put(table(method(id="boat")), version=2)
    body = checkout_body(("mug.1", 1), option="ground")
    changed = call(update_checkout.handler, f"PUT {ONE}", body, id=checkout["id"])
    assert changed.status == 200, changed.text
    assert changed.json["totals"] == checkout["totals"], "the offer has not expired"


@pytest.mark.usefixtures("_late")
def test_a_higher_shipping_price_is_shown_before_an_order_is_placed() -> None:
    put(table())
    checkout, other = create(("mug.1", 1)), create(("mug.1", 1))
    put(table(method(flat=usd(900))), version=1)
    shown = call(get_checkout.handler, f"GET {ONE}", id=checkout["id"]).json
    assert "shipping_price_changed" in codes(shown)
    warning = next(m for m in shown["messages"] if m["code"] == "shipping_price_changed")
    assert "9.00" in warning["content"]
    assert "4.00" in warning["content"]
    bought = call(
        complete_checkout.handler,
        f"POST {ONE}/complete",
        payment_body("tok_success"),
        id=other["id"],
    ).json
    assert bought["status"] != "completed"
    assert "price_changed" in codes(bought)


def test_a_removed_option_is_reported_even_if_another_costs_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given two checkouts whose option is then replaced by another at the same price
    put(table())
    checkout, other = create(("mug.1", 1)), create(("mug.1", 1))
    put(table(method(id="boat", title="Boat")), version=1)
    # When the offer has expired, both reading and completing report the change
    with monkeypatch.context() as patch:
        patch.setattr(offer_model, "OFFER_TTL", timedelta(0))
        shown = call(get_checkout.handler, f"GET {ONE}", id=other["id"]).json
        assert "shipping_option_unavailable" in codes(shown)
        first = call(
            complete_checkout.handler,
            f"POST {ONE}/complete",
            payment_body("tok_success"),
            id=checkout["id"],
        ).json
        assert first["status"] == "incomplete"
        assert {m["type"] for m in first["messages"]} == {"warning", "error"}
        assert set(codes(first)) == {"shipping_option_unavailable"}
        assert "Boat" in first["messages"][-1]["content"]
    # Then a second attempt completes the checkout with the new option
    bought = call(
        complete_checkout.handler,
        f"POST {ONE}/complete",
        payment_body("tok_success"),
        id=checkout["id"],
    ).json
    assert bought["status"] == "completed", (
        "the first attempt showed the change, so the second accepts it"
    )
    order = call(get_order.handler, "GET /orders/{id}", id=bought["order"]["id"])
    assert "Boat" in order.text
