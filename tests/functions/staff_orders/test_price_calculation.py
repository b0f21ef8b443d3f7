"""The stored price calculation of an order, as staff and its buyer see it."""

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


def buy_with_promotions() -> dict[str, Any]:
    """Buy three mugs for New York: 1 USD and 10 % (code) off, shipping at half price."""
    publish_with_stock(mug(), pieces=5)
    coupon("SAVE-10", stacking={"group": "second"})
    run(id="half", title="Half shipping", effect={"kind": "shipping_off", "off_ppm": 500_000})
    discount = [{"amount": 100, "currency": "USD"}]
    run(
        id="dollar",
        title="A dollar off",
        effect={"kind": "order_amount", "amount": discount},
        stacking={"group": "first"},
    )
    body = checkout_body(("mug.1", 3), discounts={"codes": ["save-10"]})
    body["fulfillment"]["methods"][0]["destinations"] = [NEW_YORK]
    checkout = call(create_checkout.handler, "POST /checkout-sessions", body)
    assert checkout.status == 201, checkout.text
    route = "POST /checkout-sessions/{id}/complete"
    response = call(
        complete_checkout.handler, route, payment_body("tok_success"), id=checkout.json["id"]
    )
    assert response.json["status"] == "completed", response.text
    return {"id": response.json["order"]["id"], "checkout": checkout.json}


def staff_view(order_id: str) -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACCESS", "staff")
        patch.setenv("ACCESS_GROUPS", "staff,fulfilment")
        claims = signed_in("wanda", "fulfilment")
        response = call(get_order.handler, "GET /staff/orders/{id}", claims=claims, id=order_id)
    assert response.status == 200, response.text
    order: dict[str, Any] = response.json
    return order


def buyer_view(order_id: str) -> dict[str, Any]:
    order: dict[str, Any] = call(get_own_order.handler, "GET /orders/{id}", id=order_id).json
    assert_valid_ucp("order", order)
    return order


def test_staff_see_promotions_codes_tax_rounding_and_trace() -> None:
    # Given an order with three promotions and New York tax
    order = staff_view(buy_with_promotions()["id"])
    pricing = order["pricing"]
    # Then the line shows its prices, discounts, units and tax
    (line,) = pricing["lines"]
    assert (line["list_price"], line["unit_price"], line["subtotal"]) == (1299, 1299, 3897)
    assert [(d["promotion_id"], d["title"], d.get("code")) for d in line["discounts"]] == [
        ("dollar", "A dollar off", None),
        ("tenth", "tenth", "save-10"),
    ]
    discount = sum(d["amount"] for d in line["discounts"])
    assert line["total"] == line["subtotal"] - discount == order["lines"][0]["total"]
    assert sum(u["units"] for u in line["units"]) == 3
    assert sum(u["units"] * u["total"] for u in line["units"]) == line["total"]
    assert sum(u["units"] * u["discount"] for u in line["units"]) == discount
    assert sum(u["units"] * u["tax"] for u in line["units"]) == line["tax"]["amount"]
    assert line["tax"] == {
        "tax_class": "standard",
        "name": "NY sales tax",
        "rate_ppm": 40_000,
        "amount": order["lines"][0]["tax"],
        "included": False,
        "jurisdiction": "US-NY",
        "reverse_charge": False,
    }
    # And shipping shows its own discount and tax
    shipping = pricing["shipping"]
    assert [(d["promotion_id"], d["amount"]) for d in shipping["discounts"]] == [("half", 300)]
    (tax,) = shipping["taxes"]
    assert (tax["tax_class"], tax["jurisdiction"], tax["rate_ppm"]) == ("shipping", "US-NY", 40_000)
    assert (tax["base"], tax["amount"]) == (shipping["total"], shipping["tax"])
    assert order["tax"] == line["tax"]["amount"] + shipping["tax"]
    # And the rounding policy, the trace and the codes are stored
    assert pricing["rounding"] == {"mode": "half_even", "tax_by": "line", "tax_mode": "half_up"}
    assert [(e["step"], e["rule"]) for e in pricing["trace"] if e["applied"]] == [
        ("order", "dollar"),
        ("order", "tenth"),
        ("shipping", "half"),
        ("tax", "US-NY"),
    ]
    assert pricing["codes"][0]["promotion_id"] == "tenth"


def test_buyer_sees_each_discount_and_tax_rate_by_name() -> None:
    checkout = buy_with_promotions()
    view = buyer_view(checkout["id"])
    assert totals(view) == totals(checkout["checkout"])
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
    order_id = buy_with_promotions()["id"]
    before = staff_view(order_id), buyer_view(order_id)
    promotions, now = DynamoPromotionRepository(), datetime.now(UTC)
    promotion = promotions.get("dollar")
    renamed = replace(promotion, title="Renamed", version=promotion.version + 1)
    promotions.save(promotion, renamed, [Event("e", "PromotionRevised", "dollar", now, {})])
    for row in list(PricingRow.scan()):
        row.delete()
    rule_set_cache(tax_table_cache()).clear()
    assert (staff_view(order_id), buyer_view(order_id)) == before
