"""POST /mcp: an agent searches, orders and pays with MCP tools alone."""

import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from functions.all import FEATURES
from functions.manifest import Endpoint
from functions.mcp import handle_mcp, reject_stream
from functions.mcp.manifest import FEATURE
from shop.entrypoints import ucp
from shop.entrypoints.mcp import build_mcp_handler
from tests.kit.agent import headers_for, in_process, message, modern, post, use
from tests.kit.platform import Platform, platform, profile
from tests.kit.products import checkout_body, lines, mug, payment_body, publish_with_stock
from tests.kit.shop import ApiResponse, call
from tests.kit.ucp_validator import assert_valid_ucp

ENDPOINTS = {
    f.module: f for feature in FEATURES for f in feature.functions if isinstance(f, Endpoint)
}
SERVER = build_mcp_handler(
    handle_mcp.TOOLS,
    name="doorbuster",
    instructions="",
    call=in_process,
    schema_of=handle_mcp.schema_of,
)
SCHEMA_BY_TOOL = {
    "search_catalog": "catalog_search",
    "lookup_catalog": "catalog_lookup",
    "get_product": "catalog_product",
    "get_order": "order",
}


@pytest.fixture
def agent() -> Iterator[Platform]:
    with platform() as running:
        ucp._profiles.cache_clear()
        yield running
        ucp._profiles.cache_clear()


def tools_by_name() -> dict[str, Any]:
    response = post(handle_mcp.handler, message("tools/list"))
    return {tool["name"]: tool for tool in response.json["result"]["tools"]}


def key() -> dict[str, Any]:
    return {"idempotency-key": str(uuid.uuid4())}


def use_validated(tool: str, arguments: dict[str, Any]) -> Any:
    """Call a tool; validate arguments and result with its schemas and with UCP."""
    described = tools_by_name()[tool]
    Draft202012Validator(described["inputSchema"]).validate(arguments)
    result = use(SERVER, tool, arguments)
    content = result["structuredContent"]
    assert result["isError"] is False, content
    Draft202012Validator(described["outputSchema"]).validate(content)
    return assert_valid_ucp(SCHEMA_BY_TOOL.get(tool, tool.rsplit("_", 1)[-1]), content)


# ---------------------------------------------------------------- the table of tools


@pytest.mark.parametrize("tool", handle_mcp.TOOLS, ids=lambda tool: tool.name)
def test_a_tool_matches_the_endpoint_of_its_manifest(tool: Any) -> None:
    endpoint = ENDPOINTS[tool.module]
    assert tool.route == endpoint.route
    assert tool.capability == endpoint.capability
    assert tool.shape == endpoint.request
    assert (tool.payload is not None) == (tool.shape is not None)
    assert tool.is_read_only == (not endpoint.requires_idempotency_key)
    assert not tool.accepts_idempotency_key or endpoint.requires_idempotency_key


def test_the_handler_may_invoke_exactly_its_tools() -> None:
    mcp_endpoint = next(f for f in FEATURE.functions if f.module == "mcp.handle_mcp")
    assert set(mcp_endpoint.invokes) == {tool.module for tool in handle_mcp.TOOLS}
    slowest = max(ENDPOINTS[module].timeout for module in mcp_endpoint.invokes)
    assert slowest < mcp_endpoint.timeout <= 29


def test_every_ucp_endpoint_is_a_tool() -> None:
    ucp_modules = {module for module, endpoint in ENDPOINTS.items() if endpoint.capability}
    # The pages that a CDN keeps repeat two of the tools for web pages.
    pages = {
        "catalog.list_products": "catalog.search_catalog",
        "catalog.get_product_by_id": "catalog.get_product",
    }
    tools = {tool.module for tool in handle_mcp.TOOLS}
    assert ucp_modules == tools | set(pages)
    for page, tool in pages.items():
        assert tool in tools
        assert ENDPOINTS[page].capability == ENDPOINTS[tool].capability


def test_the_tool_names_are_those_of_ucp() -> None:
    assert {tool.name for tool in handle_mcp.TOOLS} == {
        *("create_checkout", "get_checkout", "update_checkout", "complete_checkout"),
        *("cancel_checkout", "create_cart", "get_cart", "update_cart", "cancel_cart"),
        *("search_catalog", "lookup_catalog", "get_product", "get_order"),
    }


def test_three_tools_require_an_idempotency_key_of_the_agent() -> None:
    """Source: services/shopping/mcp.openrpc.json."""
    keyed = {tool.name for tool in handle_mcp.TOOLS if tool.accepts_idempotency_key}
    assert keyed == {"complete_checkout", "cancel_checkout", "cancel_cart"}


def test_the_tool_list_fits_the_context_of_a_model() -> None:
    tools = tools_by_name()
    assert len(json.dumps(tools)) < 40_000
    for tool in tools.values():
        Draft202012Validator.check_schema(tool["inputSchema"])
        assert re.fullmatch(r"[a-z_]{1,64}", tool["name"])
        assert tool["description"]


def test_the_input_schemas_name_the_fields_of_a_purchase() -> None:
    text = json.dumps(tools_by_name()["create_checkout"]["inputSchema"])
    for word in ("line_items", "quantity", "buyer", "email", "street_address", "cart_id"):
        assert f'"{word}"' in text, word
    assert '"token"' in json.dumps(tools_by_name()["complete_checkout"]["inputSchema"])


def test_there_is_no_event_stream() -> None:
    response = call(reject_stream.handler, "GET /mcp")
    assert (response.status, response.headers["Allow"]) == (405, "POST")


# ---------------------------------------------------------------- purchases


@pytest.mark.usefixtures("cloud")
def test_an_agent_searches_fills_a_cart_and_pays() -> None:
    # Given a product that the agent finds
    publish_with_stock(mug(), pieces=5)
    found = use_validated("search_catalog", {"catalog": {"query": "enamel mug"}})["products"][0]
    use_validated("lookup_catalog", {"catalog": {"ids": [found["id"]]}})
    product = use_validated("get_product", {"catalog": {"id": found["id"]}})["product"]
    variant = product["variants"][0]["id"]

    # When it fills a cart, creates a checkout from it and chooses a shipping option
    cart = use_validated("create_cart", {"cart": {"line_items": lines((variant, 1))}})
    cart = use_validated(
        "update_cart", {"id": cart["id"], "cart": {"line_items": lines((variant, 2))}}
    )
    assert use_validated("get_cart", {"id": cart["id"]})["line_items"][0]["quantity"] == 2

    details = {k: v for k, v in checkout_body().items() if k != "line_items"}
    checkout = use_validated("create_checkout", {"checkout": {**details, "cart_id": cart["id"]}})
    assert checkout["status"] == "ready_for_complete", checkout
    options = checkout["fulfillment"]["methods"][0]["groups"][0]["options"]
    chosen = checkout_body((variant, 2), option=options[-1]["id"])
    use_validated("update_checkout", {"id": checkout["id"], "checkout": chosen})
    assert use_validated("get_checkout", {"id": checkout["id"]})["status"] == "ready_for_complete"

    # Then it completes the checkout once and reads the order
    meta = key()
    bought = {"id": checkout["id"], "checkout": payment_body("tok_success"), "meta": meta}
    done = use_validated("complete_checkout", bought)
    assert done["status"] == "completed"
    assert use_validated("complete_checkout", bought) == done, "the same key buys once"
    order = use_validated("get_order", {"id": done["order"]["id"]})
    assert order["checkout_id"] == checkout["id"]


@pytest.mark.usefixtures("cloud")
def test_an_agent_may_cancel_a_cart_and_a_checkout() -> None:
    publish_with_stock(mug(), pieces=5)
    cart = use_validated("create_cart", {"cart": {"line_items": lines(("mug.1", 1))}})
    use_validated("cancel_cart", {"id": cart["id"], "meta": key()})
    checkout = use_validated("create_checkout", {"checkout": checkout_body(("mug.1", 1))})
    cancelled = use_validated("cancel_checkout", {"id": checkout["id"], "meta": key()})
    assert cancelled["status"] == "canceled"


@pytest.mark.usefixtures("cloud")
def test_an_agent_with_a_platform_negotiates_through_its_metadata(agent: Platform) -> None:
    publish_with_stock(mug(), pieces=5)
    meta = {"ucp-agent": {"profile": agent.url}}
    arguments = {"cart": {"line_items": lines(("mug.1", 1))}, "meta": meta}
    agreed = use_validated("create_cart", arguments)["ucp"]["capabilities"]
    assert set(agreed) == {ucp.CART, ucp.DISCOUNT, ucp.LOYALTY}
    agent.publish(profile([ucp.CHECKOUT]))
    ucp._profiles.cache_clear()
    result = use(SERVER, "create_cart", arguments)
    message_sent = assert_valid_ucp("error", result["structuredContent"])["messages"][0]
    assert (result["isError"], message_sent["code"]) == (True, "capabilities_incompatible")


# ---------------------------------------------------------------- errors


def send(tool: str, arguments: dict[str, Any], **headers: str) -> ApiResponse:
    request = modern("tools/call", {"name": tool, "arguments": arguments})
    return post(SERVER, request, headers={**headers_for(request), **headers})


def error_code(tool: str, arguments: dict[str, Any]) -> str:
    response = send(tool, arguments)
    assert response.status == 200, response.text
    result = response.json["result"]
    assert result["isError"] is True
    code: str = assert_valid_ucp("error", result["structuredContent"])["messages"][0]["code"]
    return code


@pytest.mark.usefixtures("cloud")
@pytest.mark.parametrize(
    ("tool", "arguments", "code"),
    [
        ("get_cart", {"id": "cart_unknown"}, "not_found"),
        ("get_cart", {"id": "x" * 500}, "not_found"),
        ("get_cart", {"id": "../orders/x"}, "not_found"),
        ("get_checkout", {"id": "chk_unknown"}, "not_found"),
        ("get_order", {"id": "ord_unknown"}, "not_found"),
        ("get_product", {"catalog": {"id": "unknown"}}, "not_found"),
        ("create_cart", {"cart": {}}, "missing"),
        ("create_cart", {"cart": []}, "wrong_type"),
        ("create_cart", {"cart": "x"}, "wrong_type"),
        ("create_cart", {"cart": {"line_items": "x"}}, "wrong_type"),
        ("create_cart", {"cart": {"line_items": [], "unknown": 1}}, "missing"),
        ("create_cart", {"cart": {"line_items": lines(("mug.1", 0))}}, "out_of_range"),
        ("search_catalog", {"catalog": {"query": 1}}, "wrong_type"),
        ("cancel_cart", {"id": "cart_unknown"}, "idempotency_key_missing"),
        (
            "complete_checkout",
            {"id": "c", "checkout": {"payment": {"instruments": [{}]}}},
            "missing",
        ),
    ],
)
def test_an_invalid_call_returns_a_ucp_error_code(
    tool: str, arguments: dict[str, Any], code: str
) -> None:
    assert error_code(tool, arguments) == code


@pytest.mark.usefixtures("cloud")
def test_an_idempotency_key_with_another_input_is_a_conflict() -> None:
    publish_with_stock(mug(), pieces=5)
    meta = key()
    first = {"cart": {"line_items": lines(("mug.1", 1))}, "meta": meta}
    cart = use_validated("create_cart", first)
    assert use_validated("create_cart", first)["id"] == cart["id"]
    other = {"cart": {"line_items": lines(("mug.1", 2))}, "meta": meta}
    response = send("create_cart", other)
    assert response.status == 409
    assert response.json["error"]["code"] == -32000
    assert response.json["error"]["data"]["code"] == "idempotency_key_reused"


@pytest.mark.usefixtures("cloud")
def test_an_invalid_access_token_is_401() -> None:
    response = send("get_cart", {"id": "cart_x"}, authorization="Bearer rubbish")
    assert (response.status, response.json["error"]["code"]) == (401, -32000)


@pytest.mark.usefixtures("cloud")
def test_an_unreachable_platform_profile_is_a_discovery_error(agent: Platform) -> None:
    agent.status = 500
    arguments = {"id": "cart_x", "meta": {"ucp-agent": {"profile": agent.url}}}
    response = send("get_cart", arguments)
    assert (response.status, response.json["error"]["code"]) == (424, -32001)
    assert response.json["error"]["data"]["code"] == "profile_unreachable"


@pytest.mark.usefixtures("cloud")
def test_too_many_ids_are_invalid_params() -> None:
    response = send("lookup_catalog", {"catalog": {"ids": [f"p{n}" for n in range(101)]}})
    assert (response.status, response.json["error"]["code"]) == (400, -32602)


def test_a_tool_with_a_wrong_route_is_detected() -> None:
    tool = replace(handle_mcp.TOOLS[0], route="POST /catalogs/search")
    with pytest.raises(AssertionError):
        test_a_tool_matches_the_endpoint_of_its_manifest(tool)
