"""Orders as customers and guests read them, through the handlers."""

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


def get(order_id: str) -> ApiResponse:
    return call(get_order.handler, GET, id=order_id)


@pytest.fixture
def jane(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sign in as Jane."""
    monkeypatch.setattr("shop.entrypoints.http.authenticate", lambda event: Caller(customer="jane"))


def test_guest_reads_an_order_by_its_id() -> None:
    order_fixture().place_allocated(order_placed_today())
    response = get("ord_1")
    assert response.status == 200
    assert_valid_ucp("order", response.json)
    assert response.json["id"] == "ord_1"
    assert response.headers["Cache-Control"] == "no-store"


def test_order_shows_its_fulfillment_events() -> None:
    fixture = order_fixture()
    fixture.ship(
        fixture.place_allocated(order_placed_today()), tracking_url="https://ups.example/1Z999"
    )
    fixture.track("delivered")
    order = assert_valid_ucp("order", get("ord_1").json)
    assert [event["type"] for event in order["fulfillment"]["events"]] == [
        "processing",
        "shipped",
        "delivered",
    ]


def test_guest_cannot_read_a_customer_order() -> None:
    order_fixture().place(order_placed_today(owner="jane"))
    response = get("ord_1")
    assert response.status == 404
    assert_valid_ucp("error", response.json)
    (message,) = response.json["messages"]
    assert (message["code"], message["severity"]) == ("not_found", "unrecoverable")


@pytest.mark.usefixtures("jane")
def test_customer_reads_own_and_guest_orders_only() -> None:
    fixture = order_fixture()
    for owner in ("jane", "guest", "john"):
        fixture.place(order_placed_today(f"ord_{owner}", (1,), owner=owner))
    assert [get(f"ord_{owner}").status for owner in ("jane", "guest", "john")] == [200, 200, 404]


@pytest.mark.parametrize(
    "order_id", ["ord_2", "ORD_1", "ord_1%23", "ord_1#", "HEAD#guest", "..", "x" * 2000, "\x00"]
)
def test_unknown_order_id_returns_404(order_id: str) -> None:
    order_fixture().place(order_placed_today())
    response = get(order_id)
    assert response.status == 404
    assert_valid_ucp("error", response.json)


# A customer's own orders


def list_mine(query: str = "", **claims: object) -> ApiResponse:
    return call(list_my_orders.handler, LIST, query=query, claims={**signed_in("jane"), **claims})


@pytest.fixture
def customers_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCESS", "customer")


def placed(count: int, owner: str = "jane") -> list[Order]:
    fixture = order_fixture()
    return [
        fixture.place(order_placed_today(f"ord_{owner}_{n}", (1,), owner=owner))
        for n in range(count)
    ]


@pytest.mark.usefixtures("customers_only")
def test_customer_lists_orders_in_pages() -> None:
    placed(5)
    placed(1, "john")
    first = list_mine("limit=3").json
    assert [order["id"] for order in first["orders"]] == ["ord_jane_4", "ord_jane_3", "ord_jane_2"]
    second = list_mine(f"limit=3&cursor={first['cursor']}").json
    assert [order["id"] for order in second["orders"]] == ["ord_jane_1", "ord_jane_0"]
    assert "cursor" not in second


@pytest.mark.usefixtures("customers_only")
def test_customer_without_orders_gets_an_empty_list() -> None:
    assert list_mine().json == {"orders": []}


@pytest.mark.usefixtures("customers_only")
@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=x", "limit=", "cursor=?", "cursor=e30", "cursor="]
)
def test_invalid_query_is_rejected(query: str) -> None:
    response = list_mine(query)
    assert response.status == 400
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json["errors"][0]["path"] in ("limit", "cursor")


@pytest.mark.usefixtures("customers_only")
def test_order_list_requires_sign_in() -> None:
    assert call(list_my_orders.handler, LIST).status == 401
    assert list_mine(token_use="id").status == 401
    assert list_mine(client_id="another").status == 401
