"""GET /staff/customers and GET /staff/customers/{id}: customers by what staff know about them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.event_handlers import index_orders
from functions.staff_orders import get_customer, list_customers
from shop.customers.actions import set_customer_groups
from shop.customers.store import DynamoCustomerSegmentRepository
from shop.entrypoints.dynamodb_stream import _image
from shop.kernel.contacts import Buyer, PostalAddress
from shop.kernel.pagination import to_cursor
from shop.orders.model import Order
from shop.orders.model.finding import OrderSearch, SearchTerm, TermKind
from shop.orders.store import customer_finder
from shop.orders.store.order_index import DynamoOrderIndex, OrderPostingRow, partition_keys
from tests.functions.credits.steps import adjust
from tests.functions.staff_orders.test_finding_orders import stream_record
from tests.kit.aws_call_counter import count_calls
from tests.kit.order_fixtures import order_fixture, put_secrets, signed_in
from tests.kit.orders import make_order
from tests.kit.shop import ApiResponse, Context, call

LIST, DETAIL = "GET /staff/customers", "GET /staff/customers/{id}"
ANNA = "1d0a5f3e-0000-4000-8000-00000000000a"
NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
WANDA = signed_in("wanda", "fulfilment")

pytestmark = pytest.mark.usefixtures("cloud")


@pytest.fixture(autouse=True)
def _as_staff(cloud: None, monkeypatch: pytest.MonkeyPatch) -> None:
    put_secrets()
    for module in (list_customers, get_customer, index_orders):
        module.secret._read_at = None
    monkeypatch.setenv("ACCESS", "staff")
    monkeypatch.setenv("ACCESS_GROUPS", "staff,fulfilment")


EMAIL = SearchTerm(TermKind.EMAIL, "jane@example.com")


def rows_of(partition: str) -> list[OrderPostingRow]:
    return list(OrderPostingRow.query(partition))


def find(query: str, claims: Any = WANDA) -> ApiResponse:
    return call(list_customers.handler, LIST, query=query, claims=claims)


def detail(customer_id: str, claims: Any = WANDA) -> ApiResponse:
    return call(get_customer.handler, DETAIL, claims=claims, id=customer_id)


def customers(query: str) -> list[dict[str, Any]]:
    response = find(query)
    assert response.status == 200, response.text
    found: list[dict[str, Any]] = response.json["customers"]
    return found


def index(order_id: str, owner: str) -> dict[str, Any]:
    record = stream_record(order_id, owner)
    assert index_orders.handler({"Records": [record]}, Context()) == {"batchItemFailures": []}
    return record


def place(
    order_id: str,
    *,
    email: str = "jane@example.com",
    name: tuple[str, str] = ("Jane", "Doe"),
    owner: str = "guest",
    hours: int = 0,
    phone: str | None = None,
    **fields: Any,
) -> Order:
    """Place and index an order of so many hours after noon."""
    order = make_order(
        order_id,
        (1,),
        email=email,
        buyer=Buyer(email, *name, phone_number=phone),
        destination=PostalAddress(address_country="US"),
        owner=owner,
        placed_at=NOON + timedelta(hours=hours),
        **fields,
    )
    placed = order_fixture().place(order)
    index(order_id, owner)
    return placed


def test_staff_find_a_customer_by_everything_they_know() -> None:
    place("ord_1", email="jane@bücher.example", phone="+1 (202) 555-0143")
    for query in (
        "jane%40b%C3%BCcher.example",
        "JANE%40xn--bcher-kva.example",
        "jane%20doe",
        "do%C3%A9",
        "ord_1",
        "%20ORD_1%20",
        "202%20555%200143",
        "%2B12025550143",
        "00%201%20202-555-0143",
    ):
        (found,) = customers(f"q={query}")
        assert (found["email"], found["name"]) == ("jane@bücher.example", "Jane Doe"), query
    for query in (
        "john%40example.com",
        "john",
        "ord_2",
        "202%20555%200144",
        "1%20303%20555%200143",
    ):
        assert customers(f"q={query}") == [], query


def test_account_and_guest_of_one_email_address_are_two_customers() -> None:
    place("ord_1", owner=ANNA)
    place("ord_2", hours=1, currency="EUR")
    place("ord_3", hours=2, name=("Janet", "Doe"))
    guest, account = customers("q=jane%40example.com")
    assert (guest["guest"], guest["orders"], guest["name"]) == (True, 2, "Janet Doe")
    assert [(each["currency"], each["orders"]) for each in guest["sums"]] == [
        ("EUR", 1),
        ("USD", 1),
    ]
    assert (guest["first_order"]["id"], guest["last_order"]["id"]) == ("ord_2", "ord_3")
    assert (account["guest"], account["id"], account["orders"]) == (False, ANNA, 1)
    # The older name finds the customer as well, who is shown under the newer one.
    (by_old_name,) = [each for each in customers("q=jane%20doe&limit=1") if each["guest"]]
    assert by_old_name == guest


def test_detail_is_the_entry_of_the_list_with_credits() -> None:
    place("ord_1", owner=ANNA)
    place("ord_2")
    segments = DynamoCustomerSegmentRepository()
    set_customer_groups(ANNA, ["trade"], ["vip"], customers=segments, at=NOON, actor="wanda")
    for entry in customers("q=jane"):
        shown = detail(entry["id"])
        assert shown.status == 200, shown.text
        assert shown.json == {**entry, "points": 0, "store_credit": {}}
        expected = ([], []) if entry["guest"] else (["trade"], ["vip"])
        assert (entry["groups"], entry["segments"]) == expected
    assert detail(ANNA.upper()).json["id"] == ANNA


def test_account_without_orders_is_shown_with_none() -> None:
    shown = detail(ANNA).json
    assert (shown["orders"], shown["email"], shown["sums"]) == (0, "", [])
    assert "last_order" not in shown


@pytest.mark.parametrize(
    "id_", ["jane", "guest_", "guest_" + "A" * 22, "guest_" + "A" * 500, "guest_#%00" + "A" * 19]
)
def test_unknown_customer_is_not_found(id_: str) -> None:
    place("ord_1")
    response = detail(id_)
    assert response.status == 404
    # An id that is too long for any resource is rejected before the handler.
    assert response.json["code"] == ("not_found" if len(id_) > 200 else "customer_unknown")


def test_cancelled_and_refunded_orders_change_the_sums() -> None:
    fixture = order_fixture()
    place("ord_1", owner=ANNA)
    total = fixture.orders.get_by_id("ord_1").total
    fixture.cancel(place("ord_2", owner=ANNA, hours=1))
    shown = detail(ANNA).json
    assert (shown["orders"], shown["cancelled"]) == (1, 1)
    assert shown["sums"] == [{"currency": "USD", "orders": 1, "worth": total, "refunded": 0}]
    assert shown["last_order"]["id"] == "ord_2"


def test_refund_by_amount_and_cancelled_pieces_reduce_the_worth() -> None:
    fixture = order_fixture()
    fixture.pay(place("ord_1", owner=ANNA))
    paid = fixture.orders.get_by_id("ord_1")
    after, events = paid.with_refund(100, "late", datetime.now(UTC), "staff wanda")
    fixture.orders.save(paid, after, events)
    (entry,) = customers("q=ord_1")
    assert entry["sums"][0]["worth"] == paid.total - 100
    assert detail(ANNA).json["sums"] == entry["sums"]
    assert adjust(70, to=ANNA).status == 201
    assert detail(ANNA).json["points"] == 70


def test_events_that_arrive_twice_or_late_count_nothing_twice() -> None:
    first = place("ord_1")
    fixture = order_fixture()
    placed = stream_record("ord_1")
    fixture.pay(first)
    paid = stream_record("ord_1")
    paid["dynamodb"]["OldImage"] = placed["dynamodb"]["NewImage"]
    for records in ([placed, paid], [paid, placed], [placed], [placed]):
        index_orders.handler({"Records": records}, Context())
    (guest,) = customers("q=jane%40example.com")
    assert guest["orders"] == 1
    assert guest["sums"][0]["worth"] == first.total


def test_each_customer_is_listed_once_over_all_pages() -> None:
    # Given 3 guests named Doe with 3 orders each, whose orders alternate
    for n in range(9):
        place(f"ord_{n:02}", email=f"g{n % 3}@example.com", hours=n)
    listed: list[str] = []
    query, pages = "q=doe&limit=2", 0
    cursor = ""
    while True:
        page = find(query + cursor).json
        listed += [each["email"] for each in page["customers"]]
        pages += 1
        if "cursor" not in page:
            break
        cursor = f"&cursor={page['cursor']}"
    assert listed == [f"g{n}@example.com" for n in (2, 1, 0)]
    assert pages <= 5


def test_search_with_too_many_customers_asks_for_more_of_the_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(customer_finder, "MAX_CUSTOMERS", 2)
    for n in range(3):
        place(f"ord_{n}", email=f"g{n}@example.com", hours=n)
    page = find("q=doe").json
    assert len(page["customers"]) == 2
    response = find(f"q=doe&cursor={page['cursor']}")
    assert response.status == 400
    assert (response.json["code"], response.json["errors"][0]["path"]) == ("too_many", "q")


@pytest.mark.parametrize(
    ("query", "code", "path"),
    [
        ("", "missing", "q"),
        ("q=", "text_invalid", "q"),
        ("q=-", "text_invalid", "q"),
        ("q=" + "a" * 255, "text_invalid", "q"),
        ("q=jane%40", "email_invalid", "q"),
        ("q=doe&limit=21", "limit_invalid", "limit"),
        ("q=doe&limit=0", "limit_invalid", "limit"),
        ("q=doe&cursor=x", "cursor_invalid", "cursor"),
        (f"q=doe&cursor={to_cursor({'before': '1', 'seen': ''})}", "cursor_invalid", "cursor"),
        (
            f"q=doe&cursor={to_cursor({'before': '0' * 16 + '#ord_1', 'seen': ['a']})}",
            "cursor_invalid",
            "cursor",
        ),
    ],
)
def test_unclear_search_is_rejected_at_its_place(query: str, code: str, path: str) -> None:
    response = find(query)
    assert response.status == 400, response.text
    (error,) = response.json["errors"]
    assert (error["code"], error["path"]) == (code, path)


@pytest.mark.parametrize(
    ("claims", "status"), [(None, 401), (signed_in("jane"), 403), (signed_in("j", "tax"), 403)]
)
def test_only_staff_may_find_customers(claims: Any, status: int) -> None:
    assert find("q=doe", claims).status == status
    assert detail(ANNA, claims).status == status


def test_orders_of_a_customer_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(customer_finder, "MAX_ORDERS", 2)
    for n in range(3):
        place(f"ord_{n}", hours=n)
        place(f"ord_a{n}", owner=ANNA, hours=n)
    for shown in customers("q=doe"):
        assert (shown["orders"], shown["complete"]) == (2, False)


def test_calls_and_read_units_of_a_search() -> None:
    for n in range(4):
        place(f"ord_{n}", email=f"g{n}@example.com", owner="guest" if n % 2 else ANNA[:-1] + str(n))
    customers("q=doe")  # the first request of a Lambda also reads the key
    with count_calls() as counted:
        assert len(customers("q=doe")) == 4
    # The term's 4 shards and its orders; the orders of 2 accounts and 2 guests; the newest orders,
    # whether more follow, and the groups.
    operations = [each.operation for each in counted.made]
    assert operations.count("Query") <= 4 + 2 + 2 + 4
    assert operations.count("BatchGetItem") == 1 + 2 + 1 + 1
    assert len(operations) <= 17


def test_order_that_is_listed_under_two_keys_of_the_hashes_counts_once() -> None:
    # Given an order that was indexed under the former key, and again under the new one
    place("ord_1")
    former = list_customers.secret.keys(NOON)[0]
    repository = order_fixture().orders
    image = _image(stream_record("ord_1")["dynamodb"]["NewImage"])
    record = ("1", None, image)
    DynamoOrderIndex(lambda: (b"new", former), repository).apply([record, record])
    finder = customer_finder.DynamoCustomerFinder(lambda: (b"new", former))

    # When the guest is looked up
    page = finder.find(OrderSearch(email="jane@example.com"), cursor=None, limit=10)

    # Then the guest is one customer with one order, under the id of either key
    (guest,) = page.items
    assert guest.orders.orders == 1
    listed = [row for key in partition_keys(EMAIL, (b"new", former)) for row in rows_of(key)]
    assert len(listed) == 2
    former_finder = customer_finder.DynamoCustomerFinder(lambda: (former,))
    old = former_finder.key_of(repository.get_by_id("ord_1"))
    assert finder.get(old.id) == finder.get(guest.key.id) == guest
