"""GET /staff/stock: the stock of all SKUs at a location."""

from datetime import UTC, datetime
from typing import Any

import pytest

from functions.staff_sourcing import set_kit
from functions.staff_stock import list_stock
from shop.inventory.actions import stock_list
from shop.inventory.model import MovementType, StockMovement
from shop.inventory.store import DynamoStockRepository
from shop.inventory.store.rows import ShardRow, shard_key
from tests.functions.staff_stock.test_staff_stock import call_as_staff, create_cap
from tests.kit.aws_call_counter import count_calls
from tests.kit.order_fixtures import signed_in
from tests.kit.shop import ApiResponse, call

LIST = "GET /staff/stock"
NOW = datetime(2026, 11, 27, 8, tzinfo=UTC)

pytestmark = pytest.mark.usefixtures("cloud")


def receive(**counts: int) -> None:
    """Enter first counts; ``__`` in a name stands for a hyphen."""
    named = {name.replace("__", "-"): units for name, units in counts.items()}
    DynamoStockRepository().create_levels(named, actor="test", reason="opening", at=NOW)


def listed(query: str = "") -> ApiResponse:
    return call_as_staff(list_stock, LIST, query=query)


def skus(query: str = "") -> list[str]:
    response = listed(query)
    assert response.status == 200, response.text
    return [level["sku"] for level in response.json["stock"]]


def test_all_stock_is_listed_in_pages() -> None:
    receive(**{f"CAP__{n}": n for n in range(5)})
    page = listed("limit=3").json
    assert [(each["sku"], each["on_hand"]) for each in page["stock"]] == [
        ("CAP-0", 0),
        ("CAP-1", 1),
        ("CAP-2", 2),
    ]
    rest = listed(f"limit=3&cursor={page['cursor']}").json
    assert [each["sku"] for each in rest["stock"]] == ["CAP-3", "CAP-4"]
    assert "cursor" not in rest
    # A last page that is full has no cursor either
    assert "cursor" not in listed("limit=5").json


def test_stock_is_listed_by_the_beginning_of_its_sku() -> None:
    receive(CAP__1=1, CAP__2=2, MUG=3, cap=4)
    assert skus("sku_prefix=CAP-") == ["CAP-1", "CAP-2"]
    assert skus("sku_prefix=CAP-2") == ["CAP-2"]
    assert skus("sku_prefix=c") == ["cap"]
    assert skus("sku_prefix=X") == []
    page = listed("sku_prefix=CAP-&limit=1").json
    assert skus(f"sku_prefix=CAP-&cursor={page['cursor']}") == ["CAP-2"]
    # A cursor behind the prefix finds nothing, and one before it starts at the prefix
    assert skus(f"sku_prefix=A&cursor={page['cursor']}") == []
    assert skus(f"sku_prefix=MUG&cursor={page['cursor']}") == ["MUG"]


def test_low_and_sold_out_stock_is_listed() -> None:
    receive(CAP__1=0, CAP__2=3, CAP__3=9)
    for sku in ("CAP-2", "CAP-3"):
        row = ShardRow(*shard_key(sku, "main"))
        row.update([ShardRow.low_stock_threshold.set(5)])
    assert skus("only=low") == ["CAP-2"]
    assert skus("only=out") == ["CAP-1"]
    assert skus("only=out&sku_prefix=CAP-2") == []


def test_each_location_has_a_list_of_its_own() -> None:
    receive(CAP__1=5)
    stock = DynamoStockRepository()
    counted = StockMovement(
        "CAP-1", MovementType.COUNTED, NOW, "test", "counted", on_hand=2, location="berlin"
    )
    stock.write_movement(counted, stock.level("CAP-1", "berlin"))
    (level,) = listed("location=berlin").json["stock"]
    assert (level["sku"], level["location"], level["on_hand"]) == ("CAP-1", "berlin", 2)
    assert listed("location=paris").json["code"] == "location_unknown"


def test_long_filtered_list_continues_where_a_request_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stock_list, "READ_SIZE", 2)
    monkeypatch.setattr(stock_list, "MAX_READS", 2)
    receive(**{f"CAP__{n}": 1 for n in range(7)}, CAP__7=0)
    found, query = [], "only=out&limit=5"
    for _ in range(4):
        page = listed(query).json
        found += [level["sku"] for level in page["stock"]]
        if "cursor" not in page:
            break
        query = f"only=out&limit=5&cursor={page['cursor']}"
    assert found == ["CAP-7"]


def test_page_takes_two_calls() -> None:
    receive(CAP__1=1, CAP__2=2)
    listed()  # the first request of a Lambda also reads the locations
    with count_calls() as calls:
        listed()
    assert calls.names == ["dynamodb.Query inventory", "dynamodb.BatchGetItem inventory"]


def test_level_and_its_entry_are_one_transaction() -> None:
    with count_calls() as calls:
        receive(**{f"CAP__{n}": 1 for n in range(40)})
    writes = [each for each in calls.made if each.operation == "TransactWriteItems"]
    assert [len(each.parameters["TransactItems"]) for each in writes] == [99, 21]
    assert len(skus("limit=200")) == 40


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("location=MAIN!", "location"),
        ("only=none", "only"),
        ("sku_prefix=", "sku_prefix"),
        ("cursor=x", "cursor"),
        ("limit=0", "limit"),
    ],
)
def test_invalid_query_is_rejected(query: str, path: str) -> None:
    response = listed(query)
    assert (response.status, response.json["errors"][0]["path"]) == (400, path)


@pytest.mark.parametrize(("claims", "status"), [(None, 401), (signed_in("jane"), 403)])
def test_only_staff_may_list_stock(claims: Any, status: int) -> None:
    assert call(list_stock.handler, LIST, claims=claims).status == status


def test_kit_is_not_listed_but_its_parts_are() -> None:
    create_cap("CAP-S", "CAP-SET")
    body = {"parts": [{"sku": "CAP-S", "quantity": 2}], "version": 0}
    saved = call_as_staff(set_kit, "PUT /staff/kits/{sku+}", body, sku="CAP-SET")
    assert saved.status == 200, saved.text
    assert skus() == ["CAP-S"]


@pytest.mark.parametrize("query", ["", "&sku_prefix=A", "&only=low", "&limit=1"])
def test_mistyped_location_is_named_instead_of_an_empty_list(query: str) -> None:
    answer = listed(f"location=nowhere{query}")
    assert (answer.status, answer.json["code"]) == (404, "location_unknown"), answer.text
    assert "nowhere" in answer.json["detail"]
    assert [problem["path"] for problem in answer.json["errors"]] == ["location"]


def test_known_location_without_stock_is_an_empty_list() -> None:
    assert skus("location=main&sku_prefix=NONE") == []
