"""What was shown and costs something else now is said, whoever looks and however; what costs
something else because its client asked for another thing is not.
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
from tests.functions.checkout.test_discounts import coupon, run
from tests.kit.products import checkout_body, lines, mug, payment_body, publish_with_stock
from tests.kit.shop import call
from tests.kit.ucp_validator import assert_valid_ucp

MUGS = lines(("mug.1", 2))
SALE: dict[str, Any] = {"id": "sale", "effect": {"kind": "percent_off", "basis_points": 4000}}
CHECKOUT = "/checkout-sessions/{id}"

Body = dict[str, Any]


@pytest.fixture(autouse=True)
def _open(cloud: None) -> None:
    publish_with_stock(mug(), pieces=50)
    publish_with_stock(mug("cup"), pieces=50)


def end(promotion: str = "sale") -> None:
    end_promotion(promotion, promotions=DynamoPromotionRepository(), at=datetime.now(UTC))
    rule_set_cache().clear()


def spend(least: int, save: int) -> None:
    tier = {
        "spend": {"amount": least, "currency": "USD"},
        "save": {"amount": save, "currency": "USD"},
    }
    run(id="tiers", effect={"kind": "spend_save", "tiers": [tier]})


def cart(items: Any = MUGS, **more: Any) -> Body:
    made = call(create_cart.handler, "POST /carts", {"line_items": items, **more})
    assert made.status == 201, made.text
    return dict(made.json)


def look(cart: Body) -> Body:
    return dict(call(get_cart.handler, "GET /carts/{id}", id=cart["id"]).json)


def change(cart: Body, items: Any = MUGS, **more: Any) -> Body:
    body = {"line_items": items, **more}
    said = call(update_cart.handler, "PUT /carts/{id}", body, id=cart["id"])
    assert_valid_ucp("cart", said.json)
    return dict(said.json)


def begin(*wanted: tuple[str, int], **more: Any) -> Body:
    body = checkout_body(*(wanted or (("mug.1", 2),)), **more)
    said = call(create_checkout.handler, "POST /checkout-sessions", body)
    assert said.status == 201, said.text
    assert_valid_ucp("checkout", said.json)
    return dict(said.json)


def put(checkout: Body, *wanted: tuple[str, int], **more: Any) -> Body:
    body = checkout_body(*(wanted or (("mug.1", 2),)), **more)
    said = call(update_checkout.handler, f"PUT {CHECKOUT}", body, id=checkout["id"])
    assert_valid_ucp("checkout", said.json)
    return dict(said.json)


def open_(checkout: Body) -> Body:
    return dict(call(get_checkout.handler, f"GET {CHECKOUT}", id=checkout["id"]).json)


def buy(checkout: Body) -> Body:
    route = f"POST {CHECKOUT}/complete"
    said = call(complete_checkout.handler, route, payment_body("tok_success"), id=checkout["id"])
    assert_valid_ucp("checkout", said.json)
    return dict(said.json)


def total(body: Body) -> int:
    return int(next(t["amount"] for t in body["totals"] if t["type"] == "total"))


def said(body: Body) -> dict[tuple[str, str], str]:
    told = [m for m in body.get("messages", []) if "changed" in m["code"]]
    return {(m["code"], m["path"]): m["content"] for m in told}


LINE = ("line_total_changed", "$.line_items[0].totals")
WHOLE = ("total_changed", "$.totals")


def test_a_cart_says_what_began_and_what_ended_since_it_was_shown() -> None:
    made = cart()
    other = cart()
    assert said(look(made)) == {}
    run(**SALE)
    cheaper = look(made)
    assert said(cheaper) == {
        LINE: "2 × Enamel Mug now costs 15.59 USD; it was displayed at 25.98 USD.",
        WHOLE: "The displayed total of 25.98 USD is now 15.59 USD; sale takes 10.39 USD off.",
    }
    assert said(change(other)) == said(cheaper)
    assert said(change(other)) == said(look(other)) == said(look(made)) == {}
    end()
    assert said(look(made))[WHOLE] == (
        "The displayed total of 15.59 USD is now 25.98 USD; sale has ended."
    )
    assert (
        said(change(other))[LINE]
        == "2 × Enamel Mug now costs 25.98 USD; it was displayed at 15.59 USD."
    )


def test_a_change_of_the_whole_order_is_said_of_the_total_and_of_no_line() -> None:
    run(id="sale", effect={"kind": "order_percent", "basis_points": 1000})
    made = cart()
    end()
    assert set(said(look(made))) == {WHOLE}


def test_what_a_client_asked_for_itself_is_no_change_and_what_the_shop_did_meanwhile_is() -> None:
    run(**SALE)
    coupon()
    spend(3000, 500)
    made = cart()
    for more in (
        {"items": lines(("mug.1", 3))},
        {"items": lines(("mug.1", 3), ("cup.1", 5))},
        {"items": lines(("cup.1", 1))},
        {"items": lines(("mug.1", 1), ("mug.2", 1)), "discounts": {"codes": ["SAVE10"]}},
        {"items": MUGS, "discounts": {"codes": []}},
        {"items": MUGS, "context": {"address_country": "DE"}},
    ):
        assert said(change(made, **more)) == {}, more
    change(made, lines(("mug.1", 2), ("cup.1", 5)))
    end()
    told = said(change(made, lines(("mug.1", 1))))
    assert told == {
        LINE: "2 × Enamel Mug now costs 25.98 USD; it was displayed at 15.59 USD.",
        WHOLE: "The displayed total of 49.56 USD is now 85.93 USD; sale has ended.",
    }


def test_a_limited_sale_of_goods_that_are_taken_out_is_not_missed() -> None:
    price = [{"amount": 500, "currency": "USD"}]
    goods = {"products": ["cup"]}
    run(id="flash", goods=goods, effect={"kind": "flash_sale", "price": price, "quota": 2})
    assert buy(begin(("cup.1", 1)))["status"] == "completed"
    made = cart(lines(("mug.1", 1), ("cup.1", 2)))
    assert total(made) == 1299 + 500 + 1299
    assert said(change(made, lines(("mug.1", 1)))) == {}


def test_a_line_that_became_another_article_is_not_taken_for_the_one_before() -> None:
    made = cart()
    run(**SALE)
    other = [{"id": made["line_items"][0]["id"], "item": {"id": "cup.2"}, "quantity": 2}]
    assert set(said(change(made, other))) == {WHOLE}


def test_a_dearer_article_is_said_at_its_price_however_many_are_wanted_now() -> None:
    made = cart()
    catalogue = DynamoProductCatalog()
    before = catalogue.get("mug")
    variants = tuple(replace(each, price=Money(1500, "USD")) for each in before.variants)
    catalogue.save(replace(before, variants=variants), expected_version=before.version)
    assert said(change(made, lines(("mug.1", 5)))) == {
        (
            "price_changed",
            "$.line_items[0].item.price",
        ): "Enamel Mug now costs 15.00 USD; it was displayed at 12.99 USD.",
        WHOLE: "The displayed total of 25.98 USD is now 30.00 USD.",
    }


def test_a_checkout_begun_from_a_cart_says_what_changed_since_the_cart_was_shown() -> None:
    run(**SALE)
    made = cart()
    body = {**checkout_body(), "cart_id": made["id"]}
    assert said(begin(**body)) == {}
    end()
    begun = begin(**body)
    assert said(begun)[WHOLE] == (
        "The displayed total of 15.59 USD is now 25.98 USD; sale has ended."
    )
    assert total(begun) == 2598 + 599
    assert begun["status"] == "ready_for_complete"


def test_a_checkout_that_is_changed_says_what_ended_meanwhile_and_nothing_else() -> None:
    run(**SALE)
    begun = begin()
    assert said(put(begun, ("mug.1", 3))) == {}
    assert said(put(begun, ("mug.1", 2), option="us-express")) == {}
    end()
    after = put(begun, ("mug.1", 1), option="us-express")
    assert said(after) == {
        LINE: "2 × Enamel Mug now costs 25.98 USD; it was displayed at 15.59 USD.",
        WHOLE: "The displayed total of 35.58 USD is now 45.97 USD; sale has ended.",
    }
    assert said(open_(begun)) == said(after)
    assert total(buy(begun)) == total(after) == 1299 + 1999


def test_what_a_checkout_offered_stands_for_its_time_though_the_sale_has_ended() -> None:
    run(**SALE)
    begun = begin()
    end()
    for shown in (open_(begun), put(begun), open_(begun)):
        assert (total(shown), said(shown)) == (1559 + 599, {})
    bought = buy(begun)
    assert (bought["status"], total(bought)) == ("completed", 1559 + 599)


def test_what_became_cheaper_reaches_the_buyer_within_that_time() -> None:
    one, other, third = begin(), begin(), begin()
    run(**SALE)
    seen = open_(one)
    assert total(seen) == 1559 + 599
    assert WHOLE in said(seen)
    bought = buy(one)
    assert (bought["status"], total(bought)) == ("completed", 1559 + 599)
    told = buy(other)
    assert (told["status"], total(told)) == ("incomplete", 1559 + 599)
    assert said(told) == {
        ("price_changed", "$.totals"): "The displayed total of 31.97 USD is now 21.58 USD; "
        "sale takes 10.39 USD off. Review it and complete the checkout again."
    }
    assert buy(other)["status"] == "completed"
    sent = put(third)
    assert (total(sent), set(said(sent))) == (1559 + 599, {LINE, WHOLE})
    assert buy(third)["status"] == "completed"


def test_what_was_shown_last_is_compared_whoever_showed_it_and_no_other_total_is_charged() -> None:
    made, begun = cart(), begin()
    run(**SALE)
    assert total(look(made)) == 1559
    assert total(open_(begun)) == 1559 + 599
    end()
    body = {**checkout_body(), "cart_id": made["id"]}
    assert said(begin(**body))[WHOLE] == (
        "The displayed total of 15.59 USD is now 25.98 USD; sale has ended."
    )
    bought = buy(begun)
    assert (bought["status"], total(bought)) == ("completed", 1559 + 599)


def test_what_ran_out_is_said_of_a_cart_and_of_a_checkout_that_is_sent_again() -> None:
    price = [{"amount": 500, "currency": "USD"}]
    run(id="flash", effect={"kind": "flash_sale", "price": price, "quota": 2})
    made, begun = cart(), begin()
    assert buy(begin())["status"] == "completed"
    told = "The displayed total of 10.00 USD is now 25.98 USD; flash is used up."
    assert said(look(made))[WHOLE] == told
    sent = put(begun, ("mug.1", 1))
    assert said(sent)[WHOLE].endswith("is now 31.97 USD; flash is used up.")
