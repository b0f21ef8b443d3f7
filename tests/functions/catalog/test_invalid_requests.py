"""Invalid requests of shoppers get a 400 with the path of the error, never a 500."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from functions.catalog import get_product, lookup_catalog, search_catalog
from tests.kit.shop import ApiResponse, call, create_tables
from tests.kit.ucp_validator import assert_valid_ucp


@pytest.fixture(scope="module", autouse=True)
def _empty_shop() -> Iterator[None]:
    """Create the tables once: no test here writes."""
    with mock_aws():
        create_tables()
        yield


HANDLERS = {
    "search": (search_catalog.handler, "POST /catalog/search"),
    "lookup": (lookup_catalog.handler, "POST /catalog/lookup"),
    "product": (get_product.handler, "POST /catalog/product"),
}


def send(operation: str, body: Any = None, *, raw: str | None = None) -> ApiResponse:
    handler, route = HANDLERS[operation]
    return call(handler, route, body, raw=raw, key="")


def problems(response: ApiResponse) -> list[tuple[str, str | None]]:
    assert response.status == 400, response.text
    messages = assert_valid_ucp("error", response.json)["messages"]
    return [(m["code"], m.get("path")) for m in messages]


@pytest.mark.parametrize("operation", HANDLERS)
@pytest.mark.parametrize(
    "raw",
    [
        "",
        " ",
        "{",
        "[]",
        "null",
        '"text"',
        "1e999",
        '{"id": NaN}',
        '{"query": "\\ud800"}',
        "[" * 5000,
    ],
)
def test_a_body_that_is_no_json_object_is_rejected(operation: str, raw: str) -> None:
    assert problems(send(operation, raw=raw))


@pytest.mark.parametrize(
    ("operation", "body", "path"),
    [
        ("search", {}, "$"),
        ("search", {"query": ""}, "$"),
        ("search", {"query": " \t"}, "$"),
        ("search", {"filters": {}}, "$"),
        ("search", {"filters": {"categories": []}}, "$"),
        ("search", {"filters": {"price": {}}}, "$"),
        ("search", {"context": {"intent": "a gift"}}, "$"),
        ("search", {"query": 5}, "$.query"),
        ("search", {"query": ["mug"]}, "$.query"),
        ("search", {"query": "x" * 201}, "$.query"),
        ("search", {"query": "mug", "colour": "red"}, "$.colour"),
        ("search", {"query": "mug", "filters": {"colour": "red"}}, "$.filters.colour"),
        ("search", {"query": "mug", "filters": []}, "$.filters"),
        ("search", {"filters": {"categories": "Kitchen"}}, "$.filters.categories"),
        ("search", {"filters": {"categories": [""]}}, "$.filters.categories[0]"),
        ("search", {"filters": {"categories": ["x"] * 21}}, "$.filters.categories"),
        ("search", {"filters": {"price": {"min": -1}}}, "$.filters.price.min"),
        ("search", {"filters": {"price": {"min": "1"}}}, "$.filters.price.min"),
        ("search", {"filters": {"price": {"max": 1.5}}}, "$.filters.price.max"),
        ("search", {"filters": {"price": {"max": True}}}, "$.filters.price.max"),
        ("search", {"filters": {"price": {"max": 2 * 10**15}}}, "$.filters.price.max"),
        ("search", {"filters": {"price": {"min": 2, "max": 1}}}, "$.filters.price"),
        ("search", {"filters": {"price": {"most": 1}}}, "$.filters.price.most"),
        ("search", {"query": "m", "context": {"currency": "usd"}}, "$.context.currency"),
        ("search", {"query": "m", "context": {"currency": 840}}, "$.context.currency"),
        ("search", {"query": "m", "attribution": {"x": 1}}, "$.attribution.x"),
        ("search", {"query": "m", "signals": []}, "$.signals"),
        ("search", {"query": "m", "pagination": {"limit": 0}}, "$.pagination.limit"),
        ("search", {"query": "m", "pagination": {"limit": -5}}, "$.pagination.limit"),
        ("search", {"query": "m", "pagination": {"limit": "10"}}, "$.pagination.limit"),
        ("search", {"query": "m", "pagination": {"page": 2}}, "$.pagination.page"),
        ("search", {"query": "m", "pagination": {"cursor": 1}}, "$.pagination.cursor"),
        ("search", {"query": "m", "pagination": {"cursor": "x" * 501}}, "$.pagination.cursor"),
        ("search", {"query": "m", "pagination": {"cursor": "garbage"}}, "$.pagination.cursor"),
        ("lookup", {}, "$.ids"),
        ("lookup", {"ids": []}, "$.ids"),
        ("lookup", {"ids": "mug"}, "$.ids"),
        ("lookup", {"ids": [1]}, "$.ids[0]"),
        ("lookup", {"ids": [""]}, "$.ids[0]"),
        ("lookup", {"ids": ["x" * 201]}, "$.ids[0]"),
        ("lookup", {"ids": [str(n) for n in range(101)]}, "$.ids"),
        ("lookup", {"ids": ["mug"], "limit": 1}, "$.limit"),
        ("product", {}, "$.id"),
        ("product", {"id": None}, "$.id"),
        ("product", {"id": ""}, "$.id"),
        ("product", {"id": 7}, "$.id"),
        ("product", {"ids": ["mug"], "id": "mug"}, "$.ids"),
        ("product", {"id": "mug", "selected": {"Color": "Red"}}, "$.selected"),
        ("product", {"id": "mug", "selected": [{"name": "Color"}]}, "$.selected[0].label"),
        ("product", {"id": "mug", "preferences": "Color"}, "$.preferences"),
        ("product", {"id": "mug", "selected": [{"name": "A", "label": "B"}] * 2}, "$"),
    ],
)
def test_an_invalid_field_is_reported_with_its_path(operation: str, body: Any, path: str) -> None:
    assert path in [error_path for _, error_path in problems(send(operation, body))]


def test_too_many_ids_are_rejected_with_the_ucp_code() -> None:
    assert problems(send("lookup", {"ids": [str(n) for n in range(101)]})) == [
        ("request_too_large", "$.ids")
    ]
    repeated = send("lookup", {"ids": ["mug"] * 500})
    assert repeated.status == 200


@pytest.mark.parametrize("operation", HANDLERS)
def test_a_body_of_a_megabyte_is_rejected(operation: str) -> None:
    response = send(operation, raw=json.dumps({"query": "x" * 1_000_000}))
    assert response.status == 413
    assert_valid_ucp("error", response.json)


@pytest.mark.parametrize("text", [" ", "\u202e\u200b\ufeff", "\u3164"], ids=ascii)
def test_blank_text_is_no_query_and_no_category(text: str) -> None:
    assert send("search", {"query": text}).status == 400
    assert send("search", {"filters": {"categories": [text]}}).status == 400


@pytest.mark.parametrize(
    "text",
    [
        "'; DROP TABLE products; --",
        "{{7*7}}",
        "../../etc/passwd",
        "🧵🪡" * 50,
        "ﷺ" * 200,
        "茶" * 200,
        "a\u0301" * 100,
        "%00 #$%^&*()",
        "WORD#mug ALL#0 CATEGORY#x",
    ],
)
def test_unusual_text_causes_no_error(text: str) -> None:
    assert send("search", {"query": text}).status == 200
    assert send("search", {"filters": {"categories": [text]}}).status == 200
    assert send("search", {"query": text, "filters": {"categories": [text]}}).status == 200
    assert send("lookup", {"ids": [text, f"{text[:190]}.1"]}).status == 200
    assert send("product", {"id": text}).status == 404
    chosen = {"id": text, "selected": [{"name": text, "label": text}], "preferences": [text]}
    assert send("product", chosen).status == 404


def test_a_forged_cursor_reads_no_other_items() -> None:
    from shop.catalog.model import build_search
    from shop.kernel.pagination import to_cursor

    fingerprint = build_search("mug").fingerprint
    for sort_key in (5, "", "\ud800", "x" * 5000, "PRODUCT#secret\n", ["a"], {"S": "x"}):
        for heading in (0, 1, -1, "0", True, None, 1.0):
            cursor = to_cursor({"q": fingerprint, "h": heading, "p": sort_key})
            response = send(
                "search", {"query": "mug", "pagination": {"cursor": (cursor or "")[:500]}}
            )
            assert response.status in (200, 400), (sort_key, heading, response.text)
            if response.status == 200:
                assert response.json["products"] == []
