"""Group buys end to end: a group fills and its orders ship, or all orders are cancelled."""

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
    promotion = {
        "id": "together",
        "title": "Together",
        "code_required": True,
        "effect": {"kind": "group_price", "price": price, "size": 2, "hours": 1},
    }
    repository = DynamoPromotionRepository()
    create_promotion(
        Promotion.from_dict(promotion),
        promotions=repository,
        assortment=MemoryReferenceChecker(),
        at=now,
    )
    publish_promotion("together", promotions=repository, at=now)
    rule_set_cache(tax_table_cache()).clear()


def open_group(key: str = "open") -> dict[str, Any]:
    response = call(create_group_buy.handler, OPEN, {"promotion_id": "together"}, key=key)
    assert response.status == 201, response.text
    group: dict[str, Any] = response.json
    return group


def read_group(group: dict[str, Any]) -> dict[str, Any]:
    response = call(get_group_buy.handler, "GET /group-buys/{id}", id=group["id"])
    current: dict[str, Any] = response.json
    return current


def begin_checkout(group: dict[str, Any], name: str) -> dict[str, Any]:
    body = checkout_body(("mug.1", 1), discounts={"codes": [group["code"]]})
    body["buyer"]["email"] = f"{name}@example.com"
    response = call(create_checkout.handler, "POST /checkout-sessions", body)
    assert response.status == 201, response.text
    checkout: dict[str, Any] = response.json
    return checkout


def pay(checkout: dict[str, Any], token: str = "tok_success") -> ApiResponse:
    return call(complete_checkout.handler, COMPLETE, payment_body(token), id=checkout["id"])


def order_of(checkout: dict[str, Any]) -> Order:
    return DynamoOrderRepository().get("guest", derived_id("ord", checkout["id"], "1"))


def deliver_event(order: Order, kind: str) -> None:
    """Deliver the event of the order's write to its handlers."""
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


def buy(group: dict[str, Any], name: str) -> Order:
    checkout = begin_checkout(group, name)
    assert pay(checkout).json["status"] == "completed"
    return order_of(checkout)


def join(group: dict[str, Any], name: str) -> Order:
    order = buy(group, name)
    deliver_event(order, "OrderConfirmed")
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


def run_job(group: dict[str, Any], **after_deadline: float) -> dict[str, Any]:
    """Run the scheduled job that closes groups, some time after the deadline of a group."""
    deadline = datetime.fromisoformat(group["deadline"])
    with patch("shop.entrypoints.scheduler.datetime") as clock:
        clock.now.return_value = deadline + timedelta(**after_deadline)
        result: dict[str, Any] = close_group_buys.handler({}, Context())
    return result


def total(body: dict[str, Any]) -> int:
    return int(next(t["amount"] for t in body["totals"] if t["type"] == "total"))


def available() -> int:
    return DynamoStockRepository().level(mug().variants[0].sku).available


def test_complete_group_lets_every_order_ship() -> None:
    # Given a group of two
    group = open_group()
    assert (group["status"], group["size"], group["seats_remaining"]) == ("forming", 2, 2)
    assert total(begin_checkout(group, "ann")) == PRICE + SHIPPING

    # When one has joined, then its order waits
    ann = join(group, "ann")
    assert read_group(group)["members"] == 1
    rejected = ship(ann)
    assert (rejected.status, rejected.json["code"]) == (409, "group_forming")

    # When the other has joined, then both orders ship, and the job has nothing to settle
    bob = join(group, "bob")
    assert (read_group(group)["status"], read_group(group)["seats_remaining"]) == ("succeeded", 0)
    for order in (ann, bob):
        assert DynamoOrderRepository().get_by_id(order.id).group_succeeded
        assert ship(order).status == 201
    assert not list(PricingRow.query("GROUP_BUYS_DUE#0"))
    assert run_job(group, hours=1) == {"due": 0, "settled": 0}


def test_failed_group_cancels_and_refunds_every_order() -> None:
    # Given a group with one of two members
    before = available()
    group = open_group()
    ann = join(group, "ann")
    assert available() == before - 1

    # When its deadline has passed, then it stays open for late events of payments
    assert run_job(group, seconds=30) == {"due": 1, "settled": 0}
    assert DynamoOrderRepository().get_by_id(ann.id).status is OrderStatus.CONFIRMED

    # When that time has passed too, then its order is cancelled and refunded
    assert run_job(group, minutes=3) == {"due": 1, "settled": 1}
    cancelled = DynamoOrderRepository().get_by_id(ann.id)
    assert (cancelled.status, cancelled.cancel_reason) == (OrderStatus.CANCELLED, "group_failed")
    deliver_event(cancelled, "OrderCancelled")
    payment = DynamoOrderRepository().get_by_id(ann.id).payment
    assert (payment.status, payment.total_of("captured")) == (PaymentStatus.CANCELLED, 0)
    assert available() == before
    assert read_group(group)["status"] == "failed"
    assert run_job(group, minutes=3) == {"due": 0, "settled": 0}


def test_pending_payments_hold_places_of_a_group() -> None:
    group = open_group()
    first, second, third = (begin_checkout(group, name) for name in ("ann", "bob", "cho"))
    assert pay(first, "tok_never").json["status"] == "complete_in_progress"
    assert pay(second).json["status"] == "completed"
    response = pay(third).json
    assert [m["code"] for m in response["messages"]] == ["discount_code_exhausted", "price_changed"]
    call(cancel_checkout.handler, "POST /checkout-sessions/{id}/cancel", id=first["id"])
    join(group, "cho")
    deliver_event(order_of(second), "OrderConfirmed")
    assert read_group(group)["status"] == "succeeded"


def rejection(group: dict[str, Any], name: str) -> tuple[str, str]:
    """Return code and text of the message for a customer who uses the group's code."""
    (message,) = begin_checkout(group, name)["messages"]
    return message["code"], message["content"]


def test_customer_takes_one_place_in_a_group() -> None:
    group = open_group()
    join(group, "ann")
    code, content = rejection(group, "ann+again")
    assert (code, "already" in content) == ("discount_code_user_ineligible", True)


def test_closed_group_code_is_rejected_with_its_reason() -> None:
    group = open_group()
    buy(group, "ann"), buy(group, "bob")
    code, content = rejection(group, "cho")
    assert (code, "for now" in content) == ("discount_code_exhausted", True)
    full = open_group("full")
    join(full, "ann"), join(full, "bob")
    code, content = rejection(full, "cho")
    assert (code, "complete" in content) == ("discount_code_exhausted", True)
    late = open_group("late")
    join(late, "ann")
    run_job(late, minutes=3)
    code, content = rejection(late, "cho")
    assert (code, "did not fill" in content) == ("discount_code_expired", True)


def test_completion_after_the_deadline_buys_nothing_at_the_group_price() -> None:
    # Given a checkout at the group price
    group = open_group()
    checkout = begin_checkout(group, "bob")
    assert total(checkout) == PRICE + SHIPPING
    deadline = datetime.fromisoformat(group["deadline"])
    with patch("shop.entrypoints.http.datetime") as clock:
        # And two offers of the last seconds, of which one is bought in time
        clock.now.return_value = deadline - timedelta(seconds=5)
        late, early = begin_checkout(group, "cho"), begin_checkout(group, "dan")
        assert pay(early).json["status"] == "completed"

        # When the other is completed at the deadline, then nothing is bought at the group price
        clock.now.return_value = deadline
        response = pay(late).json
        assert response["status"] == "incomplete"
        assert [m["code"] for m in response["messages"]] == [
            "discount_code_expired",
            "price_changed",
        ]
        assert total(response) == 1299 + SHIPPING
        with pytest.raises(NotFound):
            order_of(late)
        assert available() == 9

        # And the next completion buys at the regular price
        assert pay(late).json["status"] == "completed"
        assert (order_of(late).total, order_of(late).group_buy) == (1299 + SHIPPING, None)
        current = call(get_checkout.handler, "GET /checkout-sessions/{id}", id=checkout["id"]).json
        assert total(current) == 1299 + SHIPPING


def test_cancelled_order_releases_its_seat_while_the_group_forms() -> None:
    group = open_group()
    ann = join(group, "ann")
    call(
        cancel_order.handler,
        "POST /staff/orders/{id}/cancel",
        {"reason": "changed my mind"},
        claims=signed_in("ops"),
        id=ann.id,
    )
    deliver_event(ann, "OrderCancelled")
    assert read_group(group)["members"] == 0
    join(group, "ann")
    join(group, "bob")
    assert read_group(group)["status"] == "succeeded"


def test_repeated_or_late_confirmation_takes_no_second_seat() -> None:
    group = open_group()
    ann = join(group, "ann")
    deliver_event(ann, "OrderConfirmed")
    assert read_group(group)["members"] == 1
    bob = buy(group, "bob")
    call(
        cancel_order.handler,
        "POST /staff/orders/{id}/cancel",
        {"reason": "no"},
        claims=signed_in("ops"),
        id=bob.id,
    )
    deliver_event(bob, "OrderCancelled")
    deliver_event(bob, "OrderConfirmed")
    assert read_group(group)["members"] == 1


def test_payment_after_the_group_failed_is_cancelled() -> None:
    group = open_group()
    bob = buy(group, "bob")
    run_job(group, minutes=3)
    deliver_event(bob, "OrderConfirmed")
    assert DynamoOrderRepository().get_by_id(bob.id).status is OrderStatus.CANCELLED


def test_interrupted_settlement_is_completed_by_the_scheduled_job() -> None:
    group = open_group()
    join(group, "ann")
    bob = buy(group, "bob")
    with pytest.MonkeyPatch.context() as changed:
        from shop.orders.actions import group_buys as actions

        def interrupt(*_: Any, **__: Any) -> None:
            raise TimeoutError("interrupted")

        changed.setattr(actions, "_release_for_shipping", interrupt)
        with pytest.raises(TimeoutError):
            deliver_event(bob, "OrderConfirmed")
    assert read_group(group)["status"] == "succeeded"
    assert not DynamoOrderRepository().get_by_id(bob.id).group_succeeded
    assert run_job(group, minutes=3) == {"due": 1, "settled": 1}
    assert DynamoOrderRepository().get_by_id(bob.id).group_succeeded


def test_code_of_a_decided_group_opens_nothing() -> None:
    group = open_group()
    join(group, "ann")
    join(group, "bob")
    response = begin_checkout(group, "cho")
    assert [m["code"] for m in response["messages"]] == ["discount_code_exhausted"]
    assert total(response) == 1299 + SHIPPING


def test_repeated_key_opens_one_group() -> None:
    assert open_group() == open_group()
    assert open_group("another")["id"] != open_group()["id"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"promotion_id": "nothing"}, 404, "not_found"),
        ({"promotion_id": "x y"}, 400, "id_invalid"),
        ({}, 400, "missing"),
        ({"promotion_id": "together", "size": 1}, 400, "unknown_field"),
    ],
)
def test_invalid_group_request_is_rejected(body: Any, status: int, code: str) -> None:
    response = call(create_group_buy.handler, OPEN, body, key="k")
    assert response.status == status, response.text
    assert code in response.text


def test_unknown_group_is_not_found() -> None:
    response = call(get_group_buy.handler, "GET /group-buys/{id}", id="grp_nothing")
    assert (response.status, response.json["code"]) == (404, "not_found")
