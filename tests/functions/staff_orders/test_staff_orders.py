"""Staff work on orders, through the handlers."""

from datetime import UTC, datetime
from typing import Any

import pytest

from functions.orders import get_order as get_own_order
from functions.staff_orders import (
    cancel_order,
    create_return,
    create_shipment,
    get_order,
    list_orders,
)
from shop.orders.actions.delivery import complete_order
from tests.kit.aws_call_counter import count_calls
from tests.kit.order_fixtures import order_fixture, order_placed_today, put_secrets, signed_in
from tests.kit.shop import ApiResponse, call
from tests.kit.ucp_validator import assert_valid_ucp

LIST = "GET /staff/orders"
GET = "GET /staff/orders/{id}"
SHIP = "POST /staff/orders/{id}/parcels"
CANCEL = "POST /staff/orders/{id}/cancel"
RETURN = "POST /staff/orders/{id}/returns"
PARCEL = {"carrier": "ups", "tracking_number": "1Z999"}

pytestmark = pytest.mark.usefixtures("cloud")


@pytest.fixture(autouse=True)
def _as_staff(cloud: None, monkeypatch: pytest.MonkeyPatch) -> None:
    put_secrets()
    create_shipment.secret._read_at = None
    monkeypatch.setenv("ACCESS", "staff")
    monkeypatch.setenv("ACCESS_GROUPS", "staff,fulfilment")


def send(
    handler: Any, route: str, body: Any = None, query: str = "", key: str = "", **path: Any
) -> ApiResponse:
    claims = signed_in("wanda", "fulfilment")
    return call(handler.handler, route, body, query=query, claims=claims, key=key, **path)


def ship(body: Any = PARCEL, order_id: str = "ord_1", key: str = "") -> ApiResponse:
    return send(create_shipment, SHIP, body, key=key, id=order_id)


def cancel(body: Any, order_id: str = "ord_1") -> ApiResponse:
    return send(cancel_order, CANCEL, body, id=order_id)


@pytest.mark.parametrize(
    ("handler", "route"),
    [
        (list_orders, LIST),
        (get_order, GET),
        (create_shipment, SHIP),
        (cancel_order, CANCEL),
        (create_return, RETURN),
    ],
)
@pytest.mark.parametrize(
    ("claims", "status"),
    [
        (None, 401),
        (signed_in("jane"), 403),
        (signed_in("jane", "admins", "staffing"), 403),
        ({**signed_in("wanda", "staff"), "token_use": "id"}, 401),
    ],
)
def test_staff_routes_reject_other_callers(
    handler: Any, route: str, claims: Any, status: int
) -> None:
    order_fixture().place_allocated(order_placed_today())
    path: dict[str, Any] = {"id": "ord_1"} if "{id}" in route else {}
    response = call(handler.handler, route, PARCEL, claims=claims, **path)
    assert response.status == status
    assert stored_status() == "confirmed"


def stored_status() -> str:
    from shop.orders.store import DynamoOrderRepository

    return DynamoOrderRepository().get_by_id("ord_1").status.value


def test_staff_list_todays_orders_newest_first() -> None:
    fixture = order_fixture()
    for n in range(3):
        fixture.place(order_placed_today(f"ord_{n}", (1,)))
    page = send(list_orders, LIST, query="limit=2").json
    assert [order["id"] for order in page["orders"]] == ["ord_2", "ord_1"]
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    rest = send(list_orders, LIST, query=f"day={day}&limit=2&cursor={page['cursor']}").json
    assert [order["id"] for order in rest["orders"]] == ["ord_0"]


def test_staff_list_orders_to_ship() -> None:
    fixture = order_fixture()
    fixture.place(order_placed_today("ord_0", (1,)))
    fixture.place_allocated(order_placed_today("ord_1", (1,)))
    page = send(list_orders, LIST, query="status=confirmed").json
    assert [order["id"] for order in page["orders"]] == ["ord_1"]


@pytest.mark.parametrize(
    "query", ["day=today", "day=", "status=lost", "limit=0", "cursor=x", "day=2026-02-30"]
)
def test_invalid_query_is_rejected(query: str) -> None:
    response = send(list_orders, LIST, query=query)
    assert (response.status, response.json["errors"][0]["path"]) == (400, query.partition("=")[0])


def test_staff_see_an_order_with_its_history() -> None:
    order_fixture().place_allocated(order_placed_today())
    order = send(get_order, GET, id="ord_1").json
    assert [entry["event"] for entry in order["history"]] == [
        "placed",
        "payment authorized",
        "allocated",
    ]
    assert order["payment"]["authorized"] == order["total"] == order["due"]
    assert send(get_order, GET, id="ord_2").status == 404


def test_staff_ship_a_whole_order() -> None:
    fixture = order_fixture()
    fixture.place_allocated(order_placed_today())
    response = ship()
    assert response.status == 201
    assert [line["shipped"] for line in response.json["lines"]] == [2, 1]
    assert response.json["history"][-1]["actor"] == "staff wanda"
    assert fixture.on_hand() == (8, 9)


def test_repeated_parcel_ships_once() -> None:
    fixture = order_fixture()
    fixture.place_allocated(order_placed_today())
    first = ship()
    repeated = ship()
    assert (repeated.status, repeated.json) == (201, first.json)
    assert fixture.on_hand() == (8, 9)


SOME = {**PARCEL, "lines": [{"id": "li_1", "quantity": 1}]}
ALL = {**PARCEL, "lines": [{"id": "li_2", "quantity": 1}, {"id": "li_1", "quantity": 2}]}


@pytest.mark.parametrize(
    ("first", "repeated", "path"),
    [
        (SOME, {**SOME, "lines": [{"id": "li_1", "quantity": 2}]}, "$.lines"),
        (SOME, {**SOME, "lines": [{"id": "li_2", "quantity": 1}]}, "$.lines"),
        (SOME, PARCEL, "$.lines"),
        (PARCEL, SOME, "$.lines"),
        (PARCEL, {**PARCEL, "tracking_url": "https://ups.example/1Z999"}, "$.tracking_url"),
    ],
)
def test_repeated_parcel_with_other_contents_is_rejected(
    first: Any, repeated: Any, path: str
) -> None:
    fixture = order_fixture()
    fixture.place_allocated(order_placed_today())
    assert ship(first).status == 201
    before = fixture.orders.get_by_id("ord_1")
    response = ship(repeated)
    assert (response.status, response.json["code"]) == (409, "parcel_differs")
    assert [error["path"] for error in response.json["errors"]] == [path]
    assert fixture.orders.get_by_id("ord_1") == before


@pytest.mark.parametrize(("first", "repeated"), [(PARCEL, ALL), (ALL, PARCEL), (SOME, SOME)])
def test_repeated_parcel_with_equivalent_body_is_the_same(first: Any, repeated: Any) -> None:
    fixture = order_fixture()
    fixture.place_allocated(order_placed_today())
    response = ship(first)
    assert (ship(repeated).status, ship(repeated).json) == (201, response.json)


def test_repeated_parcel_without_lines_matches_the_remainder() -> None:
    fixture = order_fixture()
    fixture.place_allocated(order_placed_today())
    ship(SOME)
    rest = {"carrier": "ups", "tracking_number": "1Z998"}
    response = ship(rest)
    assert (response.status, ship(rest).json) == (201, response.json)
    assert ship(SOME).json == response.json


def test_fully_shipped_order_is_already_shipped() -> None:
    fixture = order_fixture()
    fixture.place_allocated(order_placed_today())
    ship(SOME)
    ship({"carrier": "ups", "tracking_number": "1Z998"})
    response = ship({"carrier": "ups", "tracking_number": "1Z997"})
    assert (response.status, response.json["code"]) == (409, "already_shipped")
    assert "The whole order is shipped: 3 pieces in 2 parcels." in response.json["detail"]
    another = {
        "carrier": "dhl",
        "tracking_number": "1Z99",
        "lines": [{"id": "li_1", "quantity": 1}],
    }
    assert ship(another).json["code"] == "already_shipped"


def test_each_line_with_too_many_pieces_is_reported() -> None:
    fixture = order_fixture()
    fixture.place_allocated(order_placed_today())
    ship(SOME)
    too_many = [{"id": "li_1", "quantity": 2}, {"id": "li_2", "quantity": 9}]
    response = ship({"carrier": "ups", "tracking_number": "1Z998", "lines": too_many})
    assert response.status == 400
    assert [(e["path"], e["detail"]) for e in response.json["errors"]] == [
        ("$.lines[0].quantity", "Line li_1 has 1 piece still to ship, not 2."),
        ("$.lines[1].quantity", "Line li_2 has 1 piece still to ship, not 9."),
    ]


def test_idempotency_key_replays_the_response() -> None:
    fixture = order_fixture()
    fixture.place_allocated(order_placed_today())
    response = ship(SOME, key="k1")
    ship({"carrier": "ups", "tracking_number": "1Z998"}, key="k2")
    repeated = ship(SOME, key="k1")
    assert (repeated.status, repeated.json) == (201, response.json)
    assert [line["shipped"] for line in repeated.json["lines"]] == [1, 0]
    assert fixture.on_hand() == (8, 9)


def test_idempotency_key_of_another_parcel_ships_nothing() -> None:
    fixture = order_fixture()
    fixture.place_allocated(order_placed_today())
    ship(SOME, key="k1")
    response = ship({"carrier": "ups", "tracking_number": "1Z998"}, key="k1")
    assert (response.status, response.json["code"]) == (409, "idempotency_key_reused")
    assert fixture.on_hand() == (9, 10)


def test_failed_request_does_not_use_up_its_idempotency_key() -> None:
    fixture = order_fixture()
    fixture.place(order_placed_today())
    assert ship(key="k1").status == 409
    fixture.pay(fixture.orders.get_by_id("ord_1"))
    assert ship(key="k1").status == 201


def test_staff_ship_some_pieces_of_some_lines() -> None:
    fixture = order_fixture()
    fixture.place_allocated(order_placed_today())
    response = ship({**PARCEL, "lines": [{"id": "li_1", "quantity": 1}]})
    assert [line["shipped"] for line in response.json["lines"]] == [1, 0]
    assert fixture.reserved() == (1, 1)


@pytest.mark.parametrize(
    ("body", "status", "path"),
    [
        ({}, 400, "$.carrier"),
        ({**PARCEL, "lines": []}, 400, "$.lines"),
        ({**PARCEL, "lines": [{"id": "li_1", "quantity": 3}]}, 400, "$.lines[0].quantity"),
        ({**PARCEL, "lines": [{"id": "li_9", "quantity": 1}]}, 404, "$.lines"),
        ({**PARCEL, "lines": [{"id": "li_1", "quantity": 0}]}, 400, "$.lines[0].quantity"),
        ({**PARCEL, "carrier": "U P S"}, 400, "$.carrier"),
        ({**PARCEL, "carrier": "zz"}, 400, "$.carrier"),
        ({**PARCEL, "extra": 1}, 400, "$.extra"),
        ([], 400, "$"),
        ("ship it", 400, "$"),
    ],
)
def test_invalid_parcel_ships_nothing(body: Any, status: int, path: str) -> None:
    fixture = order_fixture()
    before = fixture.place_allocated(order_placed_today())
    response = ship(body)
    assert (response.status, response.json["errors"][0].get("path")) == (status, path)
    assert fixture.orders.get_by_id("ord_1") == before
    assert fixture.on_hand() == (10, 10)


def test_unpaid_cancelled_or_unknown_order_is_not_shipped() -> None:
    fixture = order_fixture()
    fixture.place(order_placed_today("ord_1", (1,)))
    assert ship().status == 409
    fixture.cancel(fixture.orders.get_by_id("ord_1"))
    assert (ship().status, ship(order_id="ord_2").status) == (409, 404)


def test_tracking_number_of_another_order_is_rejected() -> None:
    fixture = order_fixture()
    fixture.place_allocated(order_placed_today("ord_1", (1,)))
    fixture.place_allocated(order_placed_today("ord_2", (1,)))
    ship()
    for key in ("", "k1"):
        response = ship(order_id="ord_2", key=key)
        assert (response.status, response.json["code"]) == (409, "tracking_number_taken")
    assert fixture.on_hand() == (9, 10)


def test_staff_cancel_an_order_and_its_stock_is_released() -> None:
    fixture = order_fixture()
    fixture.place_allocated(order_placed_today())
    response = cancel({"reason": "ordered twice"})
    assert (response.status, response.json["status"]) == (200, "cancelled")
    assert (response.json["cancel_reason"], response.json["due"]) == ("ordered twice", 0)
    assert fixture.reserved() == (0, 0)
    assert cancel({"reason": "again"}).json == response.json


@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": 7}, {"reason": "x" * 201}, None])
def test_cancellation_without_reason_is_rejected(body: Any) -> None:
    order_fixture().place_allocated(order_placed_today())
    assert cancel(body).status == 400
    assert stored_status() == "confirmed"


def test_shipped_order_cannot_be_cancelled() -> None:
    order_fixture().place_allocated(order_placed_today())
    ship()
    response = cancel({"reason": "too late"})
    assert (response.status, response.json["code"]) == (409, "order_shipped")


def test_unshipped_pieces_are_cancelled_once() -> None:
    fixture = order_fixture()
    fixture.place_allocated(order_placed_today())
    ship(SOME)
    response = cancel({"reason": "no more are made"})
    assert (response.status, response.json["status"]) == (200, "confirmed"), response.text
    assert [(one["shipped"], one["cancelled"]) for one in response.json["lines"]] == [
        (1, 1),
        (0, 1),
    ]
    assert (response.json["reservations"], fixture.reserved()) == ([], (0, 0))
    newest = response.json["history"][-1]
    assert (newest["event"], newest["reason"]) == ("partially cancelled", "no more are made")
    assert cancel({"reason": "again"}).json == response.json
    assert fixture.reserved() == (0, 0)


def completed_order() -> Any:
    """Return the fixture with a completed order of two lines."""
    fixture = order_fixture()
    fixture.place_allocated(order_placed_today())
    ship()
    fixture.track("delivered", "1Z999")
    complete_order("ord_1", at=fixture.now, orders=fixture.orders)
    return fixture


def return_pieces(line: str = "li_1", quantity: Any = 1, key: str = "return") -> ApiResponse:
    body = {"lines": [{"id": line, "quantity": quantity}], "reason": "too small"}
    return send(create_return, RETURN, body, key=key, id="ord_1")


def test_return_is_recorded_once_per_idempotency_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    completed_order()
    before = send(get_order, GET, id="ord_1").json
    first = return_pieces()
    assert (first.status, first.json["status"]) == (201, "completed"), first.text
    assert first.json["due"] == before["due"] - 1080
    assert [(n["delivered"], n["returned"]) for n in first.json["lines"]] == [(1, 1), (1, 0)]
    assert first.json["history"][-1]["reason"] == "too small"
    assert return_pieces().json == first.json
    assert return_pieces(quantity=2).status == 409
    assert send(get_order, GET, id="ord_1").json["due"] == first.json["due"]
    monkeypatch.setenv("ACCESS", "shopper")
    shown = call(get_own_order.handler, "GET /orders/{id}", id="ord_1").json
    assert_valid_ucp("order", shown)
    (adjustment,) = shown["adjustments"]
    assert (adjustment["type"], adjustment["totals"][0]["amount"]) == ("return", -1080)


def restock(key: str = "return", **choice: Any) -> ApiResponse:
    line = {"id": "li_1", "quantity": 1, "restock": True, **choice}
    body = {"lines": [line], "reason": "too small"}
    return send(create_return, RETURN, body, key=key, id="ord_1")


def test_restocked_pieces_are_in_stock_once_per_idempotency_key() -> None:
    fixture = completed_order()
    first = restock(condition="as_new")
    assert first.status == 201, first.text
    assert fixture.on_hand() == (9, 9)
    assert first.json["returns"][0]["lines"] == [
        {"id": "li_1", "quantity": 1, "condition": "as_new", "location": "main"}
    ]
    assert restock(condition="as_new").json == first.json
    assert fixture.on_hand() == (9, 9)
    assert restock(key="next").status == 201
    assert fixture.on_hand() == (10, 9)
    assert restock(key="third").status == 400
    assert fixture.on_hand() == (10, 9)


@pytest.mark.parametrize(
    ("choice", "status", "code", "path"),
    [
        ({"condition": "damaged"}, 400, "value_contradiction", "$.lines[0]"),
        ({"condition": "wrong_item"}, 400, "value_contradiction", "$.lines[0]"),
        ({"restock": False, "location": "main"}, 400, "value_contradiction", "$.lines[0]"),
        ({"restock": "yes"}, 400, None, "$.lines[0].restock"),
        ({"condition": "fine"}, 400, None, "$.lines[0].condition"),
        ({"location": "moon"}, 404, "location_unknown", "$.lines[0].location"),
    ],
)
def test_return_with_an_impossible_choice_changes_nothing(
    choice: dict[str, Any], status: int, code: str | None, path: str
) -> None:
    fixture = completed_order()
    response = restock(**choice)
    assert (response.status, response.json["errors"][0]["path"]) == (status, path), response.text
    assert code in (None, response.json["code"])
    assert fixture.on_hand() == (8, 9)
    assert fixture.orders.get_by_id("ord_1").returns == ()


def test_return_costs_two_reads_and_one_transaction() -> None:
    completed_order()
    with count_calls() as calls:
        restock()
    assert [made.operation for made in calls.made] == [
        "Query",
        "BatchGetItem",
        "TransactWriteItems",
    ]


def test_return_of_more_than_delivered_is_rejected() -> None:
    completed_order()
    for line, quantity, status, path in (
        ("li_1", 3, 400, "$.lines[0].quantity"),
        ("li_1", 0, 400, "$.lines[0].quantity"),
        ("li_9", 1, 404, "$.lines"),
    ):
        response = return_pieces(line, quantity, key=f"{line}{quantity}")
        assert (response.status, response.json["errors"][0]["path"]) == (status, path), (
            response.text
        )
    assert (
        send(create_return, RETURN, {"reason": "x", "lines": []}, key="k", id="ord_1").status == 400
    )
    assert return_pieces().status == 201
    assert return_pieces(key="other").status == 201
    assert return_pieces(key="third").status == 400


def test_only_pieces_that_have_arrived_are_returned() -> None:
    fixture = order_fixture()
    fixture.place_allocated(order_placed_today())
    ship(SOME)
    response = return_pieces()
    assert (response.status, response.json["code"]) == (400, "quantity_invalid")
    fixture.track("delivered", "1Z999")
    response = return_pieces(key="arrived")
    assert (response.status, response.json["status"]) == (201, "confirmed"), response.text
    (line, _) = response.json["lines"]
    assert (line["shipped"], line["delivered"], line["returned"]) == (1, 0, 1)
    assert return_pieces(key="again").status == 400
    assert cancel({"reason": "no more are made"}).json["due"] == 0


def test_return_of_a_cancelled_order_is_rejected() -> None:
    order_fixture().place_allocated(order_placed_today())
    cancel({"reason": "ordered twice"})
    response = return_pieces()
    assert (response.status, response.json["code"]) == (409, "order_state")


@pytest.mark.parametrize("key", ["", "k1"])
def test_shipping_costs_one_read_and_one_transaction(key: str) -> None:
    order_fixture().place_allocated(order_placed_today())
    # The secret is cached for five minutes, so reading it is not part of the cost.
    assert create_shipment.secret.has_sender("ups", datetime.now(UTC))
    with count_calls() as calls:
        ship(key=key)
    assert [call.operation for call in calls.made] == ["Query", "TransactWriteItems"]
