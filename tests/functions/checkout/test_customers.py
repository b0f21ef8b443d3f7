"""Who asks, and through which channel, decides prices; a first order is a first order once."""

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
    "effect": {"kind": "order_percent", "basis_points": 1000},
    "conditions": {"first_order": True},
}

pytestmark = pytest.mark.usefixtures("cloud")


@pytest.fixture(autouse=True)
def _goods(cloud: None) -> None:
    publish_with_stock(mug(), pieces=50)


def staff(door: Any, route: str, body: Any = None, **path: str) -> ApiResponse:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACCESS", "staff")
        patch.setenv("ACCESS_GROUPS", "staff")
        return call(door.handler, route, body, claims=CLAIMS, headers=None, **path)


def asking(
    door: Any, route: str, body: Any = None, *, ann: bool = True, **path: str
) -> ApiResponse:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACCESS", "customer" if ann else "shopper")
        return call(door.handler, route, body, claims=ANN if ann else None, headers=None, **path)


def total(*, ann: bool = True, headers: dict[str, str] | None = None) -> int:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACCESS", "customer" if ann else "shopper")
        body = {"line_items": lines(("mug.1", 2))}
        claims = ANN if ann else None
        answer = call(create_cart.handler, "POST /carts", body, claims=claims, headers=headers)
    assert answer.status == 201, answer.text
    return totals(answer.json)["total"]


def place(groups: list[str], **more: Any) -> ApiResponse:
    body = {"groups": groups, "version": 0, **more}
    return staff(set_customer_groups, "PUT /staff/customers/{id}/groups", body, id=ANN_ID)


def test_a_customer_group_has_its_promotions_from_the_moment_staff_say_so() -> None:
    run(
        id="gold",
        effect={"kind": "order_percent", "basis_points": 5000},
        conditions={"groups": ["gold"]},
    )
    assert total() == 2598
    assert place(["gold", "gold"]).json == {
        "customer_id": ANN_ID,
        "groups": ["gold"],
        "segments": [],
        "version": 1,
    }
    assert (total(), total(ann=False)) == (1299, 2598)
    assert place([], version=0).json["code"] == "stale"
    assert place(["no group!"], version=1).json["errors"][0]["path"] == "$.groups[0]"
    assert place([], segments=["vip"], version=1).status == 200
    assert total() == 2598
    shown = staff(get_customer_groups, "GET /staff/customers/{id}/groups", id=ANN_ID).json
    assert (shown["segments"], shown["version"]) == (["vip"], 2)


def test_a_segment_is_asked_for_like_a_group() -> None:
    effect = {"kind": "order_percent", "basis_points": 5000}
    run(id="vip", effect=effect, conditions={"segments": ["vip"]})
    place([], segments=["vip"])
    assert total() == 1299


def buy(session: str) -> ApiResponse:
    route = "POST /checkout-sessions/{id}/complete"
    return asking(complete_checkout, route, payment_body("tok_success"), id=session)


def begin() -> dict[str, Any]:
    body = checkout_body(("mug.1", 2))
    made: dict[str, Any] = asking(create_checkout, "POST /checkout-sessions", body).json
    return made


def test_a_first_order_is_reduced_once_and_again_when_it_was_called_off() -> None:
    run(**FIRST)
    assert (total(), total(ann=False)) == (2338, 2598)
    one, two = begin(), begin()
    assert totals(one)["items_discount"] == totals(two)["items_discount"] == -260
    bought = buy(one["id"]).json
    assert bought["status"] == "completed"
    assert total() == 2598
    refused = buy(two["id"]).json
    assert refused["status"] == "incomplete"
    assert "price_changed" in [m["code"] for m in refused["messages"]]
    shown = asking(get_checkout, "GET /checkout-sessions/{id}", id=two["id"]).json
    assert "items_discount" not in totals(shown)
    order_id = bought["order"]["id"]
    assert [c.kind for c in DynamoOrderRepository().get(ANN_ID, order_id).usage] == ["first_order"]
    route = "POST /staff/orders/{id}/cancel"
    assert staff(cancel_order, route, {"reason": "changed mind"}, id=order_id).status == 200
    assert total() == 2338


def test_channels_have_their_own_prices() -> None:
    effect = {"kind": "order_percent", "basis_points": 5000}
    run(id="app", effect=effect, conditions={"channels": ["app"]})
    assert total() == 2598
    assert total(headers={"shop-channel": "app"}) == 1299
    assert total(headers={"shop-channel": "agent"}) == 2598
