"""Staff and the buyer see how an order's prices came about, for good."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from functions.checkout import complete_checkout, create_checkout
from functions.orders import get_order as get_own_order
from functions.staff_orders import get_order
from shop.kernel.events import Event
from shop.pricing.store.promotions import DynamoPromotionRepository
from shop.pricing.store.rows import PricingRow
from shop.pricing.store.rule_set_cache import rule_set_cache
from shop.tax.store.cache import tax_table_cache
from tests.functions.checkout.test_discounts import coupon, run, totals
from tests.kit.order_fixtures import signed_in
from tests.kit.products import checkout_body, mug, payment_body, publish_with_stock
from tests.kit.shop import call
from tests.kit.ucp_validator import assert_valid_ucp

pytestmark = pytest.mark.usefixtures("cloud")

NEW_YORK = {
    "street_address": "350 5th Ave",
    "address_locality": "New York",
    "address_region": "NY",
    "postal_code": "10118",
    "address_country": "US",
}


def bought() -> dict[str, Any]:
    """Three mugs for New York: a dollar and a tenth by code off them, shipping at half price."""
    publish_with_stock(mug(), pieces=5)
    coupon("SAVE-10", stacking={"group": "second"})
    run(id="half", title="Half shipping", effect={"kind": "shipping_off", "basis_points": 5_000})
    off = [{"amount": 100, "currency": "USD"}]
    run(
        id="dollar",
        title="A dollar off",
        effect={"kind": "order_amount", "amount": off},
        stacking={"group": "first"},
    )
    body = checkout_body(("mug.1", 3), discounts={"codes": ["save-10"]})
    body["fulfillment"]["methods"][0]["destinations"] = [NEW_YORK]
    made = call(create_checkout.handler, "POST /checkout-sessions", body)
    assert made.status == 201, made.text
    route = "POST /checkout-sessions/{id}/complete"
    done = call(complete_checkout.handler, route, payment_body("tok_success"), id=made.json["id"])
    assert done.json["status"] == "completed", done.text
    return {"id": done.json["order"]["id"], "checkout": made.json}


def at_the_desk(order_id: str) -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACCESS", "staff")
        patch.setenv("ACCESS_GROUPS", "staff,fulfilment")
        claims = signed_in("wanda", "fulfilment")
        answer = call(get_order.handler, "GET /staff/orders/{id}", claims=claims, id=order_id)
    assert answer.status == 200, answer.text
    told: dict[str, Any] = answer.json
    return told


def own(order_id: str) -> dict[str, Any]:
    told: dict[str, Any] = call(get_own_order.handler, "GET /orders/{id}", id=order_id).json
    assert_valid_ucp("order", told)
    return told


def test_staff_see_promotions_codes_tax_rounding_and_trace() -> None:
    order = at_the_desk(bought()["id"])
    pricing = order["pricing"]
    (line,) = pricing["lines"]
    assert (line["list_price"], line["unit_price"], line["subtotal"]) == (1299, 1299, 3897)
    assert [(d["promotion_id"], d["title"], d.get("code")) for d in line["discounts"]] == [
        ("dollar", "A dollar off", None),
        ("tenth", "tenth", "save-10"),
    ]
    off = sum(d["amount"] for d in line["discounts"])
    assert line["total"] == line["subtotal"] - off == order["lines"][0]["total"]
    assert sum(u["units"] for u in line["units"]) == 3
    assert sum(u["units"] * u["total"] for u in line["units"]) == line["total"]
    assert sum(u["units"] * u["discount"] for u in line["units"]) == off
    assert sum(u["units"] * u["tax"] for u in line["units"]) == line["tax"]["amount"]
    assert line["tax"] == {
        "tax_class": "standard",
        "name": "NY sales tax",
        "rate": 40_000,
        "amount": order["lines"][0]["tax"],
        "included": False,
        "jurisdiction": "US-NY",
        "reverse_charge": False,
    }
    shipping = pricing["shipping"]
    assert [(d["promotion_id"], d["amount"]) for d in shipping["discounts"]] == [("half", 300)]
    assert (shipping["tax"]["tax_class"], shipping["tax"]["jurisdiction"]) == ("shipping", "US-NY")
    assert order["tax"] == line["tax"]["amount"] + shipping["tax"]["amount"]
    assert pricing["rounding"] == {"mode": "half_even", "tax_by": "line"}
    assert [(e["step"], e["rule"]) for e in pricing["trace"] if e["applied"]] == [
        ("order", "dollar"),
        ("order", "tenth"),
        ("shipping", "half"),
        ("tax", "US-NY"),
    ]
    assert pricing["codes"][0]["promotion_id"] == "tenth"


def test_buyer_sees_each_discount_and_tax_rate_by_name() -> None:
    made = bought()
    view = own(made["id"])
    assert totals(view) == totals(made["checkout"])
    sums = {entry["type"]: entry for entry in view["totals"]}
    for kind, names in (
        ("items_discount", ["A dollar off", "tenth (save-10)"]),
        ("discount", ["Half shipping"]),
        ("tax", ["NY sales tax 4 %"]),
    ):
        assert [line["display_text"] for line in sums[kind]["lines"]] == names
        assert sum(line["amount"] for line in sums[kind]["lines"]) == sums[kind]["amount"]
    *parts, last = view["line_items"][0]["totals"]
    assert [part.get("display_text") for part in parts][1:] == ["A dollar off", "tenth (save-10)"]
    assert sum(part["amount"] for part in parts) == last["amount"]


def test_later_changes_of_a_promotion_do_not_change_orders() -> None:
    order_id = bought()["id"]
    before = at_the_desk(order_id), own(order_id)
    calendar, now = DynamoPromotionRepository(), datetime.now(UTC)
    promotion = calendar.get("dollar")
    renamed = replace(promotion, title="Gone", version=promotion.version + 1)
    calendar.save(promotion, renamed, [Event("e", "PromotionRevised", "dollar", now, {})])
    for row in list(PricingRow.scan()):
        row.delete()
    rule_set_cache(tax_table_cache()).clear()
    assert (at_the_desk(order_id), own(order_id)) == before
