"""What staff do with stock, through the doors."""

from typing import Any

import pytest

from functions.staff_catalog import create_product, set_product_status
from functions.staff_sourcing import set_location
from functions.staff_stock import (
    create_stock_movement,
    create_stock_take,
    create_stock_transfer,
    get_stock_level,
    list_stock_levels,
    list_stock_movements,
)
from functions.staff_stock import (
    set_stock_level as counting,
)
from shop.inventory.model import Demand
from shop.inventory.store import DynamoStockRepository
from shop.inventory.store.rows import ShardRow
from shop.storage.connection import connection
from shop.storage.transactions import DynamoUnitOfWork
from tests.kit.invariants import read_system_state, violations
from tests.kit.order_fixtures import signed_in
from tests.kit.shop import ApiResponse, call
from tests.unit.inventory.stock_fixture import StockFixture

COUNT = "PUT /staff/stock/{sku+}"
MOVE = "POST /staff/stock-movements"
TRANSFER = "POST /staff/stock-transfers"
TAKE = "POST /staff/stock-takes"
LEVELS = "GET /staff/stock-levels"
JOURNAL = "GET /staff/stock-journal"

pytestmark = pytest.mark.usefixtures("cloud")


def ask(door: Any, route: str, body: Any = None, key: str = "", **more: Any) -> ApiResponse:
    return call(door.handler, route, body, key=key, claims=signed_in("wanda", "catalogue"), **more)


def sells(*skus: str) -> None:
    variants = [
        {
            "sku": sku,
            "price": {"amount": 2500, "currency": "USD"},
            "options": [{"name": "Size", "label": sku}],
        }
        for sku in skus
    ]
    body = {"id": "cap", "title": "Cap", "description": "Warm.", "variants": variants}
    assert ask(create_product, "POST /staff/products", body).status == 201


def archive() -> None:
    route = "POST /staff/products/{id}/status"
    assert ask(set_product_status, route, {"status": "archived"}, id="cap").status == 200


def shelf(sku: str, query: str = "") -> ApiResponse:
    return ask(get_stock_level, "GET /staff/stock/{sku+}", sku=sku, query=query)


def count(sku: str, body: Any, if_match: str | None = None, key: str = "") -> ApiResponse:
    headers = {"if-match": if_match} if if_match is not None else None
    return ask(counting, COUNT, body, key=key, headers=headers, sku=sku)


def move(
    kind: str, sku: str = "CAP-S", version: Any = None, key: str = "", **more: Any
) -> ApiResponse:
    """An entry from the version that stands now, or from another."""
    where = more.get("location", "main")
    now = DynamoStockRepository().level(sku, where).version if version is None else version
    return ask(
        create_stock_movement, MOVE, {"kind": kind, "sku": sku, "version": now, **more}, key=key
    )


def levels(sku: str) -> Any:
    return ask(list_stock_levels, LEVELS, query=f"sku={sku}").json


def journal(query: str) -> ApiResponse:
    return ask(list_stock_movements, JOURNAL, query=query)


def errors(answer: ApiResponse) -> list[tuple[str, str | None]]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    return [(e["code"], e.get("path")) for e in answer.json["errors"]]


@pytest.mark.parametrize("groups", [(), ("fulfilment",), ("admin",)])
def test_nobody_but_who_keeps_the_goods_comes_to_the_desk(groups: tuple[str, ...]) -> None:
    for door, route in (
        (create_stock_movement, MOVE),
        (create_stock_transfer, TRANSFER),
        (create_stock_take, TAKE),
    ):
        answer = call(door.handler, route, {}, claims=signed_in("eve", *groups), key="")
        assert answer.status == 403
    assert call(list_stock_levels.handler, LEVELS, query="sku=CAP-S").status == 401


# Counting


def test_stock_of_what_nobody_sells_is_neither_shown_nor_counted() -> None:
    for answer in (shelf("CAP-SS"), count("CAP-SS", {"on_hand": 5, "version": 0})):
        assert (answer.status, errors(answer)) == (404, [("sku_unknown", "sku")])
    assert DynamoStockRepository().level("CAP-SS").version == 0
    sells("CAP-S")
    assert count("CAP-S", {"on_hand": 5, "version": 0}).status == 200
    archive()
    assert shelf("CAP-S").json["on_hand"] == 5
    assert count("CAP-S", {"on_hand": 4, "version": 1}).status == 200
    assert count("CAP-M", {"on_hand": 4, "version": 0}).status == 404


@pytest.mark.parametrize("sku", ["A/B", "1/2-IN 50% #7?", "C:\\x"])
def test_a_sku_may_have_slashes(sku: str) -> None:
    sells(sku)
    assert count(sku, {"on_hand": 5, "version": 0}).json["sku"] == sku
    assert shelf(sku).json["on_hand"] == 5


def test_stock_is_counted_from_the_version_that_was_read() -> None:
    sells("CAP-S")
    fresh = shelf("CAP-S")
    assert (fresh.status, fresh.json["on_hand"], fresh.json["version"]) == (200, 0, 0)
    first = count("CAP-S", {"on_hand": 12, "reason": "delivery"}, fresh.headers["ETag"])
    assert first.status == 200, first.text
    assert (first.json["available"], first.json["version"]) == (12, 1)
    assert shelf("CAP-S").json == first.json
    assert count("CAP-S", {"on_hand": 5, "version": 0}).status == 409
    assert errors(count("CAP-S", {"on_hand": 5})) == [("version_missing", "If-Match")]
    assert count("CAP-S", {"on_hand": 5, "version": 1}).json["on_hand"] == 5


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"on_hand": -1, "version": 0},
        {"on_hand": 1.5, "version": 0},
        {"on_hand": "5", "version": 0},
        {"on_hand": 10**12, "version": 0},
        {"on_hand": 5, "version": -1},
        {"on_hand": 5, "version": 0, "location": "../x"},
        {"on_hand": 5, "version": 0, "colour": "red"},
    ],
)
def test_a_count_that_makes_no_sense_is_refused(body: Any) -> None:
    sells("CAP-S")
    assert count("CAP-S", body).status == 400
    assert shelf("CAP-S").json["version"] == 0


# Movements


def test_a_working_day_with_one_sku() -> None:
    sells("CAP-S")
    assert move("expect", units=20).json["incoming"] == 20
    came = move("receive", units=12, reason="delivery", reference="DN-7")
    assert (came.status, came.headers["ETag"]) == (201, '"2"')
    assert (came.json["on_hand"], came.json["incoming"], came.json["available"]) == (12, 8, 12)
    assert move("adjust", delta=-1, reason="miscounted").json["on_hand"] == 11
    back = move("take_back", units=2, damage_reason="torn", reference="ord_1").json
    assert (back["on_hand"], back["available"], back["unavailable_by"]) == (13, 11, {"torn": 2})
    assert move("set_aside", units=3, unavailable_reason="quality_control").json["available"] == 8
    assert move("bring_back", units=1, unavailable_reason="quality_control").json["available"] == 9
    gone = move("write_off", units=2, unavailable_reason="torn", reason="thrown away").json
    assert (gone["on_hand"], gone["unavailable_by"]) == (11, {"quality_control": 2})
    safe = move("safety_stock", units=4).json
    assert (safe["safety"], safe["available"], safe["version"]) == (4, 5, 8)
    assert shelf("CAP-S").json == safe
    (last, *_, first) = journal("sku=CAP-S").json["movements"]
    assert (last["kind"], last["safety"], last["actor"]) == ("policy", 4, "wanda")
    assert (first["kind"], first["incoming"], first["available"]) == ("expected", 20, 0)


@pytest.mark.parametrize("why", ["self", "null", "a.b", "é ü", "_user_instantiated"])
def test_any_word_will_do_for_why_goods_are_set_aside(why: str) -> None:
    sells("CAP-S")
    move("receive", units=9)
    assert move("set_aside", units=2, unavailable_reason=why).json["unavailable_by"] == {why: 2}
    assert shelf("CAP-S").json["unavailable_by"] == {why: 2}
    assert journal("sku=CAP-S").json["movements"][0]["unavailable"] == {why: 2}
    assert move("bring_back", units=1, unavailable_reason=why).json["unavailable_by"] == {why: 1}


def test_a_retry_under_its_key_gets_the_same_answer_and_moves_nothing() -> None:
    sells("CAP-S")
    first = move("receive", units=5, version=0, key="delivery-7")
    again = move("receive", units=5, version=0, key="delivery-7")
    assert (again.status, again.json, again.headers["ETag"]) == (201, first.json, '"1"')
    assert len(journal("sku=CAP-S").json["movements"]) == 1
    without = move("receive", units=5, version=0)
    assert (without.status, errors(without)) == (409, [("stale", None)])
    other = move("receive", units=6, version=1, key="delivery-7")
    assert (other.status, errors(other)) == (
        409,
        [("idempotency_key_reused", "Idempotency-Key")],
    )
    assert shelf("CAP-S").json["on_hand"] == 5


def test_a_count_under_its_key_is_taken_once() -> None:
    sells("CAP-S")
    first = count("CAP-S", {"on_hand": 5, "version": 0}, key="count-1")
    move("receive", units=3)
    assert count("CAP-S", {"on_hand": 5, "version": 0}, key="count-1").json == first.json
    assert shelf("CAP-S").json["on_hand"] == 8


def test_what_is_promised_cannot_be_taken_away() -> None:
    sells("CAP-S")
    move("receive", units=5)
    StockFixture(DynamoStockRepository(), DynamoUnitOfWork(connection())).hold(Demand("CAP-S", 4))
    for answer in (
        move("adjust", delta=-2, reason="miscounted"),
        move("write_off", units=2, reason="flood"),
        move("set_aside", units=2, unavailable_reason="damaged"),
    ):
        assert (answer.status, errors(answer)) == (409, [("stock_promised", None)])
    answer = move("bring_back", units=1, unavailable_reason="damaged")
    assert (answer.status, errors(answer)) == (409, [("stock_negative", None)])
    assert shelf("CAP-S").json["version"] == 1


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, "$.kind"),
        ({"kind": "steal", "sku": "CAP-S", "version": 0, "units": 1}, "$.kind"),
        ({"kind": "receive", "sku": "CAP-S", "units": 1}, "$.version"),
        ({"kind": "receive", "sku": "CAP-S", "version": 0}, "$.units"),
        ({"kind": "receive", "sku": "CAP-S", "version": 0, "units": 0}, "$.units"),
        ({"kind": "receive", "sku": "CAP-S", "version": 0, "units": "1"}, "$.units"),
        ({"kind": "receive", "sku": "", "version": 0, "units": 1}, "$.sku"),
        ({"kind": "receive", "sku": "CAP-S", "version": 0, "units": 10**10}, "$.units"),
        (
            {
                "kind": "receive",
                "sku": "CAP-S",
                "version": 0,
                "units": 1,
                "unavailable_reason": "x",
            },
            "$.unavailable_reason",
        ),
        ({"kind": "expect", "sku": "CAP-S", "version": 0, "units": 0}, "$.units"),
        ({"kind": "adjust", "sku": "CAP-S", "version": 0, "delta": 1}, "$.reason"),
        ({"kind": "adjust", "sku": "CAP-S", "version": 0, "delta": 1, "reason": " "}, "$.reason"),
        ({"kind": "adjust", "sku": "CAP-S", "version": 0, "delta": 0, "reason": "x"}, "$.delta"),
        ({"kind": "write_off", "sku": "CAP-S", "version": 0, "units": 1}, "$.reason"),
        ({"kind": "set_aside", "sku": "CAP-S", "version": 0, "units": 1}, "$.unavailable_reason"),
        (
            {
                "kind": "set_aside",
                "sku": "CAP-S",
                "version": 0,
                "units": 1,
                "unavailable_reason": "x" * 41,
            },
            "$.unavailable_reason",
        ),
        (
            {"kind": "receive", "sku": "CAP-S", "version": 0, "units": 1, "location": "A B"},
            "$.location",
        ),
    ],
)
def test_an_entry_that_makes_no_sense_is_refused_with_its_place(body: Any, where: str) -> None:
    sells("CAP-S")
    answer = ask(create_stock_movement, MOVE, body)
    assert (answer.status, [path for _, path in errors(answer)]) == (400, [where])
    assert shelf("CAP-S").json["version"] == 0


def test_nothing_of_what_nobody_sells_is_moved() -> None:
    answer = move("receive", sku="NOBODYS", units=1)
    assert (answer.status, errors(answer)) == (404, [("sku_unknown", "sku")])
    assert ask(list_stock_levels, LEVELS, query="sku=NOBODYS").status == 404


# Transfers


def opens(location: str) -> None:
    body = {"country": "US", "version": 0}
    answer = ask(set_location, "PUT /staff/locations/{name}", body, name=location)
    assert answer.status == 200, answer.text


def send(step: str, **more: Any) -> ApiResponse:
    body = {"kind": step, "sku": "CAP-S", "target": "shop", **more}
    return ask(create_stock_transfer, TRANSFER, body, key=more.pop("key", ""))


def test_goods_are_sent_and_arrive_with_a_loss() -> None:
    sells("CAP-S")
    opens("shop")
    move("receive", units=10)
    sent = send("dispatch", source="main", units=6, version=1)
    assert sent.status == 201, sent.text
    here, there = sent.json["levels"]
    assert (here["location"], here["on_hand"]) == ("main", 4)
    assert (there["location"], there["on_hand"], there["in_transit"]) == ("shop", 0, 6)
    assert send("dispatch", source="main", units=6, version=1).status == 409
    (came,) = send("arrive", units=5, lost=1, version=1).json["levels"]
    assert (came["on_hand"], came["in_transit"], came["version"]) == (5, 0, 2)
    shown = levels("CAP-S")
    assert [(one["location"], one["on_hand"]) for one in shown["locations"]] == [
        ("main", 4),
        ("shop", 5),
    ]
    assert (shown["total"]["on_hand"], shown["total"]["available"]) == (9, 9)
    assert shelf("CAP-S", "location=shop").json == shown["locations"][1]
    kinds = [(m["location"], m["kind"]) for m in journal("sku=CAP-S").json["movements"]]
    assert sorted(kinds) == [
        ("main", "received"),
        ("main", "transferred"),
        ("shop", "expected"),
        ("shop", "transferred"),
        ("shop", "written_off"),
    ]


def test_what_was_not_sent_does_not_arrive() -> None:
    sells("CAP-S")
    opens("shop")
    move("receive", units=10)
    send("dispatch", source="main", units=2, version=1)
    answer = send("arrive", units=2, lost=1, version=1)
    assert (answer.status, errors(answer)) == (409, [("nothing_in_transit", "$.units")])
    answer = send("dispatch", source="main", target="main", units=1, version=2)
    assert (answer.status, errors(answer)) == (400, [("invalid", "$.target")])
    answer = send("arrive", units=0, version=1)
    assert (answer.status, errors(answer)) == (400, [("invalid", "$.units")])


def test_what_travels_and_what_a_supplier_brings_are_two_numbers() -> None:
    sells("CAP-S")
    opens("shop")
    move("receive", units=10)
    send("dispatch", source="main", units=4, version=1)
    called_off = move("expect", units=-4, location="shop")
    assert (called_off.status, errors(called_off)) == (409, [("stock_negative", None)])
    assert move("expect", units=5, location="shop").status == 201
    early = send("arrive", units=5, version=2)
    assert (early.status, errors(early)) == (409, [("nothing_in_transit", "$.units")])
    received = move("receive", units=5, location="shop").json
    assert (received["on_hand"], received["incoming"], received["in_transit"]) == (5, 0, 4)
    assert levels("CAP-S")["total"]["in_transit"] == 4
    assert [one for one in violations(read_system_state(history=False)) if one.rule == "I1"] == []
    assert send("arrive", units=4, version=3).status == 201
    newest = journal("sku=CAP-S").json["movements"][0]
    assert (newest["kind"], newest["on_hand"], newest["in_transit"]) == ("transferred", 4, -4)
    assert [one for one in violations(read_system_state(history=False)) if one.rule == "I1"] == []


def test_a_level_of_before_goods_in_transit_were_counted_apart_has_none() -> None:
    sells("CAP-S")
    opens("shop")
    move("receive", units=10)
    move("expect", units=2, location="shop")
    ShardRow("SKU#CAP-S", "LOC#shop").update(actions=[ShardRow.in_transit.remove()])
    assert shelf("CAP-S", "location=shop").json["in_transit"] == 0
    assert send("dispatch", source="main", units=3, version=1).status == 201
    assert shelf("CAP-S", "location=shop").json["in_transit"] == 3


def test_goods_of_an_archived_product_are_still_brought_home() -> None:
    sells("CAP-S")
    opens("shop")
    move("receive", units=3)
    archive()
    assert send("dispatch", source="main", units=3, version=1).status == 201


def test_nothing_is_sent_or_kept_where_the_shop_is_not() -> None:
    sells("CAP-S")
    move("receive", units=3)
    for answer, field in (
        (send("dispatch", source="main", units=1, version=1), "target"),
        (send("dispatch", source="shop", target="main", units=1, version=0), "source"),
        (send("arrive", units=1, version=0), "target"),
        (move("receive", units=1, location="shop"), "location"),
        (count("CAP-S", {"on_hand": 1, "version": 0, "location": "shop"}), "location"),
    ):
        assert (answer.status, errors(answer)) == (404, [("location_unknown", f"$.{field}")])
    assert len(levels("CAP-S")["locations"]) == 1


# Stock takes


def test_a_stock_take_keeps_good_lines_and_reports_the_others() -> None:
    sells("CAP-S", "CAP-M", "CAP-L")
    for sku in ("CAP-S", "CAP-M"):
        move("receive", sku=sku, units=5)
    body = {
        "reference": "count-2026",
        "lines": [
            {"sku": "CAP-S", "on_hand": 4, "version": 1},
            {"sku": "CAP-M", "on_hand": 9, "version": 0},
            {"sku": "CAP-X", "on_hand": 1, "version": 0},
            {"sku": "CAP-L", "on_hand": 2, "version": 0},
        ],
    }
    first = ask(create_stock_take, TAKE, body, key="take-1")
    assert first.status == 200, first.text
    told = [(line["sku"], line["recorded"], line.get("code")) for line in first.json["lines"]]
    assert told == [
        ("CAP-S", True, None),
        ("CAP-M", False, "stale"),
        ("CAP-X", False, "sku_unknown"),
        ("CAP-L", True, None),
    ]
    assert (first.json["recorded"], first.json["refused"]) == (2, 2)
    assert first.json["lines"][0]["level"]["on_hand"] == 4
    assert ask(create_stock_take, TAKE, body, key="take-1").json == first.json
    assert shelf("CAP-S").json["version"] == 2
    again = ask(create_stock_take, TAKE, body).json
    assert [line.get("code") for line in again["lines"]] == [
        "stale",
        "stale",
        "sku_unknown",
        "stale",
    ]


@pytest.mark.parametrize("lines", [[], [{"sku": "A", "on_hand": 1, "version": 0}] * 201])
def test_a_stock_take_has_between_one_and_two_hundred_lines(lines: Any) -> None:
    answer = ask(create_stock_take, TAKE, {"lines": lines})
    assert (answer.status, [path for _, path in errors(answer)]) == (400, ["$.lines"])


# The journal


def test_the_journal_is_read_page_by_page_and_only_with_our_own_cursor() -> None:
    sells("CAP-S", "CAP-M")
    for n in range(1, 6):
        move("receive", units=n)
    move("receive", sku="CAP-M", units=99)
    units, query = [], "sku=CAP-S&limit=2"
    while True:
        page = journal(query).json
        units += [line["on_hand"] for line in page["movements"]]
        if "cursor" not in page:
            break
        query = f"sku=CAP-S&limit=2&cursor={page['cursor']}"
    assert units == [5, 4, 3, 2, 1]
    for forged in (
        "x",
        "e30",
        "eyJhZnRlciI6IngifQ",
        "eyJQSyI6eyJTIjoiTU9WRVMjQ0FQLU0ifSwiU0siOnsiUyI6IngifX0",
        "bnVsbA",
    ):
        answer = journal(f"sku=CAP-S&cursor={forged}")
        assert (answer.status, errors(answer)) == (400, [("cursor_invalid", "cursor")]), forged
    assert errors(journal("")) == [("invalid", "sku")]
    assert errors(journal("sku=CAP-S&limit=0")) == [("invalid", "limit")]
    assert errors(shelf("CAP-S", "location=A%20B")) == [("invalid", "location")]
