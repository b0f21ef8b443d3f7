"""The staff endpoints of stock: counts, movements, transfers, stock takes, the journal."""

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
    set_stock_level,
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
MOVEMENT = "POST /staff/stock-movements"
TRANSFER = "POST /staff/stock-transfers"
STOCK_TAKE = "POST /staff/stock-takes"
LEVELS = "GET /staff/stock-levels"
JOURNAL = "GET /staff/stock-journal"

pytestmark = pytest.mark.usefixtures("cloud")


def call_as_staff(
    module: Any, route: str, body: Any = None, key: str = "", **fields: Any
) -> ApiResponse:
    return call(
        module.handler, route, body, key=key, claims=signed_in("wanda", "catalog"), **fields
    )


def create_cap(*skus: str) -> None:
    variants = [
        {
            "sku": sku,
            "price": {"amount": 2500, "currency": "USD"},
            "options": [{"name": "Size", "label": sku}],
        }
        for sku in skus
    ]
    body = {"id": "cap", "title": "Cap", "description": "Warm.", "variants": variants}
    assert call_as_staff(create_product, "POST /staff/products", body).status == 201


def archive_cap() -> None:
    route = "POST /staff/products/{id}/status"
    assert call_as_staff(set_product_status, route, {"status": "archived"}, id="cap").status == 200


def read_level(sku: str, query: str = "") -> ApiResponse:
    return call_as_staff(get_stock_level, "GET /staff/stock/{sku+}", sku=sku, query=query)


def test_a_pasted_sku_is_the_sku() -> None:
    create_cap("CAP-S")
    assert enter_count("CAP‑S", {"on_hand": 3, "version": 0}).status == 200
    assert read_level("ＣＡＰ－Ｓ").json["on_hand"] == 3
    levels = call_as_staff(list_stock_levels, LEVELS, query="sku=CAP%E2%80%91S")
    assert levels.json["total"]["on_hand"] == 3
    assert read_level("cap-s").status == 404, "the case of a SKU counts"


def enter_count(sku: str, body: Any, if_match: str | None = None, key: str = "") -> ApiResponse:
    headers = {"if-match": if_match} if if_match is not None else None
    return call_as_staff(set_stock_level, COUNT, body, key=key, headers=headers, sku=sku)


def enter_movement(
    kind: str, sku: str = "CAP-S", version: Any = None, key: str = "", **fields: Any
) -> ApiResponse:
    """Enter a movement from the current version, or from another."""
    location = fields.get("location", "main")
    current_version = (
        DynamoStockRepository().level(sku, location).version if version is None else version
    )
    return call_as_staff(
        create_stock_movement,
        MOVEMENT,
        {"kind": kind, "sku": sku, "version": current_version, **fields},
        key=key,
    )


def read_levels(sku: str) -> Any:
    return call_as_staff(list_stock_levels, LEVELS, query=f"sku={sku}").json


def read_journal(query: str) -> ApiResponse:
    return call_as_staff(list_stock_movements, JOURNAL, query=query)


def list_errors(response: ApiResponse) -> list[tuple[str, str | None]]:
    """Return code and path of each problem."""
    assert response.headers["Content-Type"] == "application/problem+json"
    return [(e["code"], e.get("path")) for e in response.json["errors"]]


@pytest.mark.parametrize("groups", [(), ("fulfilment",), ("admin",)])
def test_stock_entries_need_a_stock_group(groups: tuple[str, ...]) -> None:
    for module, route in (
        (create_stock_movement, MOVEMENT),
        (create_stock_transfer, TRANSFER),
        (create_stock_take, STOCK_TAKE),
    ):
        response = call(module.handler, route, {}, claims=signed_in("eve", *groups), key="")
        assert response.status == 403
    assert call(list_stock_levels.handler, LEVELS, query="sku=CAP-S").status == 401


# Counting


def test_sku_without_a_product_is_neither_read_nor_counted() -> None:
    for response in (read_level("CAP-SS"), enter_count("CAP-SS", {"on_hand": 5, "version": 0})):
        assert (response.status, list_errors(response)) == (404, [("sku_unknown", "sku")])
    assert DynamoStockRepository().level("CAP-SS").version == 0
    create_cap("CAP-S")
    assert enter_count("CAP-S", {"on_hand": 5, "version": 0}).status == 200
    archive_cap()
    assert read_level("CAP-S").json["on_hand"] == 5
    assert enter_count("CAP-S", {"on_hand": 4, "version": 1}).status == 200
    assert enter_count("CAP-M", {"on_hand": 4, "version": 0}).status == 404


@pytest.mark.parametrize("sku", ["A/B", "1/2-IN 50% #7?", "C:\\x"])
def test_sku_may_contain_slashes_and_other_reserved_characters(sku: str) -> None:
    create_cap(sku)
    assert enter_count(sku, {"on_hand": 5, "version": 0}).json["sku"] == sku
    assert read_level(sku).json["on_hand"] == 5


def test_count_expects_the_version_that_was_read() -> None:
    create_cap("CAP-S")
    fresh = read_level("CAP-S")
    assert (fresh.status, fresh.json["on_hand"], fresh.json["version"]) == (200, 0, 0)
    first = enter_count("CAP-S", {"on_hand": 12, "reason": "delivery"}, fresh.headers["ETag"])
    assert first.status == 200, first.text
    assert (first.json["available"], first.json["version"]) == (12, 1)
    assert read_level("CAP-S").json == first.json
    assert enter_count("CAP-S", {"on_hand": 5, "version": 0}).status == 409
    assert list_errors(enter_count("CAP-S", {"on_hand": 5})) == [("version_missing", "If-Match")]
    assert enter_count("CAP-S", {"on_hand": 5, "version": 1}).json["on_hand"] == 5


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
def test_invalid_count_is_rejected(body: Any) -> None:
    create_cap("CAP-S")
    assert enter_count("CAP-S", body).status == 400
    assert read_level("CAP-S").json["version"] == 0


# Movements


def test_every_kind_of_movement_changes_the_level_and_the_journal() -> None:
    # Given 20 announced units, of which 12 arrive
    create_cap("CAP-S")
    assert enter_movement("expect", units=20).json["incoming"] == 20
    receipt = enter_movement("receive", units=12, reason="delivery", reference="DN-7")
    assert (receipt.status, receipt.headers["ETag"]) == (201, '"2"')
    assert (receipt.json["on_hand"], receipt.json["incoming"], receipt.json["available"]) == (
        12,
        8,
        12,
    )
    # When staff make each other kind of entry, the level follows
    assert enter_movement("adjust", delta=-1, reason="miscounted").json["on_hand"] == 11
    returned = enter_movement("return", units=2, damage_reason="torn", reference="ord_1").json
    assert (returned["on_hand"], returned["available"], returned["unavailable_by"]) == (
        13,
        11,
        {"torn": 2},
    )
    assert (
        enter_movement("set_aside", units=3, unavailable_reason="quality_control").json["available"]
        == 8
    )
    assert (
        enter_movement("release", units=1, unavailable_reason="quality_control").json["available"]
        == 9
    )
    written_off = enter_movement(
        "write_off", units=2, unavailable_reason="torn", reason="thrown away"
    ).json
    assert (written_off["on_hand"], written_off["unavailable_by"]) == (11, {"quality_control": 2})
    safety = enter_movement("safety_stock", units=4).json
    assert (safety["safety"], safety["available"], safety["version"]) == (4, 5, 8)
    assert read_level("CAP-S").json == safety
    # Then the journal has them all, the newest first
    (last, *_, first) = read_journal("sku=CAP-S").json["movements"]
    assert (last["kind"], last["safety"], last["actor"]) == ("policy", 4, "wanda")
    assert (first["kind"], first["incoming"], first["available"]) == ("expected", 20, 0)


@pytest.mark.parametrize("reason", ["self", "null", "a.b", "é ü", "_user_instantiated"])
def test_set_aside_reason_may_be_any_text(reason: str) -> None:
    create_cap("CAP-S")
    enter_movement("receive", units=9)
    assert enter_movement("set_aside", units=2, unavailable_reason=reason).json[
        "unavailable_by"
    ] == {reason: 2}
    assert read_level("CAP-S").json["unavailable_by"] == {reason: 2}
    assert read_journal("sku=CAP-S").json["movements"][0]["unavailable"] == {reason: 2}
    assert enter_movement("release", units=1, unavailable_reason=reason).json["unavailable_by"] == {
        reason: 1
    }


def test_retry_with_its_key_returns_the_first_response_and_moves_nothing() -> None:
    create_cap("CAP-S")
    first = enter_movement("receive", units=5, version=0, key="delivery-7")
    retry = enter_movement("receive", units=5, version=0, key="delivery-7")
    assert (retry.status, retry.json, retry.headers["ETag"]) == (201, first.json, '"1"')
    assert len(read_journal("sku=CAP-S").json["movements"]) == 1
    without_key = enter_movement("receive", units=5, version=0)
    assert (without_key.status, list_errors(without_key)) == (409, [("stale", None)])
    other_body = enter_movement("receive", units=6, version=1, key="delivery-7")
    assert (other_body.status, list_errors(other_body)) == (
        409,
        [("idempotency_key_reused", "Idempotency-Key")],
    )
    assert read_level("CAP-S").json["on_hand"] == 5


def test_count_with_a_key_is_entered_once() -> None:
    create_cap("CAP-S")
    first = enter_count("CAP-S", {"on_hand": 5, "version": 0}, key="count-1")
    enter_movement("receive", units=3)
    assert enter_count("CAP-S", {"on_hand": 5, "version": 0}, key="count-1").json == first.json
    assert read_level("CAP-S").json["on_hand"] == 8


def test_promised_units_cannot_be_removed() -> None:
    create_cap("CAP-S")
    enter_movement("receive", units=5)
    StockFixture(DynamoStockRepository(), DynamoUnitOfWork(connection())).reserve(
        Demand("CAP-S", 4)
    )
    for response in (
        enter_movement("adjust", delta=-2, reason="miscounted"),
        enter_movement("write_off", units=2, reason="flood"),
        enter_movement("set_aside", units=2, unavailable_reason="damaged"),
    ):
        assert (response.status, list_errors(response)) == (409, [("stock_promised", None)])
    response = enter_movement("release", units=1, unavailable_reason="damaged")
    assert (response.status, list_errors(response)) == (409, [("stock_negative", None)])
    assert read_level("CAP-S").json["version"] == 1


@pytest.mark.parametrize(
    ("body", "path"),
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
def test_invalid_movement_is_rejected_with_the_path_of_the_problem(body: Any, path: str) -> None:
    create_cap("CAP-S")
    response = call_as_staff(create_stock_movement, MOVEMENT, body)
    assert (response.status, [found for _, found in list_errors(response)]) == (400, [path])
    assert read_level("CAP-S").json["version"] == 0


def test_sku_without_a_product_cannot_be_moved() -> None:
    response = enter_movement("receive", sku="UNKNOWN", units=1)
    assert (response.status, list_errors(response)) == (404, [("sku_unknown", "sku")])
    assert call_as_staff(list_stock_levels, LEVELS, query="sku=UNKNOWN").status == 404


# Transfers


def create_location(location: str) -> None:
    body = {"country": "US", "version": 0}
    response = call_as_staff(set_location, "PUT /staff/locations/{name}", body, name=location)
    assert response.status == 200, response.text


def enter_transfer(kind: str, **fields: Any) -> ApiResponse:
    body = {"kind": kind, "sku": "CAP-S", "target": "shop", **fields}
    return call_as_staff(create_stock_transfer, TRANSFER, body, key=fields.pop("key", ""))


def test_transfer_is_dispatched_and_arrives_with_a_loss() -> None:
    create_cap("CAP-S")
    create_location("shop")
    enter_movement("receive", units=10)
    # When six units are dispatched, they are in transit
    dispatched = enter_transfer("dispatch", source="main", units=6, version=1)
    assert dispatched.status == 201, dispatched.text
    source, target = dispatched.json["levels"]
    assert (source["location"], source["on_hand"]) == ("main", 4)
    assert (target["location"], target["on_hand"], target["in_transit"]) == ("shop", 0, 6)
    assert enter_transfer("dispatch", source="main", units=6, version=1).status == 409
    # When five arrive and one is lost
    (receipt,) = enter_transfer("receive", units=5, lost=1, version=1).json["levels"]
    assert (receipt["on_hand"], receipt["in_transit"], receipt["version"]) == (5, 0, 2)
    # Then levels and journal show both locations
    levels = read_levels("CAP-S")
    assert [(one["location"], one["on_hand"]) for one in levels["locations"]] == [
        ("main", 4),
        ("shop", 5),
    ]
    assert (levels["total"]["on_hand"], levels["total"]["available"]) == (9, 9)
    assert read_level("CAP-S", "location=shop").json == levels["locations"][1]
    kinds = [(m["location"], m["kind"]) for m in read_journal("sku=CAP-S").json["movements"]]
    assert sorted(kinds) == [
        ("main", "received"),
        ("main", "transferred"),
        ("shop", "expected"),
        ("shop", "transferred"),
        ("shop", "written_off"),
    ]


def test_arrival_is_limited_to_units_in_transit() -> None:
    create_cap("CAP-S")
    create_location("shop")
    enter_movement("receive", units=10)
    enter_transfer("dispatch", source="main", units=2, version=1)
    response = enter_transfer("receive", units=2, lost=1, version=1)
    assert (response.status, list_errors(response)) == (
        409,
        [("nothing_in_transit", "$.units")],
    )
    response = enter_transfer("dispatch", source="main", target="main", units=1, version=2)
    assert (response.status, list_errors(response)) == (400, [("value_contradiction", "$.target")])
    response = enter_transfer("receive", units=0, version=1)
    assert (response.status, list_errors(response)) == (400, [("out_of_range", "$.units")])


def test_units_in_transit_and_incoming_units_are_separate_counts() -> None:
    create_cap("CAP-S")
    create_location("shop")
    enter_movement("receive", units=10)
    enter_transfer("dispatch", source="main", units=4, version=1)
    cancelled = enter_movement("expect", units=-4, location="shop")
    assert (cancelled.status, list_errors(cancelled)) == (409, [("stock_negative", None)])
    assert enter_movement("expect", units=5, location="shop").status == 201
    too_many = enter_transfer("receive", units=5, version=2)
    assert (too_many.status, list_errors(too_many)) == (
        409,
        [("nothing_in_transit", "$.units")],
    )
    received = enter_movement("receive", units=5, location="shop").json
    assert (received["on_hand"], received["incoming"], received["in_transit"]) == (5, 0, 4)
    assert read_levels("CAP-S")["total"]["in_transit"] == 4
    assert [one for one in violations(read_system_state(history=False)) if one.rule == "I1"] == []
    assert enter_transfer("receive", units=4, version=3).status == 201
    newest = read_journal("sku=CAP-S").json["movements"][0]
    assert (newest["kind"], newest["on_hand"], newest["in_transit"]) == ("transferred", 4, -4)
    assert [one for one in violations(read_system_state(history=False)) if one.rule == "I1"] == []


def test_row_without_in_transit_counts_as_zero() -> None:
    create_cap("CAP-S")
    create_location("shop")
    enter_movement("receive", units=10)
    enter_movement("expect", units=2, location="shop")
    ShardRow("SKU#CAP-S", "LOC#shop").update(actions=[ShardRow.in_transit.remove()])
    assert read_level("CAP-S", "location=shop").json["in_transit"] == 0
    assert enter_transfer("dispatch", source="main", units=3, version=1).status == 201
    assert read_level("CAP-S", "location=shop").json["in_transit"] == 3


def test_goods_of_an_archived_product_can_be_transferred() -> None:
    create_cap("CAP-S")
    create_location("shop")
    enter_movement("receive", units=3)
    archive_cap()
    assert enter_transfer("dispatch", source="main", units=3, version=1).status == 201


def test_unknown_location_is_rejected_with_its_field() -> None:
    create_cap("CAP-S")
    enter_movement("receive", units=3)
    for response, field in (
        (enter_transfer("dispatch", source="main", units=1, version=1), "target"),
        (enter_transfer("dispatch", source="shop", target="main", units=1, version=0), "source"),
        (enter_transfer("receive", units=1, version=0), "target"),
        (enter_movement("receive", units=1, location="shop"), "location"),
        (enter_count("CAP-S", {"on_hand": 1, "version": 0, "location": "shop"}), "location"),
    ):
        assert (response.status, list_errors(response)) == (
            404,
            [("location_unknown", f"$.{field}")],
        )
    assert len(read_levels("CAP-S")["locations"]) == 1


# Stock takes


def test_stock_take_records_valid_lines_and_reports_the_others() -> None:
    create_cap("CAP-S", "CAP-M", "CAP-L")
    for sku in ("CAP-S", "CAP-M"):
        enter_movement("receive", sku=sku, units=5)
    # Given lines that are valid, outdated, unknown and new
    body = {
        "reference": "count-2026",
        "lines": [
            {"sku": "CAP-S", "on_hand": 4, "version": 1},
            {"sku": "CAP-M", "on_hand": 9, "version": 0},
            {"sku": "CAP-X", "on_hand": 1, "version": 0},
            {"sku": "CAP-L", "on_hand": 2, "version": 0},
        ],
    }
    first = call_as_staff(create_stock_take, STOCK_TAKE, body, key="take-1")
    assert first.status == 200, first.text
    results = [(line["sku"], line["recorded"], line.get("code")) for line in first.json["lines"]]
    assert results == [
        ("CAP-S", True, None),
        ("CAP-M", False, "stale"),
        ("CAP-X", False, "sku_unknown"),
        ("CAP-L", True, None),
    ]
    assert (first.json["recorded"], first.json["rejected"]) == (2, 2)
    assert first.json["lines"][0]["level"]["on_hand"] == 4
    # A retry with the key returns the first response; one without it is outdated.
    assert call_as_staff(create_stock_take, STOCK_TAKE, body, key="take-1").json == first.json
    assert read_level("CAP-S").json["version"] == 2
    retry = call_as_staff(create_stock_take, STOCK_TAKE, body).json
    assert [line.get("code") for line in retry["lines"]] == [
        "stale",
        "stale",
        "sku_unknown",
        "stale",
    ]


@pytest.mark.parametrize("lines", [[], [{"sku": "A", "on_hand": 1, "version": 0}] * 201])
def test_stock_take_has_1_to_200_lines(lines: Any) -> None:
    response = call_as_staff(create_stock_take, STOCK_TAKE, {"lines": lines})
    assert (response.status, [path for _, path in list_errors(response)]) == (400, ["$.lines"])


# The journal


def test_journal_is_paginated_and_rejects_invalid_cursors() -> None:
    create_cap("CAP-S", "CAP-M")
    for n in range(1, 6):
        enter_movement("receive", units=n)
    enter_movement("receive", sku="CAP-M", units=99)

    units, query = [], "sku=CAP-S&limit=2"
    while True:
        page = read_journal(query).json
        units += [line["on_hand"] for line in page["movements"]]
        if "cursor" not in page:
            break
        query = f"sku=CAP-S&limit=2&cursor={page['cursor']}"
    assert units == [5, 4, 3, 2, 1]

    for invalid_cursor in (
        "x",
        "e30",
        "eyJhZnRlciI6IngifQ",
        "eyJQSyI6eyJTIjoiTU9WRVMjQ0FQLU0ifSwiU0siOnsiUyI6IngifX0",
        "bnVsbA",
    ):
        response = read_journal(f"sku=CAP-S&cursor={invalid_cursor}")
        assert (response.status, list_errors(response)) == (
            400,
            [("cursor_invalid", "cursor")],
        ), invalid_cursor

    assert list_errors(read_journal("")) == [("missing", "sku")]
    assert list_errors(read_journal(f"sku={'x' * 129}")) == [("id_invalid", "sku")]
    assert list_errors(read_journal("sku=CAP-S&limit=0")) == [("limit_invalid", "limit")]
    assert list_errors(read_level("CAP-S", "location=A%20B")) == [("id_invalid", "location")]
