"""What a shopper sees of orders, through the doors."""

import pytest

from functions.orders import get_order, list_my_orders
from shop.entrypoints.authorization import Caller
from shop.orders.model import Order
from tests.kit.order_fixtures import order_fixture, order_placed_today, signed_in
from tests.kit.shop import ApiResponse, call
from tests.kit.ucp_validator import assert_valid_ucp

GET = "GET /orders/{id}"
LIST = "GET /account/orders"

pytestmark = pytest.mark.usefixtures("cloud")


def look(order_id: str) -> ApiResponse:
    return call(get_order.handler, GET, id=order_id)


@pytest.fixture
def jane(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jane asks, with a token that is good."""
    monkeypatch.setattr("shop.entrypoints.http.authenticate", lambda event: Caller(customer="jane"))


def test_guest_reads_an_order_by_its_id() -> None:
    order_fixture().place_allocated(order_placed_today())
    answer = look("ord_1")
    assert answer.status == 200
    assert_valid_ucp("order", answer.json)
    assert answer.json["id"] == "ord_1"
    assert answer.headers["Cache-Control"] == "no-store"


def test_order_shows_its_fulfillment_events() -> None:
    room = order_fixture()
    room.ship(room.place_allocated(order_placed_today()), tracking_url="https://ups.example/1Z999")
    room.track("delivered")
    order = assert_valid_ucp("order", look("ord_1").json)
    assert [event["type"] for event in order["fulfillment"]["events"]] == [
        "processing",
        "shipped",
        "delivered",
    ]


def test_guest_cannot_read_a_customer_order() -> None:
    order_fixture().place(order_placed_today(owner="jane"))
    answer = look("ord_1")
    assert answer.status == 404
    assert_valid_ucp("error", answer.json)
    (message,) = answer.json["messages"]
    assert (message["code"], message["severity"]) == ("not_found", "unrecoverable")


@pytest.mark.usefixtures("jane")
def test_customer_reads_own_and_guest_orders_only() -> None:
    room = order_fixture()
    for owner in ("jane", "guest", "john"):
        room.place(order_placed_today(f"ord_{owner}", (1,), owner=owner))
    assert [look(f"ord_{owner}").status for owner in ("jane", "guest", "john")] == [200, 200, 404]


@pytest.mark.parametrize(
    "order_id", ["ord_2", "ORD_1", "ord_1%23", "ord_1#", "HEAD#guest", "..", "x" * 2000, "\x00"]
)
def test_unknown_order_id_returns_404(order_id: str) -> None:
    order_fixture().place(order_placed_today())
    answer = look(order_id)
    assert answer.status == 404
    assert_valid_ucp("error", answer.json)


# A customer's own orders


def mine(query: str = "", **claims: object) -> ApiResponse:
    return call(list_my_orders.handler, LIST, query=query, claims={**signed_in("jane"), **claims})


@pytest.fixture
def customers_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCESS", "customer")


def placed(count: int, owner: str = "jane") -> list[Order]:
    room = order_fixture()
    return [
        room.place(order_placed_today(f"ord_{owner}_{n}", (1,), owner=owner)) for n in range(count)
    ]


@pytest.mark.usefixtures("customers_only")
def test_customer_lists_orders_in_pages() -> None:
    placed(5)
    placed(1, "john")
    first = mine("limit=3").json
    assert [order["id"] for order in first["orders"]] == ["ord_jane_4", "ord_jane_3", "ord_jane_2"]
    second = mine(f"limit=3&cursor={first['cursor']}").json
    assert [order["id"] for order in second["orders"]] == ["ord_jane_1", "ord_jane_0"]
    assert "cursor" not in second


@pytest.mark.usefixtures("customers_only")
def test_customer_without_orders_gets_an_empty_list() -> None:
    assert mine().json == {"orders": []}


@pytest.mark.usefixtures("customers_only")
@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=x", "limit=", "cursor=?", "cursor=e30", "cursor="]
)
def test_invalid_query_is_rejected(query: str) -> None:
    answer = mine(query)
    assert answer.status == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json["errors"][0]["path"] in ("limit", "cursor")


@pytest.mark.usefixtures("customers_only")
def test_order_list_requires_sign_in() -> None:
    assert call(list_my_orders.handler, LIST).status == 401
    assert mine(token_use="id").status == 401
    assert mine(client_id="another").status == 401
