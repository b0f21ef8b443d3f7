"""Finding orders: the double compares every order with the search, and the store must agree."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from shop.kernel.contacts import Buyer
from shop.kernel.errors import InvalidRequest
from shop.orders.actions.finding import find_orders, sum_orders
from shop.orders.model import Order, OrderStatus
from shop.orders.model.finding import (
    MAX_NAME_WORDS,
    MAX_PREFIX,
    OrderSearch,
    SearchTerm,
    TermKind,
    name_words,
    search_terms,
)
from shop.orders.schemas.order_search import search_from_query
from tests.kit.order_index import KEY, finder_of, images
from tests.kit.orders import BLACK_FRIDAY, make_order
from tests.unit.orders.order_fixture import OrderFixture

DAY = timedelta(days=1)


def day(text: str) -> OrderSearch:
    """Return the search for the orders of one day in UTC."""
    start = datetime.fromisoformat(text).replace(tzinfo=UTC)
    return OrderSearch(placed_from=start, placed_before=start + DAY)


def pages(orders: OrderFixture, search: OrderSearch, limit: int = 2) -> Iterator[list[str]]:
    finder = finder_of(orders.orders)
    cursor = None
    while True:
        page = finder.find(search, cursor=cursor, limit=limit)
        yield [summary.id for summary in page.items]
        if (cursor := page.cursor) is None:
            return


def found(orders: OrderFixture, search: OrderSearch, limit: int = 2) -> list[str]:
    listed = list(pages(orders, search, limit))
    assert all(len(page) <= limit for page in listed)
    return [order_id for page in listed for order_id in page]


PEOPLE = (
    ("Anna", "Lindqvist", "anna@example.com"),
    ("Anne-Marie", "O\u2019Brien", "Anna@Example.COM"),
    ("王", "小明", "wang@example.cn"),
    ("Ng", "Li", "li@example.com"),
    ("Bartholomew", "Featherstonehaugh", "bart@example.org"),
    ("Bartholomäus", "Ångström", "b@example.org"),
)


def place_people(fixture: OrderFixture) -> None:
    for n, (first, last, email) in enumerate(PEOPLE):
        fixture.place(
            make_order(
                f"ord_{n}",
                (1,) if n % 2 else (1, 1),
                email=email,
                buyer=Buyer(email, first, last),
                currency="EUR" if n == 3 else "USD",
                placed_at=BLACK_FRIDAY + timedelta(hours=5 * n),
                owner="guest" if n % 2 else f"c{n}",
            )
        )


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ({"email": "anna@example.com"}, [1, 0]),
        ({"email": "ann@example.com"}, []),
        ({"words": ("ann",)}, [1, 0]),
        ({"words": ("anne", "obrien")}, [1]),
        ({"words": ("anna", "lind")}, [0]),
        ({"words": ("an",)}, []),
        ({"words": ("li",)}, [3]),
        ({"words": ("lin",)}, [0]),
        ({"words": ("王",)}, [2]),
        ({"words": ("小",)}, [2]),
        ({"words": ("bartholo",)}, [5, 4]),
        ({"words": ("bartholomew",)}, [4]),
        ({"words": ("bartholomews",)}, []),
        ({"words": ("ang",)}, [5]),
        ({"sku": "MUG-RED"}, [5, 4, 3, 2, 1, 0]),
        ({"sku": "MUG-BLUE"}, [4, 2, 0]),
        ({"sku": "mug-blue"}, [4, 2, 0]),
        ({"sku": "MUG-BLUE", "words": ("anna",)}, [0]),
        ({"sku": "MUG-BLUE", "email": "anna@example.com"}, [0]),
        ({"sku": "MUG-RED", "status": OrderStatus.CONFIRMED}, [3]),
        ({"email": "li@example.com", "status": OrderStatus.CONFIRMED}, [3]),
        ({"email": "li@example.com", "status": OrderStatus.PLACED}, []),
        ({"sku": "MUG-RED", "placed_from": BLACK_FRIDAY + timedelta(hours=10)}, [5, 4, 3, 2]),
        ({"sku": "MUG-RED", "placed_before": BLACK_FRIDAY + timedelta(hours=10)}, [1, 0]),
        (
            {
                "placed_from": BLACK_FRIDAY + timedelta(hours=5),
                "placed_before": BLACK_FRIDAY + timedelta(hours=20),
            },
            [3, 2, 1],
        ),
        ({"placed_from": BLACK_FRIDAY + DAY, "placed_before": BLACK_FRIDAY + DAY}, []),
        ({"placed_from": BLACK_FRIDAY + DAY, "placed_before": BLACK_FRIDAY}, []),
        ({"sku": "MUG-RED", "placed_from": BLACK_FRIDAY + DAY, "placed_before": BLACK_FRIDAY}, []),
    ],
)
def test_orders_are_found_by_every_condition(
    order_fixture: OrderFixture, search: dict[str, Any], expected: list[int]
) -> None:
    place_people(order_fixture)
    order_fixture.pay(order_fixture.orders.get_by_id("ord_3"))
    wanted = OrderSearch(**search)
    ids = [f"ord_{n}" for n in expected]

    assert found(order_fixture, wanted) == ids

    sums = finder_of(order_fixture.orders).sum_up(wanted)
    assert (sums.count, sums.is_complete) == (len(ids), True)
    orders = [order_fixture.orders.get_by_id(each) for each in ids]
    assert {each.currency: (each.count, each.gross) for each in sums.sums} == totals_of(orders)


def totals_of(orders: Iterable[Order]) -> dict[str, tuple[int, int]]:
    totals: dict[str, tuple[int, int]] = {}
    for order in orders:
        count, total = totals.get(order.currency, (0, 0))
        totals[order.currency] = (count + 1, total + order.total)
    return totals


def test_orders_of_a_day_are_found_for_all_owners_newest_first(order_fixture: OrderFixture) -> None:
    for n in range(7):
        owner = "guest" if n % 2 else "c"
        at = BLACK_FRIDAY + timedelta(minutes=n)
        order_fixture.place(make_order(f"ord_{n}", (1,), owner=owner, placed_at=at))
    order_fixture.place(make_order("ord_before", (1,), placed_at=BLACK_FRIDAY - DAY))
    assert found(order_fixture, day("2026-11-27"), 3) == [f"ord_{n}" for n in reversed(range(7))]


def test_orders_of_several_days_are_found_newest_first(order_fixture: OrderFixture) -> None:
    for n in range(5):
        order_fixture.place(make_order(f"ord_{n}", (1,), placed_at=BLACK_FRIDAY + n * DAY))
    # Midnight belongs to the day that it begins.
    midnight = (BLACK_FRIDAY + DAY).replace(hour=0)
    order_fixture.place(make_order("ord_midnight", (1,), placed_at=midnight))
    week = replace(day("2026-11-27"), placed_before=BLACK_FRIDAY + 4 * DAY)
    assert found(order_fixture, week) == ["ord_3", "ord_2", "ord_1", "ord_midnight", "ord_0"]
    assert found(order_fixture, day("2026-11-27")) == ["ord_0"]
    assert found(order_fixture, day("2026-11-28")) == ["ord_1", "ord_midnight"]


def test_orders_of_a_day_are_filtered_by_status(order_fixture: OrderFixture) -> None:
    for n in range(4):
        order = order_fixture.place(
            make_order(f"ord_{n}", (1,), placed_at=BLACK_FRIDAY + timedelta(minutes=n))
        )
        if n % 2:
            order_fixture.pay(order)
    search = replace(day("2026-11-27"), status=OrderStatus.CONFIRMED)
    assert found(order_fixture, search) == ["ord_3", "ord_1"]
    assert finder_of(order_fixture.orders).sum_up(search).count == 2


def test_orders_placed_in_one_microsecond_are_all_found(order_fixture: OrderFixture) -> None:
    for n in range(5):
        order_fixture.place(make_order(f"ord_{n}", (1,), placed_at=BLACK_FRIDAY))
    every = [f"ord_{n}" for n in reversed(range(5))]
    assert found(order_fixture, day("2026-11-27")) == every
    assert found(order_fixture, OrderSearch(sku="MUG-RED")) == every


def test_number_finds_its_order_if_the_other_conditions_hold(order_fixture: OrderFixture) -> None:
    place_people(order_fixture)

    def numbers(**conditions: Any) -> list[str]:
        search = OrderSearch(number="ord_1", **conditions)
        options: Any = {"orders": order_fixture.orders, "finder": finder_of(order_fixture.orders)}
        page = find_orders(search, cursor=None, limit=5, **options)
        assert sum_orders(search, **options).count == len(page.items)
        return [summary.id for summary in page.items]

    assert numbers() == numbers(email="anna@example.com") == ["ord_1"]
    assert numbers(email="li@example.com") == numbers(status=OrderStatus.CANCELLED) == []
    assert numbers(placed_from=BLACK_FRIDAY + DAY) == []


# Bounded reads


@pytest.fixture
def small_budgets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("MAX_LISTED", 4), ("MAX_READ", 4), ("FILTER_PAGE", 3), ("SUM_PAGE", 3)):
        monkeypatch.setattr(f"shop.orders.store.finding.{name}", value)


@pytest.mark.usefixtures("small_budgets")
@pytest.mark.parametrize(
    "search",
    [
        OrderSearch(sku="MUG-RED", status=OrderStatus.CONFIRMED),
        replace(day("2026-11-27"), status=OrderStatus.CONFIRMED),
    ],
)
def test_search_continues_where_a_request_has_read_its_share(
    order_fixture: OrderFixture, search: OrderSearch
) -> None:
    # Given one confirmed order behind nine others
    for n in range(10):
        at = BLACK_FRIDAY + timedelta(minutes=n)
        order = order_fixture.place(make_order(f"ord_{n}", (1,), placed_at=at))
        if n == 0:
            order_fixture.pay(order)
    # Then short pages lead to it
    assert found(order_fixture, search) == ["ord_0"]


@pytest.mark.usefixtures("small_budgets")
def test_sums_of_a_long_result_are_called_incomplete(order_fixture: OrderFixture) -> None:
    for n in range(4):
        order_fixture.place(make_order(f"ord_{n}", (1,), placed_at=BLACK_FRIDAY + n * DAY / 24))
    searches = (
        OrderSearch(sku="MUG-RED"),
        OrderSearch(sku="MUG-RED", status=OrderStatus.PLACED),
        day("2026-11-27"),
    )
    finder = finder_of(order_fixture.orders)
    assert [finder.sum_up(each).is_complete for each in searches] == [True] * 3
    order_fixture.place(make_order("ord_5", (1,), placed_at=BLACK_FRIDAY + 5 * DAY / 24))
    is_bounded = "Dynamo" in type(order_fixture.orders).__name__
    for search in searches:
        sums = finder_of(order_fixture.orders).sum_up(search)
        assert (sums.is_complete, sums.count) == ((False, 4) if is_bounded else (True, 5))


# Terms


def test_terms_of_an_order_are_bounded() -> None:
    words = " ".join(f"name{n}long" for n in range(40))
    order = make_order(buyer=Buyer("j@example.com", full_name=words))
    names = [term.text for term in search_terms(order) if term.kind is TermKind.NAME]
    assert len(names) <= MAX_NAME_WORDS * MAX_PREFIX
    assert search_terms(make_order(email="")) >= {SearchTerm(TermKind.SKU, "MUG-RED")}
    assert {term.kind for term in search_terms(make_order(email=""))} == {
        TermKind.NAME,
        TermKind.SKU,
    }


def test_parts_of_a_kit_find_its_order() -> None:
    order = make_order()
    line = replace(order.lines[0], parts=(("CUP", 2), ("SAUCER", 2)))
    order = replace(order, lines=(line,))
    skus = {term.text for term in search_terms(order) if term.kind is TermKind.SKU}
    assert skus == {"MUG-RED", "CUP", "SAUCER"}
    assert OrderSearch(sku="CUP").matches(order)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Anne-Marie O'Neil", ("anne", "marie", "oneil")),
        ("ÅNGSTRÖM", ("angstrom",)),
        ("Ｊａｎｅ", ("jane",)),
        ("_- .", ()),
        ("王小明", ("王小明",)),
    ],
)
def test_names_are_compared_by_folded_words(name: str, words: tuple[str, ...]) -> None:
    assert name_words(name) == words


# The query

PASTED_SKUS = (
    "MUG-RED",
    "mug-red",
    " MUG-RED\t",
    "MUG-RED\r\n",
    "MUG\u2011RED",
    "MUG\u2013RED",
    "\u00a0MUG-RED\u00a0",
    "\ufeffMUG-RED",
    "MUG-\u00adRED",
    "MUG-RED\u200b",
    "ＭＵＧ－ＲＥＤ",
)


@pytest.mark.parametrize("text", PASTED_SKUS, ids=ascii)
def test_pasted_sku_finds_its_orders(order_fixture: OrderFixture, text: str) -> None:
    order_fixture.place(make_order("ord_1"))
    assert found(order_fixture, parsed(sku=text)) == ["ord_1"]
    assert found(order_fixture, OrderSearch(sku=text)) == ["ord_1"]
    both = parsed(sku=text, email="jane@example.com")
    assert found(order_fixture, both) == ["ord_1"]


def test_sku_in_lower_case_is_found_in_either_case() -> None:
    order = make_order("ord_1")
    lines = tuple(replace(line, sku=f"{line.sku.lower()}  x") for line in order.lines)
    placed = replace(order, lines=lines)
    for text in ("mug-red  x", "MUG-RED  X", "Mug\u2010Red\u00a0\u00a0x"):
        assert parsed(sku=text).matches(placed)
        assert parsed(sku=text).term in search_terms(placed)


@pytest.mark.parametrize(
    "text",
    [
        "ord_12ab",
        "ORD_12AB",
        "\u00a0ord_12ab\t",
        "ord_12ab\u200b",
        "\ufefford_12ab\n",
        "ord_１２ab",
        "ｏｒｄ＿12ab",
        "ord_\u00ad12ab",
    ],
    ids=ascii,
)
def test_pasted_number_is_the_id_of_the_order(text: str) -> None:
    assert parsed(number=text).number == "ord_12ab"


@pytest.mark.parametrize(
    "text",
    [
        "ann-1@example.com",
        "Ann-1@EXAMPLE.com",
        "\u00a0ann-1@example.com\t",
        "ann\u20111@example.com",
        "ann-１@example.com",
        "ann-1@\u200bexample.com\u2060",
        "\ufeffann-1@example.com\r\n",
    ],
    ids=ascii,
)
def test_pasted_email_is_the_address(text: str) -> None:
    assert parsed(email=text).email == "ann-1@example.com"


AT = datetime(2026, 11, 27, 23, 30, tzinfo=UTC)


def parsed(zone: str = "UTC", **query: str) -> OrderSearch:
    return search_from_query(query, at=AT, zone=ZoneInfo(zone))


def test_search_without_conditions_means_today_in_the_shops_zone() -> None:
    assert parsed() == day("2026-11-27")
    berlin = parsed("Europe/Berlin")
    assert berlin.placed_from == datetime(2026, 11, 27, 23, tzinfo=UTC)
    assert parsed(status="placed") == replace(parsed(), status=OrderStatus.PLACED)


def test_days_are_those_of_the_shops_zone_even_when_clocks_change() -> None:
    search = parsed("America/New_York", placed_from="2026-10-31", placed_to="2026-11-01")
    assert search.placed_from == datetime(2026, 10, 31, 4, tzinfo=UTC)
    assert search.placed_before == datetime(2026, 11, 2, 5, tzinfo=UTC)


def test_conditions_need_no_days() -> None:
    assert parsed(email=" Jane@Example.com ") == OrderSearch(email="jane@example.com")
    assert parsed(name="Jane D") == OrderSearch(words=("jane", "d"))
    assert parsed(number=" ORD_1 ") == OrderSearch(number="ord_1")
    assert parsed(sku="MUG", placed_to="2026-11-27").placed_from is None
    assert parsed(placed_from="2026-11-27") == day("2026-11-27")


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ({"day": ""}, "day"),
        ({"day": "2026-02-30"}, "day"),
        ({"day": "x" * 999}, "day"),
        ({"day": "0001-01-01"}, "day"),
        ({"day": "9999-12-31"}, "day"),
        ({"day": "2026-11-27", "placed_from": "2026-11-27"}, "day"),
        ({"placed_from": "27.11.2026"}, "placed_from"),
        ({"placed_from": "2026-11-28", "placed_to": "2026-11-27"}, "placed_to"),
        ({"placed_to": "2026-11-27"}, "placed_from"),
        ({"placed_from": "2026-10-01", "placed_to": "2026-11-01"}, "placed_from"),
        ({"email": "jane"}, "email"),
        ({"email": "jane@"}, "email"),
        ({"name": " - "}, "name"),
        ({"name": "a" * 101}, "name"),
        ({"sku": ""}, "sku"),
        ({"sku": "a\0"}, "sku"),
        ({"number": " "}, "number"),
        ({"status": "lost"}, "status"),
    ],
)
def test_invalid_condition_is_rejected_at_its_place(query: dict[str, str], path: str) -> None:
    with pytest.raises(InvalidRequest) as error:
        parsed(**query)
    assert error.value.problems[0].path == path


def test_a_month_of_days_is_accepted() -> None:
    search = parsed(placed_from="2026-10-01", placed_to="2026-10-31")
    assert search.placed_from is not None
    assert search.placed_from.date() == date(2026, 10, 1)


# The index


on_dynamo = pytest.mark.parametrize("order_fixture", ["dynamo"], indirect=True)
"""Runs a test on DynamoDB only: the double has no index."""


def postings() -> list[dict[str, Any]]:
    import boto3

    client = boto3.client("dynamodb", region_name="us-east-1")
    return list(client.scan(TableName="order_index")["Items"])


def apply(*changes: tuple[Any, Any], keys: tuple[bytes, ...] = (KEY,)) -> str | None:
    from shop.orders.store import DynamoOrderRepository
    from shop.orders.store.order_index import DynamoOrderIndex

    index = DynamoOrderIndex(lambda: keys, DynamoOrderRepository())
    return index.apply([(str(n), old, new) for n, (old, new) in enumerate(changes)])


@on_dynamo
def test_index_stores_no_text_of_a_person(order_fixture: OrderFixture) -> None:
    order_fixture.place()
    finder_of(order_fixture.orders)
    assert len(postings()) == 6
    stored = str(postings()).casefold()
    assert "mug-red" in stored
    assert not any(text in stored for text in ("jane", "jan#", "doe", "example"))


@on_dynamo
def test_repeated_and_outdated_changes_leave_the_same_index(order_fixture: OrderFixture) -> None:
    order = order_fixture.place()
    (placed,) = images()
    order_fixture.pay(order)
    (paid,) = images()
    apply((None, placed), (placed, paid))
    once = postings()
    apply((None, placed), (placed, paid), (None, placed))
    assert sorted(map(str, postings())) == sorted(map(str, once))


@on_dynamo
def test_erased_text_is_removed_from_the_index(order_fixture: OrderFixture) -> None:
    order = order_fixture.place()
    (placed,) = images()
    apply((None, placed))
    erased = replace(order, email="erased@shop.invalid", buyer=Buyer("erased@shop.invalid"))
    order_fixture.orders.save(order, erased, [])
    (after,) = images()
    apply((placed, after))
    assert found(order_fixture, OrderSearch(email="jane@example.com")) == []
    assert found(order_fixture, OrderSearch(words=("jane",))) == []
    assert found(order_fixture, OrderSearch(sku="MUG-RED")) == ["ord_1"]


@on_dynamo
def test_deleted_order_is_removed_from_the_index(order_fixture: OrderFixture) -> None:
    import boto3

    order_fixture.place()
    (placed,) = images()
    apply((None, placed))
    key = {"PK": {"S": placed["PK"]}, "SK": {"S": placed["SK"]}}
    boto3.client("dynamodb", region_name="us-east-1").delete_item(TableName="orders", Key=key)
    apply((placed, None))
    assert postings() == []


@on_dynamo
@pytest.mark.parametrize("order_of_records", [(0, 1), (1, 0)])
def test_order_that_moves_to_another_owner_stays_found(
    order_fixture: OrderFixture, order_of_records: tuple[int, int]
) -> None:
    import boto3

    order = order_fixture.place()
    (guest,) = images()
    apply((None, guest))
    key = {"PK": {"S": guest["PK"]}, "SK": {"S": guest["SK"]}}
    boto3.client("dynamodb", region_name="us-east-1").delete_item(TableName="orders", Key=key)
    order_fixture.uow.commit(order_fixture.orders.place_op(replace(order, owner="c"), []))
    (claimed,) = images()
    records = [(guest, None), (None, claimed)]
    apply(*(records[n] for n in order_of_records))
    for search in (OrderSearch(sku="MUG-RED"), OrderSearch(email="jane@example.com")):
        assert found(order_fixture, search) == ["ord_1"]


@on_dynamo
def test_orders_of_the_previous_key_are_found_after_a_rotation(order_fixture: OrderFixture) -> None:
    from shop.orders.store.finding import DynamoOrderFinder

    order_fixture.place(make_order("ord_1"))
    apply((None, images()[0]))
    new = b"n" * 32
    order_fixture.place(make_order("ord_2", placed_at=BLACK_FRIDAY + DAY))
    apply(*((None, image) for image in images() if image["PK"] == "ORDER#ord_2"), keys=(new, KEY))
    finder = DynamoOrderFinder(lambda: (new, KEY))
    page = finder.find(OrderSearch(email="jane@example.com"), cursor=None, limit=5)
    assert [summary.id for summary in page.items] == ["ord_2", "ord_1"]


@on_dynamo
def test_unreadable_change_is_reported_and_those_before_it_are_indexed(
    order_fixture: OrderFixture,
) -> None:
    order_fixture.place()
    (placed,) = images()
    assert apply((None, placed), (None, {**placed, "doc": b"\x00\x00"})) == "1"
    assert len(postings()) == 6
