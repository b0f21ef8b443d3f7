"""POST /staff/orders/{id}/refunds, called as API Gateway calls it."""

from typing import Any

import pytest

from functions.orders import get_order as get_own_order
from functions.staff_orders import create_refund
from tests.kit.aws_call_counter import count_calls
from tests.kit.order_fixtures import order_fixture, order_placed_today, signed_in
from tests.kit.shop import ApiResponse, call
from tests.kit.ucp_validator import assert_valid_ucp
from tests.unit.orders.order_fixture import OrderFixture

ROUTE = "POST /staff/orders/{id}/refunds"

pytestmark = pytest.mark.usefixtures("cloud")


@pytest.fixture(autouse=True)
def _as_staff(cloud: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCESS", "staff")
    monkeypatch.setenv("ACCESS_GROUPS", "staff,fulfilment")


@pytest.fixture
def fixture() -> OrderFixture:
    orders = order_fixture()
    orders.place_allocated(order_placed_today())
    return orders


def refund(body: Any, key: str = "refund", order: str = "ord_1") -> ApiResponse:
    claims = signed_in("wanda", "fulfilment")
    return call(create_refund.handler, ROUTE, body, claims=claims, key=key, id=order)


LATE = {"amount": 500, "reason": "Two days late"}


def test_refund_is_granted_once_per_idempotency_key(
    fixture: OrderFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    total = fixture.orders.get_by_id("ord_1").total
    first = refund(LATE)
    assert (first.status, first.json["due"]) == (201, total - 500), first.text
    assert first.json["refundable"] == total - 500
    (shown,) = first.json["refunds"]
    assert (shown["amount"], shown["reason"], shown["taxes"]) == (500, "Two days late", [])
    assert refund(LATE).json == first.json
    assert refund({**LATE, "amount": 600}).status == 409, "the key belongs to another request"
    assert fixture.orders.get_by_id("ord_1").due == total - 500
    monkeypatch.setenv("ACCESS", "shopper")
    view = call(get_own_order.handler, "GET /orders/{id}", id="ord_1").json
    assert_valid_ucp("order", view)
    (adjustment,) = view["adjustments"]
    assert (adjustment["type"], adjustment["description"]) == ("refund", "Two days late")


def test_refunds_never_exceed_what_is_left(fixture: OrderFixture) -> None:
    total = fixture.orders.get_by_id("ord_1").total
    assert refund({**LATE, "amount": total - 1}).status == 201
    response = refund({**LATE, "amount": 2}, key="second")
    assert (response.status, response.json["code"]) == (409, "refund_too_high")
    assert response.json["errors"][0]["path"] == "$.amount"
    assert "0.01 USD" in response.json["detail"]
    assert refund({**LATE, "amount": 1}, key="third").status == 201


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({**LATE, "amount": 0}, "$.amount"),
        ({**LATE, "amount": -5}, "$.amount"),
        ({**LATE, "amount": "5"}, "$.amount"),
        ({**LATE, "amount": 1.5}, "$.amount"),
        ({**LATE, "amount": 10**30}, "$.amount"),
        ({"amount": 5}, "$.reason"),
        ({**LATE, "reason": " "}, "$.reason"),
        ({**LATE, "currency": "USD"}, "$.currency"),
    ],
)
def test_invalid_refund_is_rejected_with_its_path(
    fixture: OrderFixture, body: Any, path: str
) -> None:
    response = refund(body)
    assert (response.status, response.json["errors"][0]["path"]) == (400, path), response.text
    assert fixture.orders.get_by_id("ord_1").refunds == ()


def test_unknown_and_unpaid_orders_are_rejected(fixture: OrderFixture) -> None:
    assert refund(LATE, order="ord_9").status == 404
    fixture.place(order_placed_today("ord_2"))
    assert refund(LATE, order="ord_2").json["code"] == "order_state"
    assert refund(LATE, key="").json["code"] == "idempotency_key_missing"


@pytest.mark.parametrize(("claims", "status"), [(None, 401), (signed_in("jane"), 403)])
def test_only_staff_may_refund(fixture: OrderFixture, claims: Any, status: int) -> None:
    response = call(create_refund.handler, ROUTE, LATE, claims=claims, key="k", id="ord_1")
    assert response.status == status
    assert fixture.orders.get_by_id("ord_1").refunds == ()


def test_refund_costs_one_read_and_one_transaction(fixture: OrderFixture) -> None:
    with count_calls() as calls:
        refund(LATE)
    assert [made.operation for made in calls.made] == ["Query", "TransactWriteItems"]
