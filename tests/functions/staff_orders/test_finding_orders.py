"""GET /staff/orders and GET /staff/order-sums: orders by what staff know about them."""

import base64
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from bench.capacity import INDEX_ITEMS_PER_ORDER
from functions.event_handlers import index_orders
from functions.staff_orders import list_orders, sum_orders
from shop.kernel.contacts import Buyer
from shop.orders.model import Order
from shop.orders.model.finding import search_terms
from shop.orders.store import finding, order_index, repository
from shop.storage.batch_write import write_unconditionally
from tests.kit.aws_call_counter import count_calls
from tests.kit.order_fixtures import order_fixture, order_placed_today, put_secrets, signed_in
from tests.kit.orders import make_order
from tests.kit.shop import ApiResponse, Context, call

LIST, SUMS = "GET /staff/orders", "GET /staff/order-sums"

pytestmark = pytest.mark.usefixtures("cloud")


@pytest.fixture(autouse=True)
def _as_staff(cloud: None, monkeypatch: pytest.MonkeyPatch) -> None:
    put_secrets()
    for module in (list_orders, sum_orders, index_orders):
        module.secret._read_at = None
    monkeypatch.setenv("ACCESS", "staff")
    monkeypatch.setenv("ACCESS_GROUPS", "staff,fulfilment")


WANDA = signed_in("wanda", "fulfilment")


def find(query: str, claims: Any = WANDA) -> ApiResponse:
    return call(list_orders.handler, LIST, query=query, claims=claims)


def sums(query: str, claims: Any = WANDA) -> ApiResponse:
    return call(sum_orders.handler, SUMS, query=query, claims=claims)


def ids(query: str) -> list[str]:
    response = find(query)
    assert response.status == 200, response.text
    return [order["id"] for order in response.json["orders"]]


def stream_record(order_id: str, owner: str = "guest") -> dict[str, Any]:
    """Return the order's item as the stream record of its placement."""
    key = {"PK": {"S": f"ORDER#{order_id}"}, "SK": {"S": f"HEAD#{owner}"}}
    item = boto3.client("dynamodb").get_item(TableName="orders", Key=key)["Item"]
    image = {
        name: {"B": base64.b64encode(value["B"]).decode()} if "B" in value else value
        for name, value in item.items()
    }
    return {"dynamodb": {"SequenceNumber": order_id, "Keys": key, "NewImage": image}}


def place_indexed(count: int = 3, **fields: Any) -> None:
    """Place orders of today; the reader of the stream indexes them."""
    fixture = order_fixture()
    for n in range(count):
        fixture.place(order_placed_today(f"ord_{n}", (1,), **fields))
    records = [stream_record(f"ord_{n}") for n in range(count)]
    response = index_orders.handler({"Records": records}, Context())
    assert response == {"batchItemFailures": []}


def test_staff_find_an_order_by_everything_they_know() -> None:
    place_indexed(1)
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    for query in (
        "number=ord_0",
        "number=ORD_0",
        "email=Jane%40EXAMPLE.com",
        "name=doe%20jan",
        "sku=MUG-RED",
        f"placed_from={today}&placed_to={today}",
        f"email=jane%40example.com&name=doe&sku=MUG-RED&day={today}&status=placed&number=ord_0",
    ):
        assert ids(query) == ["ord_0"], query
        (found,) = sums(query).json["sums"]
        assert (found["currency"], found["count"], found["gross"]) == ("USD", 1, 1000 + 80 + 599)


@pytest.mark.parametrize(
    "query",
    [
        "number=ord_9",
        "email=john%40example.com",
        "name=smith",
        "sku=MUG",
        "email=jane%40example.com&status=cancelled",
        "email=jane%40example.com&placed_to=2026-01-01",
    ],
)
def test_search_without_a_match_is_an_empty_list(query: str) -> None:
    place_indexed(1)
    assert find(query).json == {"orders": []}
    assert sums(query).json == {"count": 0, "complete": True, "sums": []}


def test_pages_of_a_search_are_continued_by_their_cursor() -> None:
    place_indexed(5)
    page = find("sku=MUG-RED&limit=2").json
    rest = find(f"sku=MUG-RED&limit=3&cursor={page['cursor']}").json
    assert [order["id"] for order in page["orders"]] == ["ord_4", "ord_3"]
    assert [order["id"] for order in rest["orders"]] == ["ord_2", "ord_1", "ord_0"]
    assert "cursor" not in rest


def test_found_orders_show_their_current_status() -> None:
    place_indexed(1)
    order_fixture().pay(order_fixture().orders.get_by_id("ord_0"))
    assert find("email=jane%40example.com").json["orders"][0]["status"] == "confirmed"


@pytest.mark.parametrize("request_to", [find, sums])
@pytest.mark.parametrize(
    ("claims", "status"), [(None, 401), (signed_in("jane"), 403), (signed_in("j", "tax"), 403)]
)
def test_only_staff_may_find_orders(request_to: Any, claims: Any, status: int) -> None:
    place_indexed(1)
    assert request_to("email=jane%40example.com", claims).status == status


@pytest.mark.parametrize(
    ("query", "code", "path"),
    [
        ("email=jane", "email_invalid", "email"),
        ("name=-", "text_invalid", "name"),
        ("placed_to=2026-11-27", "missing", "placed_from"),
        ("placed_from=2026-01-01&placed_to=2026-11-27", "out_of_range", "placed_from"),
        ("day=2026-11-27&placed_to=2026-11-27", "time_invalid", "day"),
    ],
)
def test_unclear_search_is_rejected_at_its_place(query: str, code: str, path: str) -> None:
    for response in (find(query), sums(query)):
        assert response.status == 400
        (error,) = response.json["errors"]
        assert (error["code"], error["path"]) == (code, path)


# Budgets


@pytest.mark.parametrize(
    ("query", "calls", "units"),
    [
        ("number=ord_0", 1, 1.0),
        ("email=jane%40example.com", 2, 0.5 + 3 * 0.5),
        ("name=jane", 5, 4 * 0.5 + 3 * 0.5),
        ("sku=MUG-RED", 17, 16 * 0.5 + 3 * 0.5),
        ("sku=MUG-RED&status=placed", 17, 16 * 0.5 + 3 * 0.5),
        ("status=placed", 16, 16 * 0.5),
    ],
)
def test_calls_and_read_units_of_a_search(query: str, calls: int, units: float) -> None:
    place_indexed()
    ids(query)  # the first request of a Lambda also reads the key
    with count_calls() as counted:
        ids(query)
    assert len(counted) == calls
    assert sum(read_units(each) for each in counted.made) == units


def read_units(made: Any) -> float:
    """Return the units of a read of small items."""
    parameters = made.parameters
    if made.operation == "BatchGetItem":
        return sum(0.5 * len(each["Keys"]) for each in parameters["RequestItems"].values())
    return 1.0 if parameters.get("ConsistentRead") else 0.5


@pytest.mark.parametrize(
    ("query", "calls", "batches"),
    [("email=jane%40example.com", 1, 1), ("sku=MUG-RED", 16, 1), ("", 16, 0)],
)
def test_calls_of_sums(query: str, calls: int, batches: int) -> None:
    place_indexed()
    sums(query)
    with count_calls() as counted:
        assert sums(query).json["count"] == 3
    # Amounts change, so an index of terms does not have them; the index by day is always current.
    expected = ["Query"] * calls + ["BatchGetItem"] * batches
    assert [each.operation for each in counted.made] == expected


def test_indexing_an_order_takes_one_write() -> None:
    fixture = order_fixture()
    for n in range(2):
        fixture.place(order_placed_today(f"ord_{n}", (1, 1)))
    records = [stream_record(f"ord_{n}") for n in range(2)]
    index_orders.handler({"Records": records}, Context())
    with count_calls() as counted:
        index_orders.handler({"Records": records}, Context())
    # Two orders in one call of 25 items: an email, three beginnings of names and two SKUs each.
    (made,) = counted.made
    assert made.operation == "BatchWriteItem"
    assert len(made.parameters["RequestItems"]["order_index"]) == 2 * INDEX_ITEMS_PER_ORDER


def test_status_changes_write_nothing_to_the_index() -> None:
    place_indexed(1)
    before = stream_record("ord_0")
    order_fixture().pay(order_fixture().orders.get_by_id("ord_0"))
    after = stream_record("ord_0")
    after["dynamodb"]["OldImage"] = before["dynamodb"]["NewImage"]
    with count_calls() as counted:
        index_orders.handler({"Records": [after]}, Context())
    assert counted.made == []


def rows_of(orders: list[Order]) -> list[order_index.OrderPostingRow]:
    return [
        row for order in orders for row in order_index._rows(order, search_terms(order), (b"k",))
    ]


def test_orders_of_a_busy_sku_are_spread_over_partitions() -> None:
    orders = [make_order(f"ord_{n}", (1,)) for n in range(2_000)]
    keys = Counter(row.pk for row in rows_of(orders) if row.pk.startswith("SKU#"))
    # A flash sale of 1,000 orders per second writes less than a tenth of them to a partition.
    assert len(keys) == 16
    assert max(keys.values()) < 2_000 / 10


def test_search_of_a_busy_sku_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a SKU that more orders have than one request reads; the limits are a fifth of theirs
    assert (finding.MAX_READ, finding.FILTER_PAGE, finding.READ_SIZE) == (1_000, 250, 100)
    monkeypatch.setattr(finding, "MAX_READ", 200)
    monkeypatch.setattr(finding, "FILTER_PAGE", 50)
    place_indexed(2)
    now = datetime.now(UTC) - timedelta(days=1)
    orders = [
        make_order(f"ord_b{n}", (1,), placed_at=now - timedelta(seconds=n), buyer=Buyer(), email="")
        for n in range(250)
    ]
    for table, rows in (
        ("order_index", rows_of(orders)),
        ("orders", [repository.order_to_row(order, ()) for order in orders]),
    ):
        write_unconditionally(table, [row.serialize() for row in rows], [])

    # Then a page costs as little as of any other SKU, and the sums are called incomplete
    with count_calls() as counted:
        assert ids("sku=MUG-RED&limit=1") == ["ord_1"]
    assert len(counted) == 17
    with count_calls() as counted:
        result = sums("sku=MUG-RED").json
    assert (result["count"], result["complete"]) == (200, False)
    assert Counter(each.operation for each in counted.made) == {"Query": 16, "BatchGetItem": 2}
