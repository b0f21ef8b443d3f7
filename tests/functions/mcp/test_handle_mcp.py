"""The shop through an agent's eyes: from discovery to a paid order, over POST /mcp alone."""

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
DESK = build_mcp_handler(
    handle_mcp.TOOLS,
    name="doorbuster",
    instructions="",
    call=in_process,
    schema_of=handle_mcp.schema_of,
)
KIND = {
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


def listed() -> dict[str, Any]:
    answer = post(handle_mcp.handler, message("tools/list"))
    return {tool["name"]: tool for tool in answer.json["result"]["tools"]}


def key() -> dict[str, Any]:
    return {"idempotency-key": str(uuid.uuid4())}


def good(tool: str, arguments: dict[str, Any]) -> Any:
    """Use a tool as its schemas say, and have the answer judged."""
    described = listed()[tool]
    Draft202012Validator(described["inputSchema"]).validate(arguments)
    result = use(DESK, tool, arguments)
    said = result["structuredContent"]
    assert result["isError"] is False, said
    Draft202012Validator(described["outputSchema"]).validate(said)
    return assert_valid_ucp(KIND.get(tool, tool.rsplit("_", 1)[-1]), said)


# ------------------------------------------------------------- the table says nothing twice in vain


@pytest.mark.parametrize("tool", handle_mcp.TOOLS, ids=lambda tool: tool.name)
def test_a_tool_is_the_endpoint_of_its_manifest_line(tool: Any) -> None:
    endpoint = ENDPOINTS[tool.module]
    assert tool.route == endpoint.route
    assert tool.capability == endpoint.capability
    assert tool.shape == endpoint.request
    assert (tool.payload is not None) == (tool.shape is not None)
    assert tool.is_read_only == (not endpoint.requires_idempotency_key)
    assert not tool.accepts_idempotency_key or endpoint.requires_idempotency_key


def test_the_door_may_invoke_its_tools_and_nothing_else() -> None:
    line = next(f for f in FEATURE.functions if f.module == "mcp.handle_mcp")
    assert set(line.invokes) == {tool.module for tool in handle_mcp.TOOLS}
    slowest = max(ENDPOINTS[module].timeout for module in line.invokes)
    assert slowest < line.timeout <= 29


def test_every_endpoint_that_speaks_ucp_is_a_tool() -> None:
    speaking = {module for module, endpoint in ENDPOINTS.items() if endpoint.capability}
    assert speaking == {tool.module for tool in handle_mcp.TOOLS}


def test_the_tools_are_ucps() -> None:
    assert {tool.name for tool in handle_mcp.TOOLS} == {
        *("create_checkout", "get_checkout", "update_checkout", "complete_checkout"),
        *("cancel_checkout", "create_cart", "get_cart", "update_cart", "cancel_cart"),
        *("search_catalog", "lookup_catalog", "get_product", "get_order"),
    }


def test_ucp_demands_a_key_of_the_agent_itself_for_three_of_them() -> None:
    """Source: services/shopping/mcp.openrpc.json."""
    keyed = {tool.name for tool in handle_mcp.TOOLS if tool.accepts_idempotency_key}
    assert keyed == {"complete_checkout", "cancel_checkout", "cancel_cart"}


def test_the_list_is_short_enough_for_a_models_context() -> None:
    tools = listed()
    assert len(json.dumps(tools)) < 40_000
    for tool in tools.values():
        Draft202012Validator.check_schema(tool["inputSchema"])
        assert re.fullmatch(r"[a-z_]{1,64}", tool["name"])
        assert tool["description"]


def test_the_schemas_show_what_a_purchase_needs() -> None:
    text = json.dumps(listed()["create_checkout"]["inputSchema"])
    for word in ("line_items", "quantity", "buyer", "email", "street_address", "cart_id"):
        assert f'"{word}"' in text, word
    assert '"token"' in json.dumps(listed()["complete_checkout"]["inputSchema"])


def test_there_is_no_event_stream() -> None:
    said = call(reject_stream.handler, "GET /mcp")
    assert (said.status, said.headers["Allow"]) == (405, "POST")


# ------------------------------------------------------------------------------------- a purchase


@pytest.mark.usefixtures("cloud")
def test_an_agent_searches_fills_a_cart_and_buys() -> None:
    publish_with_stock(mug(), pieces=5)
    found = good("search_catalog", {"catalog": {"query": "enamel mug"}})["products"][0]
    good("lookup_catalog", {"catalog": {"ids": [found["id"]]}})
    product = good("get_product", {"catalog": {"id": found["id"]}})["product"]
    variant = product["variants"][0]["id"]

    cart = good("create_cart", {"cart": {"line_items": lines((variant, 1))}})
    cart = good("update_cart", {"id": cart["id"], "cart": {"line_items": lines((variant, 2))}})
    assert good("get_cart", {"id": cart["id"]})["line_items"][0]["quantity"] == 2

    begun = {k: v for k, v in checkout_body().items() if k != "line_items"}
    checkout = good("create_checkout", {"checkout": {**begun, "cart_id": cart["id"]}})
    assert checkout["status"] == "ready_for_complete", checkout
    options = checkout["fulfillment"]["methods"][0]["groups"][0]["options"]
    chosen = checkout_body((variant, 2), option=options[-1]["id"])
    good("update_checkout", {"id": checkout["id"], "checkout": chosen})
    assert good("get_checkout", {"id": checkout["id"]})["status"] == "ready_for_complete"

    meta = key()
    bought = {"id": checkout["id"], "checkout": payment_body("tok_success"), "meta": meta}
    done = good("complete_checkout", bought)
    assert done["status"] == "completed"
    assert good("complete_checkout", bought) == done, "the same key buys once"
    order = good("get_order", {"id": done["order"]["id"]})
    assert order["checkout_id"] == checkout["id"]


@pytest.mark.usefixtures("cloud")
def test_an_agent_may_leave_a_cart_and_a_checkout() -> None:
    publish_with_stock(mug(), pieces=5)
    cart = good("create_cart", {"cart": {"line_items": lines(("mug.1", 1))}})
    good("cancel_cart", {"id": cart["id"], "meta": key()})
    checkout = good("create_checkout", {"checkout": checkout_body(("mug.1", 1))})
    left = good("cancel_checkout", {"id": checkout["id"], "meta": key()})
    assert left["status"] == "canceled"


@pytest.mark.usefixtures("cloud")
def test_an_agent_with_a_platform_negotiates_through_its_metadata(agent: Platform) -> None:
    publish_with_stock(mug(), pieces=5)
    meta = {"ucp-agent": {"profile": agent.url}}
    arguments = {"cart": {"line_items": lines(("mug.1", 1))}, "meta": meta}
    agreed = good("create_cart", arguments)["ucp"]["capabilities"]
    assert set(agreed) == {ucp.CART, ucp.DISCOUNT, ucp.LOYALTY}
    agent.says(profile([ucp.CHECKOUT]))
    ucp._profiles.cache_clear()
    result = use(DESK, "create_cart", arguments)
    told = assert_valid_ucp("error", result["structuredContent"])["messages"][0]
    assert (result["isError"], told["code"]) == (True, "capabilities_incompatible")


# ------------------------------------------------------------------------------------ what is wrong


def refused(tool: str, arguments: dict[str, Any], **headers: str) -> ApiResponse:
    said = modern("tools/call", {"name": tool, "arguments": arguments})
    return post(DESK, said, headers={**headers_for(said), **headers})


def outcome(tool: str, arguments: dict[str, Any]) -> str:
    answer = refused(tool, arguments)
    assert answer.status == 200, answer.text
    result = answer.json["result"]
    assert result["isError"] is True
    code: str = assert_valid_ucp("error", result["structuredContent"])["messages"][0]["code"]
    return code


@pytest.mark.usefixtures("cloud")
@pytest.mark.parametrize(
    ("tool", "arguments", "code"),
    [
        ("get_cart", {"id": "cart_nobody"}, "not_found"),
        ("get_cart", {"id": "x" * 500}, "not_found"),
        ("get_cart", {"id": "../orders/x"}, "not_found"),
        ("get_checkout", {"id": "chk_nobody"}, "not_found"),
        ("get_order", {"id": "ord_nobody"}, "not_found"),
        ("get_product", {"catalog": {"id": "nobody"}}, "not_found"),
        ("create_cart", {"cart": {}}, "missing"),
        ("create_cart", {"cart": []}, "wrong_type"),
        ("create_cart", {"cart": "x"}, "wrong_type"),
        ("create_cart", {"cart": {"line_items": "x"}}, "wrong_type"),
        ("create_cart", {"cart": {"line_items": [], "hm": 1}}, "too_short"),
        ("create_cart", {"cart": {"line_items": lines(("mug.1", 0))}}, "out_of_range"),
        ("search_catalog", {"catalog": {"query": 1}}, "wrong_type"),
        ("cancel_cart", {"id": "cart_nobody"}, "idempotency_key_missing"),
        (
            "complete_checkout",
            {"id": "c", "checkout": {"payment": {"instruments": [{}]}}},
            "missing",
        ),
    ],
)
def test_what_does_not_work_out_is_told_so_that_a_model_can_do_better(
    tool: str, arguments: dict[str, Any], code: str
) -> None:
    assert outcome(tool, arguments) == code


@pytest.mark.usefixtures("cloud")
def test_a_key_that_comes_back_with_another_wish_is_a_conflict() -> None:
    publish_with_stock(mug(), pieces=5)
    meta = key()
    first = {"cart": {"line_items": lines(("mug.1", 1))}, "meta": meta}
    cart = good("create_cart", first)
    assert good("create_cart", first)["id"] == cart["id"]
    other = {"cart": {"line_items": lines(("mug.1", 2))}, "meta": meta}
    answer = refused("create_cart", other)
    assert answer.status == 409
    assert answer.json["error"]["code"] == -32000
    assert answer.json["error"]["data"]["code"] == "idempotency_key_reused"


@pytest.mark.usefixtures("cloud")
def test_a_bad_token_is_401_also_here() -> None:
    answer = refused("get_cart", {"id": "cart_x"}, authorization="Bearer rubbish")
    assert (answer.status, answer.json["error"]["code"]) == (401, -32000)


@pytest.mark.usefixtures("cloud")
def test_a_platform_that_is_away_is_failed_discovery(agent: Platform) -> None:
    agent.status = 500
    arguments = {"id": "cart_x", "meta": {"ucp-agent": {"profile": agent.url}}}
    answer = refused("get_cart", arguments)
    assert (answer.status, answer.json["error"]["code"]) == (424, -32001)
    assert answer.json["error"]["data"]["code"] == "profile_unreachable"


@pytest.mark.usefixtures("cloud")
def test_too_many_ids_are_invalid_params() -> None:
    answer = refused("lookup_catalog", {"catalog": {"ids": [f"p{n}" for n in range(101)]}})
    assert (answer.status, answer.json["error"]["code"]) == (400, -32602)


def test_a_table_with_a_wrong_route_would_be_seen() -> None:
    tool = replace(handle_mcp.TOOLS[0], route="POST /catalogue/search")
    with pytest.raises(AssertionError):
        test_a_tool_is_the_endpoint_of_its_manifest_line(tool)
