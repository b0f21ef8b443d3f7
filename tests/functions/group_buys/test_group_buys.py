"""Buying together: a group fills and its orders go on, or everyone is made whole."""

from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest

from functions.checkout import cancel_checkout, complete_checkout, create_checkout, get_checkout
from functions.event_handlers import refund_excess_payment, update_group_buy
from functions.group_buys import create_group_buy, get_group_buy
from functions.scheduled import close_group_buys
from functions.staff_orders import cancel_order, create_shipment
from shop.inventory.store import DynamoStockRepository
from shop.kernel.errors import NotFound
from shop.kernel.ids import derived_id
from shop.orders.model import Order, OrderStatus
from shop.orders.store import DynamoOrderRepository
from shop.payments.model import PaymentStatus
from shop.pricing.actions.promotions import create_promotion, publish_promotion
from shop.pricing.model.promotions import Promotion
from shop.pricing.store.promotions import DynamoPromotionRepository
from shop.pricing.store.rows import PricingRow
from shop.pricing.store.rule_set_cache import rule_set_cache
from shop.tax.store.cache import tax_table_cache
from tests.doubles.pricing import MemoryReferenceChecker
from tests.kit.order_fixtures import put_secrets, signed_in
from tests.kit.products import checkout_body, mug, payment_body, publish_with_stock
from tests.kit.shop import ApiResponse, Context, call

OPEN = "POST /group-buys"
COMPLETE = "POST /checkout-sessions/{id}/complete"
PRICE, SHIPPING = 700, 599


@pytest.fixture(autouse=True)
def _shop(cloud: None) -> None:
    put_secrets()
    create_shipment.secret._read_at = None
    publish_with_stock(mug(), pieces=10)
    now = datetime.now(UTC)
    price = [{"amount": PRICE, "currency": "USD"}]
    told = {
        "id": "together",
        "title": "Together",
        "code_required": True,
        "effect": {"kind": "group_price", "price": price, "size": 2, "hours": 1},
    }
    calendar = DynamoPromotionRepository()
    create_promotion(
        Promotion.from_dict(told), promotions=calendar, assortment=MemoryReferenceChecker(), at=now
    )
    publish_promotion("together", promotions=calendar, at=now)
    rule_set_cache(tax_table_cache()).clear()


def opened(key: str = "open") -> dict[str, Any]:
    answer = call(create_group_buy.handler, OPEN, {"promotion_id": "together"}, key=key)
    assert answer.status == 201, answer.text
    group: dict[str, Any] = answer.json
    return group


def look(group: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = call(get_group_buy.handler, "GET /group-buys/{id}", id=group["id"]).json
    return found


def begin(group: dict[str, Any], name: str) -> dict[str, Any]:
    body = checkout_body(("mug.1", 1), discounts={"codes": [group["code"]]})
    body["buyer"]["email"] = f"{name}@example.com"
    answer = call(create_checkout.handler, "POST /checkout-sessions", body)
    assert answer.status == 201, answer.text
    checkout: dict[str, Any] = answer.json
    return checkout


def pay(checkout: dict[str, Any], token: str = "tok_success") -> ApiResponse:
    return call(complete_checkout.handler, COMPLETE, payment_body(token), id=checkout["id"])


def order_of(checkout: dict[str, Any]) -> Order:
    return DynamoOrderRepository().get("guest", derived_id("ord", checkout["id"], "1"))


def told(order: Order, kind: str) -> None:
    """The reaction hears what the order's write told."""
    data = {"order_id": order.id, "group_buy": order.group_buy}
    detail = {
        "id": f"{order.id}.{kind}",
        "subject": order.id,
        "at": datetime.now(UTC).isoformat(),
        "data": data,
    }
    event = {"detail-type": kind, "source": "doorbuster", "detail": detail}
    if kind == "OrderCancelled":
        refund_excess_payment.handler(event, Context())
    update_group_buy.handler(event, Context())


def bought(group: dict[str, Any], name: str) -> Order:
    checkout = begin(group, name)
    assert pay(checkout).json["status"] == "completed"
    return order_of(checkout)


def joined(group: dict[str, Any], name: str) -> Order:
    order = bought(group, name)
    told(order, "OrderConfirmed")
    return DynamoOrderRepository().get_by_id(order.id)


def ship(order: Order) -> ApiResponse:
    parcel = {"carrier": "ups", "tracking_number": f"1Z{order.id[-8:]}"}
    return call(
        create_shipment.handler,
        "POST /staff/orders/{id}/parcels",
        parcel,
        claims=signed_in("ops"),
        id=order.id,
    )


def later(**time: float) -> dict[str, Any]:
    """The clock wakes the job that closes groups, so much later."""
    then = datetime.now(UTC) + timedelta(**time)
    with patch("shop.entrypoints.scheduler.datetime") as clock:
        clock.now.return_value = then
        done: dict[str, Any] = close_group_buys.handler({}, Context())
    return done


def total(body: dict[str, Any]) -> int:
    return int(next(t["amount"] for t in body["totals"] if t["type"] == "total"))


def available() -> int:
    return DynamoStockRepository().level(mug().variants[0].sku).available


def test_a_group_that_fills_lets_every_order_go_on() -> None:
    group = opened()
    assert (group["status"], group["size"], group["seats_remaining"]) == ("forming", 2, 2)
    assert total(begin(group, "ann")) == PRICE + SHIPPING
    ann = joined(group, "ann")
    assert look(group)["members"] == 1
    refused = ship(ann)
    assert (refused.status, refused.json["code"]) == (409, "group_forming")
    bob = joined(group, "bob")
    assert (look(group)["status"], look(group)["seats_remaining"]) == ("succeeded", 0)
    for order in (ann, bob):
        assert DynamoOrderRepository().get_by_id(order.id).group_succeeded
        assert ship(order).status == 201
    assert not list(PricingRow.query("GROUP_BUYS_DUE#0"))
    assert later(hours=2) == {"due": 0, "settled": 0}


def test_a_group_that_does_not_fill_makes_everyone_whole() -> None:
    before = available()
    group = opened()
    ann = joined(group, "ann")
    assert available() == before - 1
    assert later(hours=1, seconds=30) == {"due": 1, "settled": 0}
    assert DynamoOrderRepository().get_by_id(ann.id).status is OrderStatus.CONFIRMED
    assert later(hours=1, minutes=3) == {"due": 1, "settled": 1}
    cancelled = DynamoOrderRepository().get_by_id(ann.id)
    assert (cancelled.status, cancelled.cancel_reason) == (OrderStatus.CANCELLED, "group_failed")
    told(cancelled, "OrderCancelled")
    payment = DynamoOrderRepository().get_by_id(ann.id).payment
    assert (payment.status, payment.total_of("captured")) == (PaymentStatus.CANCELLED, 0)
    assert available() == before
    assert look(group)["status"] == "failed"
    assert later(hours=1, minutes=3) == {"due": 0, "settled": 0}


def test_a_group_has_as_many_places_as_members_also_for_those_who_are_still_paying() -> None:
    group = opened()
    first, second, third = (begin(group, name) for name in ("ann", "bob", "cho"))
    assert pay(first, "tok_never").json["status"] == "complete_in_progress"
    assert pay(second).json["status"] == "completed"
    answer = pay(third).json
    assert [m["code"] for m in answer["messages"]] == ["discount_code_exhausted", "price_changed"]
    call(cancel_checkout.handler, "POST /checkout-sessions/{id}/cancel", id=first["id"])
    joined(group, "cho")
    told(order_of(second), "OrderConfirmed")
    assert look(group)["status"] == "succeeded"


def refusal(group: dict[str, Any], name: str) -> tuple[str, str]:
    """What the checkout of somebody who comes with the group's code says, with which words."""
    (message,) = begin(group, name)["messages"]
    return message["code"], message["content"]


def test_nobody_takes_two_places() -> None:
    group = opened()
    joined(group, "ann")
    code, content = refusal(group, "ann+again")
    assert (code, "already" in content) == ("discount_code_user_ineligible", True)


def test_the_code_of_a_group_that_lets_nobody_in_says_why() -> None:
    group = opened()
    bought(group, "ann"), bought(group, "bob")
    code, content = refusal(group, "cho")
    assert (code, "for now" in content) == ("discount_code_exhausted", True)
    full = opened("full")
    joined(full, "ann"), joined(full, "bob")
    code, content = refusal(full, "cho")
    assert (code, "complete" in content) == ("discount_code_exhausted", True)
    late = opened("late")
    joined(late, "ann")
    later(hours=1, minutes=3)
    code, content = refusal(late, "cho")
    assert (code, "did not fill" in content) == ("discount_code_expired", True)


def test_whoever_completes_after_the_deadline_buys_nothing_and_is_told_why() -> None:
    group = opened()
    checkout = begin(group, "bob")
    assert total(checkout) == PRICE + SHIPPING
    deadline = datetime.fromisoformat(group["deadline"])
    with patch("shop.entrypoints.http.datetime") as clock:
        # A checkout's offer stands for 15 minutes: this one is made just before the deadline.
        clock.now.return_value = deadline - timedelta(seconds=5)
        late, early = begin(group, "cho"), begin(group, "dan")
        assert pay(early).json["status"] == "completed"
        clock.now.return_value = deadline
        answer = pay(late).json
        assert answer["status"] == "incomplete"
        assert [m["code"] for m in answer["messages"]] == ["discount_code_expired", "price_changed"]
        assert total(answer) == 1299 + SHIPPING
        with pytest.raises(NotFound):
            order_of(late)
        assert available() == 9
        assert pay(late).json["status"] == "completed"
        assert (order_of(late).total, order_of(late).group_buy) == (1299 + SHIPPING, None)
        seen = call(get_checkout.handler, "GET /checkout-sessions/{id}", id=checkout["id"]).json
        assert total(seen) == 1299 + SHIPPING


def test_whoever_calls_off_gives_the_seat_back_while_the_group_forms() -> None:
    group = opened()
    ann = joined(group, "ann")
    call(
        cancel_order.handler,
        "POST /staff/orders/{id}/cancel",
        {"reason": "changed my mind"},
        claims=signed_in("ops"),
        id=ann.id,
    )
    told(ann, "OrderCancelled")
    assert look(group)["members"] == 0
    joined(group, "ann")
    joined(group, "bob")
    assert look(group)["status"] == "succeeded"


def test_an_event_heard_twice_or_after_the_order_was_called_off_takes_no_seat() -> None:
    group = opened()
    ann = joined(group, "ann")
    told(ann, "OrderConfirmed")
    assert look(group)["members"] == 1
    bob = bought(group, "bob")
    call(
        cancel_order.handler,
        "POST /staff/orders/{id}/cancel",
        {"reason": "no"},
        claims=signed_in("ops"),
        id=bob.id,
    )
    told(bob, "OrderCancelled")
    told(bob, "OrderConfirmed")
    assert look(group)["members"] == 1


def test_who_pays_after_the_group_failed_is_made_whole() -> None:
    group = opened()
    bob = bought(group, "bob")
    later(hours=1, minutes=3)
    told(bob, "OrderConfirmed")
    assert DynamoOrderRepository().get_by_id(bob.id).status is OrderStatus.CANCELLED


def test_what_was_cut_off_while_settling_is_finished_by_the_clock() -> None:
    group = opened()
    joined(group, "ann")
    bob = bought(group, "bob")
    with pytest.MonkeyPatch.context() as changed:
        from shop.orders.actions import group_buys as actions

        def cut(*_: Any, **__: Any) -> None:
            raise TimeoutError("cut off")

        changed.setattr(actions, "_release_for_shipping", cut)
        with pytest.raises(TimeoutError):
            told(bob, "OrderConfirmed")
    assert look(group)["status"] == "succeeded"
    assert not DynamoOrderRepository().get_by_id(bob.id).group_succeeded
    assert later(hours=1, minutes=3) == {"due": 1, "settled": 1}
    assert DynamoOrderRepository().get_by_id(bob.id).group_succeeded


def test_the_code_of_a_group_that_is_decided_opens_nothing() -> None:
    group = opened()
    joined(group, "ann")
    joined(group, "bob")
    answer = begin(group, "cho")
    assert [m["code"] for m in answer["messages"]] == ["discount_code_exhausted"]
    assert total(answer) == 1299 + SHIPPING


def test_opening_twice_under_one_key_is_one_group() -> None:
    assert opened() == opened()
    assert opened("another")["id"] != opened()["id"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"promotion_id": "nothing"}, 404, "not_found"),
        ({"promotion_id": "x y"}, 400, "format_invalid"),
        ({}, 400, "missing"),
        ({"promotion_id": "together", "size": 1}, 400, "unknown_field"),
    ],
)
def test_what_cannot_be_opened_is_said(body: Any, status: int, code: str) -> None:
    answer = call(create_group_buy.handler, OPEN, body, key="k")
    assert answer.status == status, answer.text
    assert code in answer.text


def test_a_group_that_nobody_opened_is_not_found() -> None:
    answer = call(get_group_buy.handler, "GET /group-buys/{id}", id="grp_nothing")
    assert (answer.status, answer.json["code"]) == (404, "group_unknown")
