"""Promotions and discount codes in carts and checkouts."""

from datetime import UTC, datetime
from typing import Any

import pytest
from ucp_sdk.models.schemas.shopping import discount  # type: ignore[import-untyped]

from functions.cart import create_cart, get_cart, update_cart
from functions.checkout import complete_checkout, create_checkout
from shop.orders.store import DynamoOrderRepository
from shop.pricing.actions.coupons import create_coupon
from shop.pricing.actions.promotions import create_promotion, publish_promotion
from shop.pricing.model.coupons import Coupon
from shop.pricing.model.promotions import Promotion
from shop.pricing.store.coupons import DynamoCouponRepository
from shop.pricing.store.promotions import DynamoPromotionRepository
from shop.pricing.store.rule_set_cache import rule_set_cache
from shop.tax.store.cache import tax_table_cache
from tests.doubles.pricing import MemoryReferenceChecker
from tests.kit.products import checkout_body, lines, mug, payment_body, publish_with_stock
from tests.kit.shop import ApiResponse, call
from tests.kit.ucp_validator import assert_valid_ucp

pytestmark = pytest.mark.usefixtures("cloud")


def run(**more: Any) -> None:
    calendar, now = DynamoPromotionRepository(), datetime.now(UTC)
    promotion = Promotion.from_dict({"title": more["id"], **more})
    create_promotion(promotion, promotions=calendar, assortment=MemoryReferenceChecker(), at=now)
    publish_promotion(promotion.id, promotions=calendar, at=now)
    rule_set_cache(tax_table_cache()).clear()


def coupon(code: str = "SAVE-10", **more: Any) -> None:
    effect = {"kind": "order_percent", "off_ppm": 100_000}
    run(id="tenth", code_required=True, effect=effect, **more)
    now = datetime.now(UTC)
    created = Coupon("ten", "tenth", code=code)
    create_coupon(
        created, coupons=DynamoCouponRepository(), promotions=DynamoPromotionRepository(), at=now
    )


def new_cart(*codes: str, **more: Any) -> ApiResponse:
    body = {"line_items": lines(("mug.1", 2)), "discounts": {"codes": list(codes)}}
    return call(create_cart.handler, "POST /carts", body, **more)


def messages(answer: ApiResponse) -> list[tuple[str, str]]:
    return [(m["code"], m["path"]) for m in answer.json.get("messages", [])]


def totals(body: dict[str, Any]) -> dict[str, int]:
    return {t["type"]: t["amount"] for t in body["totals"]}


def test_code_discount_is_allocated_to_its_line() -> None:
    publish_with_stock(mug(), pieces=5)
    coupon()
    answer = new_cart("save 1o")
    assert answer.status == 201, answer.text
    assert_valid_ucp("cart", answer.json)
    discount.Cart.model_validate(answer.json)
    assert answer.json["discounts"]["codes"] == ["save 1o"]
    (applied,) = answer.json["discounts"]["applied"]
    assert (applied["code"], applied["amount"]) == ("save 1o", 260)
    assert applied["allocations"] == [{"path": "$.line_items[0]", "amount": 260}]
    assert totals(answer.json) == {"subtotal": 2598, "items_discount": -260, "total": 2338}


def test_automatic_promotion_needs_no_code() -> None:
    publish_with_stock(mug(), pieces=5)
    run(id="free", effect={"kind": "shipping_off", "off_ppm": 1_000_000})
    answer = call(create_checkout.handler, "POST /checkout-sessions", checkout_body(("mug.1", 1)))
    assert_valid_ucp("checkout", answer.json)
    discount.Checkout.model_validate(answer.json)
    (applied,) = answer.json["discounts"]["applied"]
    assert (applied["automatic"], applied["amount"]) == (True, 599)
    assert applied["allocations"] == [{"path": "$.totals.shipping", "amount": 599}]
    assert totals(answer.json)["discount"] == -599
    assert totals(answer.json)["total"] == 1299


@pytest.mark.parametrize(
    ("typed", "more", "code"),
    [
        ("NOTHING", {}, "discount_code_invalid"),
        (
            "SAVE10",
            {"conditions": {"min_amount": [{"amount": 9999, "currency": "USD"}]}},
            "discount_code_not_applicable",
        ),
        ("SAVE10", {"conditions": {"signed_in": True}}, "discount_code_user_not_logged_in"),
    ],
)
def test_code_without_effect_is_reported_and_changes_no_total(
    typed: str, more: dict[str, Any], code: str
) -> None:
    publish_with_stock(mug(), pieces=5)
    coupon(**more)
    answer = new_cart(typed)
    assert_valid_ucp("cart", answer.json)
    assert messages(answer) == [(code, "$.discounts.codes[0]")]
    assert answer.json["discounts"] == {"codes": [typed], "applied": []}
    assert totals(answer.json) == {"subtotal": 2598, "total": 2598}


def test_codes_persist_through_cart_checkout_and_order() -> None:
    publish_with_stock(mug(), pieces=5)
    coupon()
    cart = new_cart("SAVE10").json
    route = "PUT /carts/{id}"
    same = call(update_cart.handler, route, {"line_items": lines(("mug.1", 1))}, id=cart["id"])
    assert totals(same.json)["items_discount"] == -130
    assert call(get_cart.handler, "GET /carts/{id}", id=cart["id"]).json["discounts"]
    body = {**checkout_body(), "cart_id": cart["id"]}
    checkout = call(create_checkout.handler, "POST /checkout-sessions", body).json
    assert_valid_ucp("checkout", checkout)
    assert totals(checkout)["items_discount"] == -130
    route = "POST /checkout-sessions/{id}/complete"
    completed = call(
        complete_checkout.handler, route, payment_body("tok_success"), id=checkout["id"]
    ).json
    order = DynamoOrderRepository().get("guest", completed["order"]["id"])
    quote = order.placed_quote
    assert quote is not None
    assert quote.codes[0].code == "SAVE10"
    assert order.total == totals(checkout)["total"]
    empty = {"line_items": lines(("mug.1", 1)), "discounts": {"codes": []}}
    other = call(update_cart.handler, "PUT /carts/{id}", empty, id=cart["id"])
    assert "discounts" not in other.json


def test_unknown_codes_are_rate_limited_and_known_ones_are_not() -> None:
    publish_with_stock(mug(), pieces=5)
    coupon()
    for number in range(10):
        assert new_cart("SAVE10").status == 201
        assert new_cart(f"GUESS{number}").status == 201
    rejected = new_cart("GUESS10")
    assert (rejected.status, messages(rejected)) == (
        429,
        [("too_many_codes", "$.discounts.codes")],
    )
    assert (
        call(create_cart.handler, "POST /carts", {"line_items": lines(("mug.1", 1))}).status == 201
    )
