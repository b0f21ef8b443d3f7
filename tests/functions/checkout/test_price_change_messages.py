"""Messages about prices that changed since a cart or checkout was shown.

Changes that the shop made are reported; differences that the client asked for are not.
"""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from functions.cart import create_cart, get_cart, update_cart
from functions.checkout import complete_checkout, create_checkout, get_checkout, update_checkout
from shop.catalog.store import DynamoProductCatalog
from shop.kernel.money import Money
from shop.pricing.actions.promotions import end_promotion
from shop.pricing.store.promotions import DynamoPromotionRepository
from shop.pricing.store.rule_set_cache import rule_set_cache
from shop.tax.store.cache import tax_table_cache
from tests.functions.checkout.test_discounts import coupon, run
from tests.kit.products import checkout_body, lines, mug, payment_body, publish_with_stock
from tests.kit.shop import call
from tests.kit.ucp_validator import assert_valid_ucp

MUGS = lines(("mug.1", 2))
SALE: dict[str, Any] = {"id": "sale", "effect": {"kind": "percent_off", "off_ppm": 400_000}}
CHECKOUT = "/checkout-sessions/{id}"

Body = dict[str, Any]


@pytest.fixture(autouse=True)
def _published_goods(cloud: None) -> None:
    publish_with_stock(mug(), pieces=50)
    publish_with_stock(mug("cup"), pieces=50)


def end_sale(promotion: str = "sale") -> None:
    end_promotion(promotion, promotions=DynamoPromotionRepository(), at=datetime.now(UTC))
    rule_set_cache(tax_table_cache()).clear()


def publish_spend_save(least: int, save: int) -> None:
    tier = {
        "spend": {"amount": least, "currency": "USD"},
        "save": {"amount": save, "currency": "USD"},
    }
    run(id="tiers", effect={"kind": "spend_save", "tiers": [tier]})


def new_cart(items: Any = MUGS, **more: Any) -> Body:
    cart = call(create_cart.handler, "POST /carts", {"line_items": items, **more})
    assert cart.status == 201, cart.text
    return dict(cart.json)


def read_cart(new_cart: Body) -> Body:
    return dict(call(get_cart.handler, "GET /carts/{id}", id=new_cart["id"]).json)


def change_cart(new_cart: Body, items: Any = MUGS, **more: Any) -> Body:
    body = {"line_items": items, **more}
    change_messages = call(update_cart.handler, "PUT /carts/{id}", body, id=new_cart["id"])
    assert_valid_ucp("cart", change_messages.json)
    return dict(change_messages.json)


def new_checkout(*wanted: tuple[str, int], **more: Any) -> Body:
    body = checkout_body(*(wanted or (("mug.1", 2),)), **more)
    change_messages = call(create_checkout.handler, "POST /checkout-sessions", body)
    assert change_messages.status == 201, change_messages.text
    assert_valid_ucp("checkout", change_messages.json)
    return dict(change_messages.json)


def change_checkout(checkout: Body, *wanted: tuple[str, int], **more: Any) -> Body:
    body = checkout_body(*(wanted or (("mug.1", 2),)), **more)
    change_messages = call(update_checkout.handler, f"PUT {CHECKOUT}", body, id=checkout["id"])
    assert_valid_ucp("checkout", change_messages.json)
    return dict(change_messages.json)


def read_checkout(checkout: Body) -> Body:
    return dict(call(get_checkout.handler, f"GET {CHECKOUT}", id=checkout["id"]).json)


def complete(checkout: Body) -> Body:
    route = f"POST {CHECKOUT}/complete"
    change_messages = call(
        complete_checkout.handler, route, payment_body("tok_success"), id=checkout["id"]
    )
    assert_valid_ucp("checkout", change_messages.json)
    return dict(change_messages.json)


def total(body: Body) -> int:
    return int(next(t["amount"] for t in body["totals"] if t["type"] == "total"))


def change_messages(body: Body) -> dict[tuple[str, str], str]:
    changes = [m for m in body.get("messages", []) if "changed" in m["code"]]
    return {(m["code"], m["path"]): m["content"] for m in changes}


LINE = ("line_total_changed", "$.line_items[0].totals")
TOTAL = ("total_changed", "$.totals")


def test_cart_reports_promotions_started_and_ended_since_shown() -> None:
    cart = new_cart()
    other = new_cart()
    assert change_messages(read_cart(cart)) == {}
    run(**SALE)
    cheaper = read_cart(cart)
    assert change_messages(cheaper) == {
        LINE: "2 × Enamel Mug now costs 15.59 USD; it was displayed at 25.98 USD.",
        TOTAL: "The displayed total of 25.98 USD is now 15.59 USD; sale takes 10.39 USD off.",
    }
    assert change_messages(change_cart(other)) == change_messages(cheaper)
    assert (
        change_messages(change_cart(other))
        == change_messages(read_cart(other))
        == change_messages(read_cart(cart))
        == {}
    )
    end_sale()
    assert change_messages(read_cart(cart))[TOTAL] == (
        "The displayed total of 15.59 USD is now 25.98 USD; sale has ended."
    )
    assert (
        change_messages(change_cart(other))[LINE]
        == "2 × Enamel Mug now costs 25.98 USD; it was displayed at 15.59 USD."
    )


def test_order_promotion_change_is_reported_on_the_total_only() -> None:
    run(id="sale", effect={"kind": "order_percent", "off_ppm": 100_000})
    cart = new_cart()
    end_sale()
    assert set(change_messages(read_cart(cart))) == {TOTAL}


def test_only_changes_by_the_shop_are_reported() -> None:
    run(**SALE)
    coupon()
    publish_spend_save(3000, 500)
    cart = new_cart()
    for more in (
        {"items": lines(("mug.1", 3))},
        {"items": lines(("mug.1", 3), ("cup.1", 5))},
        {"items": lines(("cup.1", 1))},
        {"items": lines(("mug.1", 1), ("mug.2", 1)), "discounts": {"codes": ["SAVE10"]}},
        {"items": MUGS, "discounts": {"codes": []}},
        {"items": MUGS, "context": {"address_country": "DE"}},
    ):
        assert change_messages(change_cart(cart, **more)) == {}, more
    change_cart(cart, lines(("mug.1", 2), ("cup.1", 5)))
    end_sale()
    response = change_messages(change_cart(cart, lines(("mug.1", 1))))
    assert response == {
        LINE: "2 × Enamel Mug now costs 25.98 USD; it was displayed at 15.59 USD.",
        TOTAL: "The displayed total of 49.56 USD is now 85.93 USD; sale has ended.",
    }


def test_removed_line_of_a_limited_sale_is_not_reported() -> None:
    price = [{"amount": 500, "currency": "USD"}]
    goods = {"products": ["cup"]}
    run(id="flash", goods=goods, effect={"kind": "flash_sale", "price": price, "quota": 2})
    assert complete(new_checkout(("cup.1", 1)))["status"] == "completed"
    cart = new_cart(lines(("mug.1", 1), ("cup.1", 2)))
    assert total(cart) == 1299 + 500 + 1299
    assert change_messages(change_cart(cart, lines(("mug.1", 1)))) == {}


def test_line_with_another_variant_is_not_compared() -> None:
    cart = new_cart()
    run(**SALE)
    other = [{"id": cart["line_items"][0]["id"], "item": {"id": "cup.2"}, "quantity": 2}]
    assert set(change_messages(change_cart(cart, other))) == {TOTAL}


def test_unit_price_change_is_reported_for_any_quantity() -> None:
    cart = new_cart()
    catalog = DynamoProductCatalog()
    before = catalog.get("mug")
    variants = tuple(replace(each, price=Money(1500, "USD")) for each in before.variants)
    catalog.save(replace(before, variants=variants), expected_version=before.version)
    assert change_messages(change_cart(cart, lines(("mug.1", 5)))) == {
        (
            "price_changed",
            "$.line_items[0].item.price",
        ): "Enamel Mug now costs 15.00 USD; it was displayed at 12.99 USD.",
        TOTAL: "The displayed total of 25.98 USD is now 30.00 USD.",
    }


def test_checkout_from_cart_reports_changes_since_cart_was_shown() -> None:
    run(**SALE)
    unchanged, cart = new_cart(), new_cart()
    assert change_messages(new_checkout(cart_id=unchanged["id"])) == {}
    end_sale()
    checkout = new_checkout(cart_id=cart["id"])
    assert change_messages(checkout)[TOTAL] == (
        "The displayed total of 15.59 USD is now 25.98 USD; sale has ended."
    )
    assert total(checkout) == 2598 + 599
    assert checkout["status"] == "ready_for_complete"


def test_updated_checkout_reports_an_ended_sale_only() -> None:
    run(**SALE)
    checkout = new_checkout()
    assert change_messages(change_checkout(checkout, ("mug.1", 3))) == {}
    assert change_messages(change_checkout(checkout, ("mug.1", 2), option="us-express")) == {}
    end_sale()
    after = change_checkout(checkout, ("mug.1", 1), option="us-express")
    assert change_messages(after) == {
        LINE: "2 × Enamel Mug now costs 25.98 USD; it was displayed at 15.59 USD.",
        TOTAL: "The displayed total of 35.58 USD is now 45.97 USD; sale has ended.",
    }
    assert change_messages(read_checkout(checkout)) == change_messages(after)
    assert total(complete(checkout)) == total(after) == 1299 + 1999


def test_offer_holds_for_its_time_after_the_sale_ended() -> None:
    run(**SALE)
    checkout = new_checkout()
    end_sale()
    for shown in (read_checkout(checkout), change_checkout(checkout), read_checkout(checkout)):
        assert (total(shown), change_messages(shown)) == (1559 + 599, {})
    completed = complete(checkout)
    assert (completed["status"], total(completed)) == ("completed", 1559 + 599)


def test_lower_price_replaces_a_fresh_offer() -> None:
    one, other, third = new_checkout(), new_checkout(), new_checkout()
    run(**SALE)
    shown = read_checkout(one)
    assert total(shown) == 1559 + 599
    assert TOTAL in change_messages(shown)
    completed = complete(one)
    assert (completed["status"], total(completed)) == ("completed", 1559 + 599)
    response = complete(other)
    assert (response["status"], total(response)) == ("incomplete", 1559 + 599)
    assert change_messages(response) == {
        ("price_changed", "$.totals"): "The displayed total of 31.97 USD is now 21.58 USD; "
        "sale takes 10.39 USD off. Review it and complete the checkout again."
    }
    assert complete(other)["status"] == "completed"
    updated = change_checkout(third)
    assert (total(updated), set(change_messages(updated))) == (1559 + 599, {LINE, TOTAL})
    assert complete(third)["status"] == "completed"


def test_last_shown_total_is_compared_and_charged() -> None:
    cart, checkout = new_cart(), new_checkout()
    run(**SALE)
    assert total(read_cart(cart)) == 1559
    assert total(read_checkout(checkout)) == 1559 + 599
    end_sale()
    body = {**checkout_body(), "cart_id": cart["id"]}
    assert change_messages(new_checkout(**body))[TOTAL] == (
        "The displayed total of 15.59 USD is now 25.98 USD; sale has ended."
    )
    completed = complete(checkout)
    assert (completed["status"], total(completed)) == ("completed", 1559 + 599)


def test_exhausted_sale_is_reported_in_cart_and_checkout() -> None:
    price = [{"amount": 500, "currency": "USD"}]
    run(id="flash", effect={"kind": "flash_sale", "price": price, "quota": 2})
    cart, checkout = new_cart(), new_checkout()
    assert complete(new_checkout())["status"] == "completed"
    response = "The displayed total of 10.00 USD is now 25.98 USD; flash is used up."
    assert change_messages(read_cart(cart))[TOTAL] == response
    updated = change_checkout(checkout, ("mug.1", 1))
    assert change_messages(updated)[TOTAL].endswith("is now 31.97 USD; flash is used up.")
