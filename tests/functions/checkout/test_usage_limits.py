"""Limits of coupons and sales: consumed with the order and released with its cancellation."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest

from functions.cart import create_cart, get_cart
from functions.checkout import cancel_checkout, complete_checkout, create_checkout
from functions.scheduled import expire_unpaid_orders
from functions.staff_orders import cancel_order
from functions.webhooks import apply_payment_event
from functions.workflows import compensate_payment, compensate_shipment
from shop.kernel.ids import derived_id
from shop.orders.store import DynamoOrderRepository
from shop.pricing.actions.coupons import create_coupon
from shop.pricing.actions.promotions import create_promotion, publish_promotion
from shop.pricing.model.coupons import Coupon
from shop.pricing.model.promotions import Promotion
from shop.pricing.store.coupons import DynamoCouponRepository
from shop.pricing.store.promotions import DynamoPromotionRepository
from shop.pricing.store.rows import PricingRow
from shop.pricing.store.rule_set_cache import rule_set_cache
from shop.tax.store.cache import tax_table_cache
from tests.doubles.pricing import MemoryReferenceChecker
from tests.kit.order_fixtures import signed_in
from tests.kit.products import checkout_body, lines, mug, payment_body, publish_with_stock
from tests.kit.shop import ApiResponse, Context, call
from tests.kit.ucp_validator import assert_valid_ucp

COMPLETE = "POST /checkout-sessions/{id}/complete"


def run(**more: Any) -> None:
    now = datetime.now(UTC)
    promotion = Promotion.from_dict({"title": more["id"], **more})
    calendar = DynamoPromotionRepository()
    create_promotion(promotion, promotions=calendar, assortment=MemoryReferenceChecker(), at=now)
    publish_promotion(promotion.id, promotions=calendar, at=now)
    rule_set_cache(tax_table_cache()).clear()


@pytest.fixture(autouse=True)
def _published_mug(cloud: None) -> None:
    publish_with_stock(mug(), pieces=50)


def coupon(**more: Any) -> None:
    effect = {"kind": "order_percent", "off_ppm": 100_000}
    run(id="tenth", code_required=True, effect=effect)
    created = Coupon("ten", "tenth", code="SAVE10", **more)
    create_coupon(
        created,
        coupons=DynamoCouponRepository(),
        promotions=DynamoPromotionRepository(),
        at=datetime.now(UTC),
    )


def publish_flash_sale(**more: Any) -> None:
    price = [{"amount": 500, "currency": "USD"}]
    run(id="flash", effect={"kind": "flash_sale", "price": price, **more})


def create(pieces: int = 1, *message_codes: str, email: str = "jane@example.com") -> dict[str, Any]:
    more: dict[str, Any] = {"discounts": {"codes": list(message_codes)}} if message_codes else {}
    body = checkout_body(("mug.1", pieces), **more)
    body["buyer"]["email"] = email
    answer = call(create_checkout.handler, "POST /checkout-sessions", body)
    assert answer.status == 201, answer.text
    checkout: dict[str, Any] = answer.json
    return checkout


def complete(
    checkout: dict[str, Any], token: str = "tok_success", key: str | None = None
) -> ApiResponse:
    return call(
        complete_checkout.handler, COMPLETE, payment_body(token), key=key, id=checkout["id"]
    )


def message_codes(answer: ApiResponse) -> list[tuple[str, str | None]]:
    return [(m["code"], m.get("path")) for m in answer.json.get("messages", [])]


def total(body: dict[str, Any]) -> int:
    return int(next(t["amount"] for t in body["totals"] if t["type"] == "total"))


COUNTERS = ("CODE#", "CUSTOMER_USES#", "QUOTA#", "CUSTOMER_QUOTA#")


def units_used(name: str) -> int:
    return sum(int(row.used or 0) for row in PricingRow.scan() if row.pk.startswith(name))


def first_order(checkout: dict[str, Any]) -> Any:
    return DynamoOrderRepository().get("guest", derived_id("ord", checkout["id"], "1"))


def test_last_use_of_a_code_is_consumed_once() -> None:
    coupon(quantity=1)
    first, second = create(1, "SAVE10"), create(1, "SAVE10", email="bob@example.com")
    assert total(first) == total(second) == 1299 - 130 + 599
    assert complete(first).json["status"] == "completed"
    answer = complete(second, key="one")
    assert_valid_ucp("checkout", answer.json)
    assert (answer.status, answer.json["status"]) == (200, "incomplete")
    assert message_codes(answer) == [
        ("discount_code_exhausted", "$.discounts.codes[0]"),
        ("price_changed", "$.totals"),
    ]
    assert total(answer.json) == 1299 + 599
    assert units_used("CODE#") == 1
    bought = complete(second, key="two")
    assert bought.json["status"] == "completed"
    assert first_order(second).total == 1299 + 599
    assert first_order(second).usage == ()
    assert units_used("CODE#") == 1


def test_use_released_meanwhile_is_consumed_on_retry() -> None:
    coupon(quantity=1)
    first, second = create(1, "SAVE10"), create(1, "SAVE10", email="bob@example.com")
    complete(first, "tok_never")
    canceled: list[bool] = []

    def cancel_before_reading_limits(*_: Any, **__: Any) -> Any:
        if not canceled:
            canceled.append(True)
            call(cancel_checkout.handler, "POST /checkout-sessions/{id}/cancel", id=first["id"])
        return limits_for(*_, **__)

    from shop.pricing.store.usage_counters import DynamoUsageLimitReader

    limits_for = DynamoUsageLimitReader.limits_for
    with patch.object(DynamoUsageLimitReader, "limits_for", cancel_before_reading_limits):
        answer = complete(second)
    assert (canceled, answer.json["status"]) == ([True], "completed")
    assert total(answer.json) == 1299 - 130 + 599
    assert units_used("CODE#") == 1


def test_customer_limit_counts_all_spellings_of_an_email() -> None:
    coupon(per_customer=1)
    first, second = create(1, "SAVE10"), create(1, "SAVE10", email="Jane+again@Example.com")
    assert complete(first).json["status"] == "completed"
    answer = complete(second)
    assert message_codes(answer) == [
        ("discount_code_user_ineligible", "$.discounts.codes[0]"),
        ("price_changed", "$.totals"),
    ]
    assert complete(create(1, "SAVE10", email="joe@example.com")).json["status"] == "completed"
    assert units_used("CUSTOMER_USES#") == 2


def test_customer_limit_counts_both_spellings_of_an_international_domain() -> None:
    coupon(per_customer=1)
    first = create(1, "SAVE10", email="jane@bücher.example")
    second = create(1, "SAVE10", email="Jane@xn--bcher-kva.example")
    third = create(1, "SAVE10", email="ja\u200bne@BÜCHER．example")
    assert first["buyer"]["email"] == "jane@bücher.example"
    assert second["buyer"]["email"] == "Jane@xn--bcher-kva.example"
    assert third["buyer"]["email"] == "jane@BÜCHER.example"
    assert complete(first).json["status"] == "completed"
    for later in (second, third):
        assert message_codes(complete(later))[0] == (
            "discount_code_user_ineligible",
            "$.discounts.codes[0]",
        )
    assert units_used("CUSTOMER_USES#") == 1


def test_exhausted_sale_quota_is_reported_with_the_new_price() -> None:
    publish_flash_sale(quota=2)
    first, second = create(2), create(1, email="bob@example.com")
    assert total(second) == 500 + 599
    assert complete(first).json["status"] == "completed"
    answer = complete(second)
    assert_valid_ucp("checkout", answer.json)
    assert message_codes(answer) == [
        ("discount_exhausted", "$.line_items[0]"),
        ("price_changed", "$.totals"),
    ]
    assert total(answer.json) == 1299 + 599
    assert complete(second).json["status"] == "completed"
    assert units_used("QUOTA#flash") == 2


def test_sale_has_a_unit_limit_per_customer() -> None:
    publish_flash_sale(per_customer=2)
    first, second = create(2), create(1)
    assert complete(first).json["status"] == "completed"
    answer = complete(second)
    assert message_codes(answer) == [
        ("discount_limit_reached", "$.line_items[0]"),
        ("price_changed", "$.totals"),
    ]
    assert units_used("CUSTOMER_QUOTA#flash#") == 2


def cart_messages(pieces: int) -> list[dict[str, Any]]:
    body = {"line_items": lines(("mug.1", pieces)), "buyer": {"email": "jane@example.com"}}
    answer = call(create_cart.handler, "POST /carts", body)
    assert_valid_ucp("cart", answer.json)
    shown = call(get_cart.handler, "GET /carts/{id}", id=answer.json["id"])
    assert shown.json.get("messages") == answer.json.get("messages")
    return list(answer.json.get("messages", []))


def test_cart_and_checkout_name_the_limit_of_a_sale_before_the_purchase() -> None:
    publish_flash_sale(quota=10, per_customer=2)
    assert cart_messages(2) == []
    (message,) = cart_messages(3)
    assert (message["type"], message["code"]) == ("warning", "discount_partial")
    assert message["path"] == "$.line_items[0]"
    assert message["content"] == (
        "flash reduces 2 of 3 units: each customer can buy 2 at this price."
    )
    checkout = create(3)
    assert [each["code"] for each in checkout["messages"]] == ["discount_partial"]
    assert checkout["status"] == "ready_for_complete"
    assert complete(checkout).json["status"] == "completed"
    # Then the customer has bought all that the sale allows
    (message,) = cart_messages(1)
    assert (message["code"], message["path"]) == ("discount_limit_reached", "$.line_items[0]")
    assert message["content"] == (
        "flash is limited to 2 for each customer, and you have bought as many. It does not reduce"
        " Enamel Mug – Red."
    )


def test_cart_names_the_sale_that_is_used_up() -> None:
    publish_flash_sale(quota=2)
    (message,) = cart_messages(5)
    assert message["content"] == "flash reduces 2 of 5 units: no more are left at this price."
    assert complete(create(2)).json["status"] == "completed"
    (message,) = cart_messages(1)
    assert (message["type"], message["code"]) == ("warning", "discount_exhausted")
    assert message["content"] == "flash has reached its limit. It does not reduce Enamel Mug – Red."
    assert [each["code"] for each in create(1)["messages"]] == ["discount_exhausted"]


def test_sale_that_reduces_less_when_it_is_bought_is_reported_once() -> None:
    publish_flash_sale(quota=3)
    first, second = create(2), create(2, email="bob@example.com")
    assert complete(first).json["status"] == "completed"
    answer = complete(second)
    assert message_codes(answer) == [
        ("discount_partial", "$.line_items[0]"),
        ("price_changed", "$.totals"),
    ]


def test_repeated_key_counts_usage_once() -> None:
    coupon(quantity=5, per_customer=5)
    checkout = create(1, "SAVE10")
    first, repeated = complete(checkout, key="one"), complete(checkout, key="one")
    assert first.text == repeated.text
    assert (units_used("CODE#"), units_used("CUSTOMER_USES#")) == (1, 1)


def test_code_without_limit_has_no_usage_counter() -> None:
    coupon()
    checkout = create(1, "SAVE10")
    assert complete(checkout).json["status"] == "completed"
    assert first_order(checkout).total == 1299 - 130 + 599
    assert first_order(checkout).usage == ()


def buyer_cancels(order: Any) -> None:
    call(cancel_checkout.handler, "POST /checkout-sessions/{id}/cancel", id=order.checkout_id)


def staff_cancel(order: Any) -> None:
    route, body = "POST /staff/orders/{id}/cancel", {"reason": "broken"}
    with patch.dict("os.environ", {"ACCESS": "staff", "ACCESS_GROUPS": "staff"}):
        answer = call(
            cancel_order.handler, route, body, claims=signed_in("wanda", "staff"), id=order.id
        )
    assert answer.status == 200, answer.text


def payment_times_out(order: Any) -> None:
    compensate_payment.handler(
        {"order_id": order.id, "failure": {"Error": "States.Timeout"}}, Context()
    )


def shipment_fails(order: Any) -> None:
    compensate_shipment.handler({"order_id": order.id}, Context())


def expiry_sweep(order: Any) -> None:
    from shop.entrypoints import scheduler

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> "Later":
            return super().now(tz) + timedelta(minutes=31)

    with patch.object(scheduler, "datetime", Later):
        expire_unpaid_orders.handler({}, Context())


def payment_fails(order: Any) -> None:
    from shop.payments.model import PaymentStatus, ProviderPaymentState

    report = ProviderPaymentState("pay_x", PaymentStatus.FAILED, reason="card_declined")
    with patch.object(
        type(apply_payment_event.provider), "get_payment", lambda *_: (order.id, report)
    ):
        record = {"messageId": "m", "body": '{"provider": "sandbox", "reference": "pay_x"}'}
        result = apply_payment_event.handler({"Records": [record]}, Context())
    assert result == {"batchItemFailures": []}


CANCELLATIONS: list[tuple[str, Callable[[Any], None]]] = [
    ("tok_never", buyer_cancels),
    ("tok_never", payment_times_out),
    ("tok_never", expiry_sweep),
    ("tok_never", staff_cancel),
    ("tok_never", payment_fails),
    ("tok_success", staff_cancel),
    ("tok_success", shipment_fails),
    ("tok_declined", lambda order: None),
    ("tok_unreadable", lambda order: None),
]


@pytest.mark.parametrize(
    ("token", "cancellation"), CANCELLATIONS, ids=[f"{t} {e.__name__}" for t, e in CANCELLATIONS]
)
def test_every_cancellation_releases_usage_once(
    token: str, cancellation: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    from shop.kernel.errors import InvalidRequest
    from shop.payments.gateway.sandbox import SandboxProvider

    # Given an order that consumes four counters
    coupon(quantity=1, per_customer=1)
    publish_flash_sale(quota=2, per_customer=2)
    checkout = create(2, "SAVE10")
    if token == "tok_unreadable":

        def unreadable(*_: Any, **__: Any) -> Any:
            raise InvalidRequest("no such payment method", code="payment_method_unknown")

        monkeypatch.setattr(SandboxProvider, "authorize", unreadable)
        token = "tok_success"
    complete(checkout, token)
    order = first_order(checkout)
    is_active = order.status.value != "cancelled"
    counters = [units_used(name) for name in COUNTERS]
    assert counters == ([1, 1, 2, 2] if is_active else [0, 0, 0, 0])
    # When it is cancelled, twice
    cancellation(order)
    cancellation(order)
    # Then every counter is released once
    assert DynamoOrderRepository().get_by_id(order.id).status.value == "cancelled"
    assert [units_used(name) for name in COUNTERS] == [0, 0, 0, 0]
    code = PricingRow.get("CODE#SAVE10", "CODE")
    assert int(code.remaining) == 1
