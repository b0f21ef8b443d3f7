"""Limited coupons and sales: counted with the order, given back with it, never promised twice."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest

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
from tests.doubles.pricing import MemoryReferenceChecker
from tests.kit.order_fixtures import signed_in
from tests.kit.products import checkout_body, mug, payment_body, publish_with_stock
from tests.kit.shop import ApiResponse, Context, call
from tests.kit.ucp_validator import assert_valid_ucp

COMPLETE = "POST /checkout-sessions/{id}/complete"


def run(**more: Any) -> None:
    now = datetime.now(UTC)
    promotion = Promotion.from_dict({"title": more["id"], **more})
    calendar = DynamoPromotionRepository()
    create_promotion(promotion, promotions=calendar, assortment=MemoryReferenceChecker(), at=now)
    publish_promotion(promotion.id, promotions=calendar, at=now)
    rule_set_cache().clear()


@pytest.fixture(autouse=True)
def _open(cloud: None) -> None:
    publish_with_stock(mug(), pieces=50)


def coupon(**more: Any) -> None:
    effect = {"kind": "order_percent", "basis_points": 1000}
    run(id="tenth", code_required=True, effect=effect)
    made = Coupon("ten", "tenth", code="SAVE10", **more)
    create_coupon(
        made,
        coupons=DynamoCouponRepository(),
        promotions=DynamoPromotionRepository(),
        at=datetime.now(UTC),
    )


def flash(**more: Any) -> None:
    price = [{"amount": 500, "currency": "USD"}]
    run(id="flash", effect={"kind": "flash_sale", "price": price, **more})


def begin(pieces: int = 1, *codes: str, email: str = "jane@example.com") -> dict[str, Any]:
    more: dict[str, Any] = {"discounts": {"codes": list(codes)}} if codes else {}
    body = checkout_body(("mug.1", pieces), **more)
    body["buyer"]["email"] = email
    answer = call(create_checkout.handler, "POST /checkout-sessions", body)
    assert answer.status == 201, answer.text
    checkout: dict[str, Any] = answer.json
    return checkout


def pay(
    checkout: dict[str, Any], token: str = "tok_success", key: str | None = None
) -> ApiResponse:
    return call(
        complete_checkout.handler, COMPLETE, payment_body(token), key=key, id=checkout["id"]
    )


def codes(answer: ApiResponse) -> list[tuple[str, str | None]]:
    return [(m["code"], m.get("path")) for m in answer.json.get("messages", [])]


def total(body: dict[str, Any]) -> int:
    return int(next(t["amount"] for t in body["totals"] if t["type"] == "total"))


def used(name: str) -> int:
    return sum(int(row.used or 0) for row in PricingRow.scan() if row.pk.startswith(name))


def first_order(checkout: dict[str, Any]) -> Any:
    return DynamoOrderRepository().get("guest", derived_id("ord", checkout["id"], "1"))


def test_the_last_use_of_a_code_is_had_once_and_the_loser_is_told_by_name() -> None:
    coupon(quantity=1)
    first, second = begin(1, "SAVE10"), begin(1, "SAVE10", email="bob@example.com")
    assert total(first) == total(second) == 1299 - 130 + 599
    assert pay(first).json["status"] == "completed"
    answer = pay(second, key="one")
    assert_valid_ucp("checkout", answer.json)
    assert (answer.status, answer.json["status"]) == (200, "incomplete")
    assert codes(answer) == [
        ("discount_code_exhausted", "$.discounts.codes[0]"),
        ("price_changed", "$.totals"),
    ]
    assert total(answer.json) == 1299 + 599
    assert used("CODE#") == 1
    bought = pay(second, key="two")
    assert bought.json["status"] == "completed"
    assert first_order(second).total == 1299 + 599
    assert first_order(second).usage == ()
    assert used("CODE#") == 1


def test_a_use_that_came_back_meanwhile_is_taken_without_a_word() -> None:
    coupon(quantity=1)
    first, second = begin(1, "SAVE10"), begin(1, "SAVE10", email="bob@example.com")
    pay(first, "tok_never")
    taken: list[bool] = []

    def leave_before_it_is_priced_anew(*_: Any, **__: Any) -> Any:
        if not taken:
            taken.append(True)
            call(cancel_checkout.handler, "POST /checkout-sessions/{id}/cancel", id=first["id"])
        return standing(*_, **__)

    from shop.pricing.store.usage_counters import DynamoUsageLimitReader

    standing = DynamoUsageLimitReader.limits_for
    with patch.object(DynamoUsageLimitReader, "limits_for", leave_before_it_is_priced_anew):
        answer = pay(second)
    assert (taken, answer.json["status"]) == ([True], "completed")
    assert total(answer.json) == 1299 - 130 + 599
    assert used("CODE#") == 1


def test_a_customer_uses_a_code_as_often_as_it_allows_however_the_address_is_written() -> None:
    coupon(per_customer=1)
    first, second = begin(1, "SAVE10"), begin(1, "SAVE10", email="Jane+again@Example.com")
    assert pay(first).json["status"] == "completed"
    answer = pay(second)
    assert codes(answer) == [
        ("discount_code_user_ineligible", "$.discounts.codes[0]"),
        ("price_changed", "$.totals"),
    ]
    assert pay(begin(1, "SAVE10", email="joe@example.com")).json["status"] == "completed"
    assert used("CUSTOMER_USES#") == 2


def test_a_sale_sells_its_quota_and_the_next_buyer_is_told_which_price_changed() -> None:
    flash(quota=2)
    first, second = begin(2), begin(1, email="bob@example.com")
    assert total(second) == 500 + 599
    assert pay(first).json["status"] == "completed"
    answer = pay(second)
    assert_valid_ucp("checkout", answer.json)
    assert codes(answer) == [
        ("discount_exhausted", "$.line_items[0]"),
        ("price_changed", "$.totals"),
    ]
    assert total(answer.json) == 1299 + 599
    assert pay(second).json["status"] == "completed"
    assert used("QUOTA#flash") == 2


def test_a_customer_has_so_many_units_of_a_sale() -> None:
    flash(per_customer=2)
    first, second = begin(2), begin(1)
    assert pay(first).json["status"] == "completed"
    answer = pay(second)
    assert ("discount_exhausted", "$.line_items[0]") in codes(answer)
    assert used("CUSTOMER_QUOTA#flash#") == 2


def test_the_same_request_again_counts_once() -> None:
    coupon(quantity=5, per_customer=5)
    checkout = begin(1, "SAVE10")
    first, again = pay(checkout, key="one"), pay(checkout, key="one")
    assert first.text == again.text
    assert (used("CODE#"), used("CUSTOMER_USES#")) == (1, 1)


def test_a_code_without_a_limit_is_no_bottleneck() -> None:
    coupon()
    checkout = begin(1, "SAVE10")
    assert pay(checkout).json["status"] == "completed"
    assert first_order(checkout).total == 1299 - 130 + 599
    assert first_order(checkout).usage == ()


def _leave(order: Any) -> None:
    call(cancel_checkout.handler, "POST /checkout-sessions/{id}/cancel", id=order.checkout_id)


def _staff(order: Any) -> None:
    route, body = "POST /staff/orders/{id}/cancel", {"reason": "broken"}
    with patch.dict("os.environ", {"ACCESS": "staff", "ACCESS_GROUPS": "staff"}):
        answer = call(
            cancel_order.handler, route, body, claims=signed_in("wanda", "staff"), id=order.id
        )
    assert answer.status == 200, answer.text


def _deadline(order: Any) -> None:
    compensate_payment.handler(
        {"order_id": order.id, "failure": {"Error": "States.Timeout"}}, Context()
    )


def _not_shipped(order: Any) -> None:
    compensate_shipment.handler({"order_id": order.id}, Context())


def _sweep(order: Any) -> None:
    from shop.entrypoints import scheduler

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> "Later":
            return super().now(tz) + timedelta(minutes=31)

    with patch.object(scheduler, "datetime", Later):
        expire_unpaid_orders.handler({}, Context())


def _payment_failed(order: Any) -> None:
    from shop.payments.model import PaymentStatus, ProviderPaymentState

    report = ProviderPaymentState("pay_x", PaymentStatus.FAILED, reason="card_declined")
    with patch.object(
        type(apply_payment_event.provider), "get_payment", lambda *_: (order.id, report)
    ):
        record = {"messageId": "m", "body": '{"provider": "sandbox", "reference": "pay_x"}'}
        told = apply_payment_event.handler({"Records": [record]}, Context())
    assert told == {"batchItemFailures": []}


ENDS: list[tuple[str, Callable[[Any], None]]] = [
    ("tok_never", _leave),
    ("tok_never", _deadline),
    ("tok_never", _sweep),
    ("tok_never", _staff),
    ("tok_never", _payment_failed),
    ("tok_success", _staff),
    ("tok_success", _not_shipped),
    ("tok_declined", lambda order: None),
    ("tok_unreadable", lambda order: None),
]


@pytest.mark.parametrize(("token", "end"), ENDS, ids=[f"{t} {e.__name__}" for t, e in ENDS])
def test_every_way_an_order_is_called_off_gives_its_uses_back_once(
    token: str, end: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    from shop.kernel.errors import InvalidRequest
    from shop.payments.gateway.sandbox import SandboxProvider

    coupon(quantity=1, per_customer=1)
    flash(quota=2, per_customer=2)
    checkout = begin(2, "SAVE10")
    if token == "tok_unreadable":

        def unreadable(*_: Any, **__: Any) -> Any:
            raise InvalidRequest("no such payment method", code="payment_method_unknown")

        monkeypatch.setattr(SandboxProvider, "authorise", unreadable)
        token = "tok_success"
    pay(checkout, token)
    order = first_order(checkout)
    lives = order.status.value != "cancelled"
    counted = [used(name) for name in ("CODE#", "CUSTOMER_USES#", "QUOTA#", "CUSTOMER_QUOTA#")]
    assert counted == ([1, 1, 2, 2] if lives else [0, 0, 0, 0])
    end(order)
    end(order)
    assert DynamoOrderRepository().get_by_id(order.id).status.value == "cancelled"
    assert [used(name) for name in ("CODE#", "CUSTOMER_USES#", "QUOTA#", "CUSTOMER_QUOTA#")] == [
        0,
        0,
        0,
        0,
    ]
    code = PricingRow.get("CODE#SAVE10", "CODE")
    assert int(code.remaining) == 1
