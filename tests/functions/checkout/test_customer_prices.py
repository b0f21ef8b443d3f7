"""Prices by customer group, segment and channel, and for a first order."""

from typing import Any

import pytest

from functions.cart import create_cart
from functions.checkout import complete_checkout, create_checkout, get_checkout
from functions.staff_orders import cancel_order
from functions.staff_pricing import get_customer_groups, set_customer_groups
from shop.orders.store import DynamoOrderRepository
from tests.functions.checkout.test_discounts import run, totals
from tests.functions.staff_pricing.test_promotions import CLAIMS
from tests.kit.products import checkout_body, lines, mug, payment_body, publish_with_stock
from tests.kit.shop import ApiResponse, call

ANN_ID = "a2b9c1de-0000-4000-8000-00000000a001"
ANN: dict[str, Any] = {**CLAIMS, "sub": ANN_ID, "cognito:groups": ""}
FIRST = {
    "id": "first",
    "effect": {"kind": "order_percent", "off_ppm": 100_000},
    "conditions": {"first_order": True},
}

pytestmark = pytest.mark.usefixtures("cloud")


@pytest.fixture(autouse=True)
def _published_mug(cloud: None) -> None:
    publish_with_stock(mug(), pieces=50)


def staff(module: Any, route: str, body: Any = None, **path: str) -> ApiResponse:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACCESS", "staff")
        patch.setenv("ACCESS_GROUPS", "staff")
        return call(module.handler, route, body, claims=CLAIMS, headers=None, **path)


def asking(
    module: Any, route: str, body: Any = None, *, ann: bool = True, **path: str
) -> ApiResponse:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACCESS", "customer" if ann else "shopper")
        return call(module.handler, route, body, claims=ANN if ann else None, headers=None, **path)


def total(*, ann: bool = True, headers: dict[str, str] | None = None) -> int:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACCESS", "customer" if ann else "shopper")
        body = {"line_items": lines(("mug.1", 2))}
        claims = ANN if ann else None
        answer = call(create_cart.handler, "POST /carts", body, claims=claims, headers=headers)
    assert answer.status == 201, answer.text
    return totals(answer.json)["total"]


def set_groups(groups: list[str], **more: Any) -> ApiResponse:
    body = {"groups": groups, "version": 0, **more}
    return staff(set_customer_groups, "PUT /staff/customers/{id}/groups", body, id=ANN_ID)


def test_group_promotion_applies_once_staff_assign_the_group() -> None:
    run(
        id="gold",
        effect={"kind": "order_percent", "off_ppm": 500_000},
        conditions={"groups": ["gold"]},
    )
    assert total() == 2598
    assert set_groups(["gold", "gold"]).json == {
        "customer_id": ANN_ID,
        "groups": ["gold"],
        "segments": [],
        "version": 1,
    }
    assert (total(), total(ann=False)) == (1299, 2598)
    assert set_groups([], version=0).json["code"] == "stale"
    assert set_groups(["no group!"], version=1).json["errors"][0]["path"] == "$.groups[0]"
    assert set_groups([], segments=["vip"], version=1).status == 200
    assert total() == 2598
    stored = staff(get_customer_groups, "GET /staff/customers/{id}/groups", id=ANN_ID).json
    assert (stored["segments"], stored["version"]) == (["vip"], 2)


def test_segment_promotion_applies_to_its_customers() -> None:
    effect = {"kind": "order_percent", "off_ppm": 500_000}
    run(id="vip", effect=effect, conditions={"segments": ["vip"]})
    set_groups([], segments=["vip"])
    assert total() == 1299


def complete(session: str) -> ApiResponse:
    route = "POST /checkout-sessions/{id}/complete"
    return asking(complete_checkout, route, payment_body("tok_success"), id=session)


def create() -> dict[str, Any]:
    body = checkout_body(("mug.1", 2))
    checkout: dict[str, Any] = asking(create_checkout, "POST /checkout-sessions", body).json
    return checkout


def test_first_order_promotion_returns_after_cancellation() -> None:
    run(**FIRST)
    assert (total(), total(ann=False)) == (2338, 2598)
    one, two = create(), create()
    assert totals(one)["items_discount"] == totals(two)["items_discount"] == -260
    completed = complete(one["id"]).json
    assert completed["status"] == "completed"
    assert total() == 2598
    rejected = complete(two["id"]).json
    assert rejected["status"] == "incomplete"
    assert "price_changed" in [m["code"] for m in rejected["messages"]]
    stored = asking(get_checkout, "GET /checkout-sessions/{id}", id=two["id"]).json
    assert "items_discount" not in totals(stored)
    order_id = completed["order"]["id"]
    assert [c.kind for c in DynamoOrderRepository().get(ANN_ID, order_id).usage] == ["first_order"]
    route = "POST /staff/orders/{id}/cancel"
    assert staff(cancel_order, route, {"reason": "changed mind"}, id=order_id).status == 200
    assert total() == 2338


def test_channel_promotion_applies_to_its_channel_only() -> None:
    effect = {"kind": "order_percent", "off_ppm": 500_000}
    run(id="app", effect=effect, conditions={"channels": ["app"]})
    assert total() == 2598
    assert total(headers={"shop-channel": "app"}) == 1299
    assert total(headers={"shop-channel": " App "}) == 1299
    assert total(headers={"shop-channel": ""}) == 2598


@pytest.mark.parametrize("channel", ["agent", "fax", "app,web", "'app'", "\u00e4pp"])
def test_unknown_channel_is_rejected(channel: str) -> None:
    body = {"line_items": lines(("mug.1", 2))}
    headers = {"shop-channel": channel}
    rejected = call(create_cart.handler, "POST /carts", body, headers=headers)
    assert rejected.status == 400
    (message,) = rejected.json["messages"]
    assert message["code"] == "channel_unknown"
    assert message["content"].startswith("Shop-Channel must be web or app.")
