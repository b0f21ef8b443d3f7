"""What the people in the shop do with orders, through the doors."""

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
def _at_the_desk(cloud: None, monkeypatch: pytest.MonkeyPatch) -> None:
    put_secrets()
    create_shipment.secret._read_at = None
    monkeypatch.setenv("ACCESS", "staff")
    monkeypatch.setenv("ACCESS_GROUPS", "staff,fulfilment")


def ask(
    handler: Any, route: str, body: Any = None, query: str = "", key: str = "", **path: Any
) -> ApiResponse:
    claims = signed_in("wanda", "fulfilment")
    return call(handler.handler, route, body, query=query, claims=claims, key=key, **path)


def ship(body: Any = PARCEL, order_id: str = "ord_1", key: str = "") -> ApiResponse:
    return ask(create_shipment, SHIP, body, key=key, id=order_id)


def cancel(body: Any, order_id: str = "ord_1") -> ApiResponse:
    return ask(cancel_order, CANCEL, body, id=order_id)


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
    answer = call(handler.handler, route, PARCEL, claims=claims, **path)
    assert answer.status == status
    assert back_room_status() == "confirmed"


def back_room_status() -> str:
    from shop.orders.store import DynamoOrderRepository

    return DynamoOrderRepository().get_by_id("ord_1").status.value


def test_staff_list_todays_orders_newest_first() -> None:
    room = order_fixture()
    for n in range(3):
        room.place(order_placed_today(f"ord_{n}", (1,)))
    page = ask(list_orders, LIST, query="limit=2").json
    assert [order["id"] for order in page["orders"]] == ["ord_2", "ord_1"]
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    rest = ask(list_orders, LIST, query=f"day={day}&limit=2&cursor={page['cursor']}").json
    assert [order["id"] for order in rest["orders"]] == ["ord_0"]


def test_staff_list_orders_to_ship() -> None:
    room = order_fixture()
    room.place(order_placed_today("ord_0", (1,)))
    room.place_allocated(order_placed_today("ord_1", (1,)))
    page = ask(list_orders, LIST, query="status=confirmed").json
    assert [order["id"] for order in page["orders"]] == ["ord_1"]


@pytest.mark.parametrize(
    "query", ["day=today", "day=", "status=lost", "limit=0", "cursor=x", "day=2026-02-30"]
)
def test_invalid_query_is_rejected(query: str) -> None:
    answer = ask(list_orders, LIST, query=query)
    assert (answer.status, answer.json["errors"][0]["path"]) == (400, query.partition("=")[0])


def test_staff_see_an_order_with_its_history() -> None:
    order_fixture().place_allocated(order_placed_today())
    order = ask(get_order, GET, id="ord_1").json
    assert [moment["event"] for moment in order["history"]] == [
        "placed",
        "payment authorised",
        "allocated",
    ]
    assert order["payment"]["authorised"] == order["total"] == order["due"]
    assert ask(get_order, GET, id="ord_2").status == 404


def test_staff_ship_a_whole_order() -> None:
    room = order_fixture()
    room.place_allocated(order_placed_today())
    answer = ship()
    assert answer.status == 201
    assert [line["shipped"] for line in answer.json["lines"]] == [2, 1]
    assert answer.json["history"][-1]["actor"] == "staff wanda"
    assert room.on_hand() == (8, 9)


def test_repeated_parcel_ships_once() -> None:
    room = order_fixture()
    room.place_allocated(order_placed_today())
    first = ship()
    again = ship()
    assert (again.status, again.json) == (201, first.json)
    assert room.on_hand() == (8, 9)


SOME = {**PARCEL, "lines": [{"id": "li_1", "quantity": 1}]}
ALL = {**PARCEL, "lines": [{"id": "li_2", "quantity": 1}, {"id": "li_1", "quantity": 2}]}


@pytest.mark.parametrize(
    ("first", "again", "path"),
    [
        (SOME, {**SOME, "lines": [{"id": "li_1", "quantity": 2}]}, "$.lines"),
        (SOME, {**SOME, "lines": [{"id": "li_2", "quantity": 1}]}, "$.lines"),
        (SOME, PARCEL, "$.lines"),
        (PARCEL, SOME, "$.lines"),
        (PARCEL, {**PARCEL, "tracking_url": "https://ups.example/1Z999"}, "$.tracking_url"),
    ],
)
def test_repeated_parcel_with_other_contents_is_rejected(first: Any, again: Any, path: str) -> None:
    room = order_fixture()
    room.place_allocated(order_placed_today())
    assert ship(first).status == 201
    before = room.orders.get_by_id("ord_1")
    answer = ship(again)
    assert (answer.status, answer.json["code"]) == (409, "parcel_differs")
    assert [error["path"] for error in answer.json["errors"]] == [path]
    assert room.orders.get_by_id("ord_1") == before


@pytest.mark.parametrize(("first", "again"), [(PARCEL, ALL), (ALL, PARCEL), (SOME, SOME)])
def test_repeated_parcel_with_equivalent_body_is_the_same(first: Any, again: Any) -> None:
    room = order_fixture()
    room.place_allocated(order_placed_today())
    told = ship(first)
    assert (ship(again).status, ship(again).json) == (201, told.json)


def test_repeated_parcel_without_lines_matches_the_remainder() -> None:
    room = order_fixture()
    room.place_allocated(order_placed_today())
    ship(SOME)
    rest = {"carrier": "ups", "tracking_number": "1Z998"}
    told = ship(rest)
    assert (told.status, ship(rest).json) == (201, told.json)
    assert ship(SOME).json == told.json


def test_fully_shipped_order_is_already_shipped() -> None:
    room = order_fixture()
    room.place_allocated(order_placed_today())
    ship(SOME)
    ship({"carrier": "ups", "tracking_number": "1Z998"})
    answer = ship({"carrier": "ups", "tracking_number": "1Z997"})
    assert (answer.status, answer.json["code"]) == (409, "already_shipped")
    assert "all 3 piece(s) of this order have left in 2 parcel(s)" in answer.json["detail"]
    more = {"carrier": "dhl", "tracking_number": "1Z99", "lines": [{"id": "li_1", "quantity": 1}]}
    assert ship(more).json["code"] == "already_shipped"


def test_each_line_with_too_many_pieces_is_reported() -> None:
    room = order_fixture()
    room.place_allocated(order_placed_today())
    ship(SOME)
    wanted = [{"id": "li_1", "quantity": 2}, {"id": "li_2", "quantity": 9}]
    answer = ship({"carrier": "ups", "tracking_number": "1Z998", "lines": wanted})
    assert answer.status == 400
    assert [(e["path"], e["detail"]) for e in answer.json["errors"]] == [
        ("$.lines[0].quantity", "line li_1: 1 piece(s) are left to ship, not 2"),
        ("$.lines[1].quantity", "line li_2: 1 piece(s) are left to ship, not 9"),
    ]


def test_idempotency_key_replays_the_response() -> None:
    room = order_fixture()
    room.place_allocated(order_placed_today())
    told = ship(SOME, key="k1")
    ship({"carrier": "ups", "tracking_number": "1Z998"}, key="k2")
    again = ship(SOME, key="k1")
    assert (again.status, again.json) == (201, told.json)
    assert [line["shipped"] for line in again.json["lines"]] == [1, 0]
    assert room.on_hand() == (8, 9)


def test_idempotency_key_of_another_parcel_ships_nothing() -> None:
    room = order_fixture()
    room.place_allocated(order_placed_today())
    ship(SOME, key="k1")
    answer = ship({"carrier": "ups", "tracking_number": "1Z998"}, key="k1")
    assert (answer.status, answer.json["code"]) == (409, "idempotency_key_reused")
    assert room.on_hand() == (9, 10)


def test_failed_request_does_not_use_up_its_idempotency_key() -> None:
    room = order_fixture()
    room.place(order_placed_today())
    assert ship(key="k1").status == 409
    room.pay(room.orders.get_by_id("ord_1"))
    assert ship(key="k1").status == 201


def test_staff_ship_some_pieces_of_some_lines() -> None:
    room = order_fixture()
    room.place_allocated(order_placed_today())
    answer = ship({**PARCEL, "lines": [{"id": "li_1", "quantity": 1}]})
    assert [line["shipped"] for line in answer.json["lines"]] == [1, 0]
    assert room.reserved() == (1, 1)


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
    room = order_fixture()
    before = room.place_allocated(order_placed_today())
    answer = ship(body)
    assert (answer.status, answer.json["errors"][0].get("path")) == (status, path)
    assert room.orders.get_by_id("ord_1") == before
    assert room.on_hand() == (10, 10)


def test_unpaid_cancelled_or_unknown_order_is_not_shipped() -> None:
    room = order_fixture()
    room.place(order_placed_today("ord_1", (1,)))
    assert ship().status == 409
    room.cancel(room.orders.get_by_id("ord_1"))
    assert (ship().status, ship(order_id="ord_2").status) == (409, 404)


def test_tracking_number_of_another_order_is_rejected() -> None:
    room = order_fixture()
    room.place_allocated(order_placed_today("ord_1", (1,)))
    room.place_allocated(order_placed_today("ord_2", (1,)))
    ship()
    for key in ("", "k1"):
        answer = ship(order_id="ord_2", key=key)
        assert (answer.status, answer.json["code"]) == (409, "tracking_number_taken")
    assert room.on_hand() == (9, 10)


def test_staff_cancel_an_order_and_its_stock_is_released() -> None:
    room = order_fixture()
    room.place_allocated(order_placed_today())
    answer = cancel({"reason": "ordered twice"})
    assert (answer.status, answer.json["status"]) == (200, "cancelled")
    assert (answer.json["cancel_reason"], answer.json["due"]) == ("ordered twice", 0)
    assert room.reserved() == (0, 0)
    assert cancel({"reason": "again"}).json == answer.json


@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": 7}, {"reason": "x" * 201}, None])
def test_cancellation_without_reason_is_rejected(body: Any) -> None:
    order_fixture().place_allocated(order_placed_today())
    assert cancel(body).status == 400
    assert back_room_status() == "confirmed"


def test_shipped_order_cannot_be_cancelled() -> None:
    order_fixture().place_allocated(order_placed_today())
    ship()
    answer = cancel({"reason": "too late"})
    assert (answer.status, answer.json["code"]) == (409, "order_shipped")


def test_unshipped_pieces_are_cancelled_once() -> None:
    room = order_fixture()
    room.place_allocated(order_placed_today())
    ship(SOME)
    answer = cancel({"reason": "no more are made"})
    assert (answer.status, answer.json["status"]) == (200, "confirmed"), answer.text
    assert [(one["shipped"], one["cancelled"]) for one in answer.json["lines"]] == [(1, 1), (0, 1)]
    assert (answer.json["reservations"], room.reserved()) == ([], (0, 0))
    newest = answer.json["history"][-1]
    assert (newest["event"], newest["reason"]) == ("partially cancelled", "no more are made")
    assert cancel({"reason": "again"}).json == answer.json
    assert room.reserved() == (0, 0)


def arrived() -> Any:
    """An order of two lines that is completed."""
    room = order_fixture()
    room.place_allocated(order_placed_today())
    ship()
    room.track("delivered", "1Z999")
    complete_order("ord_1", at=room.now, orders=room.orders)
    return room


def bring_back(line: str = "li_1", quantity: Any = 1, key: str = "back") -> ApiResponse:
    body = {"lines": [{"id": line, "quantity": quantity}], "reason": "too small"}
    return ask(create_return, RETURN, body, key=key, id="ord_1")


def test_return_is_recorded_once_per_idempotency_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arrived()
    before = ask(get_order, GET, id="ord_1").json
    first = bring_back()
    assert (first.status, first.json["status"]) == (201, "completed"), first.text
    assert first.json["due"] == before["due"] - 1080
    assert [(n["delivered"], n["returned"]) for n in first.json["lines"]] == [(1, 1), (1, 0)]
    assert first.json["history"][-1]["reason"] == "too small"
    assert bring_back().json == first.json
    assert bring_back(quantity=2).status == 409
    assert ask(get_order, GET, id="ord_1").json["due"] == first.json["due"]
    monkeypatch.setenv("ACCESS", "shopper")
    seen = call(get_own_order.handler, "GET /orders/{id}", id="ord_1").json
    assert_valid_ucp("order", seen)
    (adjustment,) = seen["adjustments"]
    assert (adjustment["type"], adjustment["totals"][0]["amount"]) == ("return", -1080)


def test_return_of_more_than_delivered_is_rejected() -> None:
    arrived()
    for line, quantity, status, path in (
        ("li_1", 3, 400, "$.lines[0].quantity"),
        ("li_1", 0, 400, "$.lines[0].quantity"),
        ("li_9", 1, 404, "$.lines"),
    ):
        refused = bring_back(line, quantity, key=f"{line}{quantity}")
        assert (refused.status, refused.json["errors"][0]["path"]) == (status, path), refused.text
    assert (
        ask(create_return, RETURN, {"reason": "x", "lines": []}, key="k", id="ord_1").status == 400
    )
    assert bring_back().status == 201
    assert bring_back(key="other").status == 201
    assert bring_back(key="third").status == 400


def test_return_before_completion_is_rejected() -> None:
    order_fixture().place_allocated(order_placed_today())
    ship()
    refused = bring_back()
    assert (refused.status, refused.json["code"]) == (409, "order_state")


@pytest.mark.parametrize("key", ["", "k1"])
def test_shipping_costs_one_read_and_one_transaction(key: str) -> None:
    order_fixture().place_allocated(order_placed_today())
    assert create_shipment.secret.has_sender("ups", datetime.now(UTC))  # kept for five minutes
    with count_calls() as calls:
        ship(key=key)
    assert [call.operation for call in calls.made] == ["Query", "TransactWriteItems"]
