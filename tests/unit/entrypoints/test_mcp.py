"""The MCP server: both variants of the protocol, calls of endpoints, and tool results."""

import base64
import json
import uuid
from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import BaseModel, ConfigDict

from shop.entrypoints.mcp import Tool, build_mcp_handler, lambda_invoker, proxy
from shop.entrypoints.mcp.tools import plain_schema
from shop.entrypoints.ucp import CART, CATALOG_LOOKUP, CATALOG_SEARCH
from tests.kit.agent import MODERN, headers_for, message, modern, post, use
from tests.kit.shop import ApiResponse
from tests.kit.ucp_validator import assert_valid_ucp

UUID = "550e8400-e29b-41d4-a716-446655440000"
SUCCESS = {
    "ucp": {"version": "2026-08-25", "status": "success", "capabilities": {}},
    "id": "cart_1",
}


class Item(BaseModel):
    model_config = ConfigDict(extra="forbid")
    id: str
    title: str | None = None


class CartBody(BaseModel):
    """The requested cart."""

    model_config = ConfigDict(extra="forbid")
    items: list[Item]
    totals: Any = None
    labels: dict[str, str] | None = None


TOOLS = (
    Tool("create_cart", "Create.", "cart.create_cart", "POST /carts", CART, "cart", "x:CartBody"),
    Tool("get_cart", "Get.", "cart.get_cart", "GET /carts/{id}", CART),
    Tool(
        "update_cart", "Replace.", "cart.update_cart", "PUT /carts/{id}", CART, "cart", "x:CartBody"
    ),
    Tool(
        "cancel_cart",
        "Cancel.",
        "c.x",
        "POST /carts/{id}/cancel",
        CART,
        accepts_idempotency_key=True,
    ),
    Tool("search_catalog", "Find.", "c.s", "POST /catalog/search", CATALOG_SEARCH, "catalog"),
    Tool("lookup_catalog", "Find.", "c.l", "POST /catalog/lookup", CATALOG_LOOKUP, "catalog"),
)


class Endpoints:
    """The endpoints behind the tools: the events they got, and the response they return."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []
        self.status = 200
        self.body: Any = SUCCESS
        self.error: Exception | None = None

    def __call__(self, module: str, event: Mapping[str, Any]) -> Mapping[str, Any]:
        self.events.append((module, json.loads(json.dumps(event))))
        if self.error is not None:
            raise self.error
        return {"statusCode": self.status, "headers": {}, "body": json.dumps(self.body)}

    @property
    def event(self) -> Any:
        return self.events[-1][1]

    def fail_with(self, status: int, code: str, content: str = "no") -> None:
        message = {"type": "error", "code": code, "content": content, "severity": "recoverable"}
        self.status = status
        self.body = {"ucp": {"version": "2026-08-25", "status": "error"}, "messages": [message]}


@pytest.fixture
def endpoints() -> Endpoints:
    return Endpoints()


@pytest.fixture
def mcp_server(endpoints: Endpoints) -> Any:
    return build_mcp_handler(
        TOOLS,
        name="shop",
        instructions="Buy.",
        call=endpoints,
        schema_of=lambda shape: CartBody.model_json_schema(),
    )


def json_rpc_error(response: ApiResponse, status: int, code: int) -> Any:
    """Check HTTP status and code of a JSON-RPC error, and return the error."""
    assert (response.status, response.json["error"]["code"]) == (status, code), response.text
    assert_valid_ucp("mcp_error", response.json)
    return response.json["error"]


# ------------------------------------------------------------------------- with initialize


@pytest.mark.parametrize(
    ("requested", "negotiated"),
    [
        ("2025-11-25", "2025-11-25"),
        ("2025-06-18", "2025-06-18"),
        ("2025-03-26", "2025-03-26"),
        ("2024-11-05", "2025-11-25"),
        ("2026-07-28", "2025-11-25"),
        (None, "2025-11-25"),
        (7, "2025-11-25"),
    ],
)
def test_initialize_negotiates_a_version(mcp_server: Any, requested: Any, negotiated: str) -> None:
    params = {"protocolVersion": requested, "capabilities": {}, "clientInfo": {"name": "a"}}
    result = post(mcp_server, message("initialize", params)).json["result"]
    assert result["protocolVersion"] == negotiated
    assert result["capabilities"] == {"tools": {"listChanged": False}}
    assert result["serverInfo"] == {"name": "shop", "version": "test"}
    assert "resultType" not in result


def test_initialize_starts_no_session(mcp_server: Any) -> None:
    response = post(mcp_server, message("initialize", {"protocolVersion": "2025-11-25"}))
    assert "mcp-session-id" not in {name.lower() for name in response.headers}


@pytest.mark.parametrize("method", ["notifications/initialized", "notifications/cancelled", "x"])
def test_notification_gets_202_without_body(mcp_server: Any, method: str) -> None:
    response = post(mcp_server, message(method, id=None))
    assert (response.status, response.text) == (202, "")


def test_ping_gets_an_empty_result(mcp_server: Any) -> None:
    response = post(
        mcp_server, message("ping", id="p-1"), headers={"mcp-protocol-version": "2025-06-18"}
    )
    assert response.json == {"jsonrpc": "2.0", "id": "p-1", "result": {}}


def test_unsupported_methods_are_not_found(mcp_server: Any) -> None:
    for method in ("resources/list", "prompts/list", "server/discover", "nonsense"):
        assert json_rpc_error(post(mcp_server, message(method)), 200, -32601)


# ------------------------------------------------------------------------ stateless


def test_stateless_client_discovers_versions_and_capabilities(mcp_server: Any) -> None:
    request = modern("server/discover")
    result = post(mcp_server, request, headers=headers_for(request)).json["result"]
    assert result["resultType"] == "complete"
    assert result["supportedVersions"][0] == MODERN
    assert result["capabilities"] == {"tools": {}}
    assert (result["ttlMs"], result["cacheScope"]) == (3_600_000, "public")
    info = result["_meta"]["io.modelcontextprotocol/serverInfo"]
    assert info == {"name": "shop", "version": "test"}


@pytest.mark.parametrize("method", ["initialize", "ping", "resources/list"])
def test_removed_methods_are_not_found_in_the_stateless_variant(
    mcp_server: Any, method: str
) -> None:
    request = modern(method)
    json_rpc_error(post(mcp_server, request, headers=headers_for(request)), 404, -32601)


@pytest.mark.parametrize(
    "changed",
    [
        {"mcp-protocol-version": None},
        {"mcp-protocol-version": "2025-11-25"},
        {"mcp-method": None},
        {"mcp-method": "tools/list"},
        {"mcp-name": None},
        {"mcp-name": "get_cart"},
        {"mcp-name": "=?base64?!!?="},
    ],
)
def test_headers_must_equal_the_body(
    mcp_server: Any, endpoints: Endpoints, changed: dict[str, str | None]
) -> None:
    request = modern("tools/call", {"name": "create_cart", "arguments": {"cart": {}}})
    json_rpc_error(
        post(mcp_server, request, headers={**headers_for(request), **changed}), 400, -32020
    )
    assert endpoints.events == []


def test_name_header_may_be_base64(mcp_server: Any) -> None:
    request = modern("tools/call", {"name": "create_cart", "arguments": {"cart": {}}})
    name = f"=?base64?{base64.b64encode(b'create_cart').decode()}?="
    assert (
        post(mcp_server, request, headers={**headers_for(request), "mcp-name": name}).status == 200
    )


def test_unsupported_version_gets_the_supported_ones(mcp_server: Any) -> None:
    request = modern("tools/list")
    request["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"] = "2099-01-01"
    headers = {**headers_for(request), "mcp-protocol-version": "2099-01-01"}
    for sent in (request, message("tools/list")):
        data = json_rpc_error(post(mcp_server, sent, headers=headers), 400, -32022)["data"]
        assert data["requested"] == "2099-01-01"
        assert MODERN in data["supported"]


def test_stateless_request_must_have_version_and_capabilities(mcp_server: Any) -> None:
    request = modern("tools/list")
    del request["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"]
    json_rpc_error(post(mcp_server, request, headers=headers_for(request)), 400, -32602)
    json_rpc_error(
        post(mcp_server, message("tools/list"), headers=headers_for(request)), 400, -32602
    )


# ---------------------------------------------------------------------------- invalid messages


@pytest.mark.parametrize("raw", ["", "{", "[" * 100_000, '{"a":1,"a":2}', '{"id":1e999}', "NaN"])
def test_invalid_json_is_a_parse_error(mcp_server: Any, raw: str) -> None:
    assert post(mcp_server, None, raw=raw).json["id"] is None
    json_rpc_error(post(mcp_server, None, raw=raw), 400, -32700)


@pytest.mark.parametrize(
    "rpc_message",
    [
        [],
        [message("ping")],
        "ping",
        None,
        {},
        {"jsonrpc": "1.0", "id": 1, "method": "ping"},
        {"jsonrpc": "2.0", "id": 1},
        {"jsonrpc": "2.0", "id": 1, "method": 1},
        {"jsonrpc": "2.0", "id": 1, "result": {}},
        {"jsonrpc": "2.0", "id": None, "method": "ping"},
        {"jsonrpc": "2.0", "id": True, "method": "ping"},
        {"jsonrpc": "2.0", "id": 1.5, "method": "ping"},
        {"jsonrpc": "2.0", "id": {}, "method": "ping"},
    ],
)
def test_message_must_be_one_request(mcp_server: Any, rpc_message: Any) -> None:
    json_rpc_error(post(mcp_server, rpc_message), 400, -32600)


@pytest.mark.parametrize("params", [[], "x", 1, None])
def test_params_must_be_an_object(mcp_server: Any, params: Any) -> None:
    request = {"jsonrpc": "2.0", "id": 1, "method": "ping", "params": params}
    json_rpc_error(post(mcp_server, request), 400, -32602)


@pytest.mark.parametrize("meta", [1, [], None, {"io.modelcontextprotocol/protocolVersion": {}}])
def test_unusual_metadata_causes_no_fault(mcp_server: Any, meta: Any) -> None:
    assert post(mcp_server, message("ping", {"_meta": meta})).status in (200, 400)


any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)
part = any_json | st.sampled_from(["2.0", "tools/call", "get_cart", "create_cart", MODERN])


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "jsonrpc": part,
            "id": any_json,
            "method": st.sampled_from(["tools/call", "tools/list", "initialize"]) | part,
            "params": st.fixed_dictionaries(
                {},
                optional={
                    "name": part,
                    "arguments": st.dictionaries(
                        st.sampled_from(["id", "cart", "meta"]), any_json, max_size=3
                    )
                    | any_json,
                    "_meta": any_json,
                    "protocolVersion": any_json,
                },
            )
            | any_json,
        },
    )
    | any_json
)
def test_arbitrary_messages_cause_no_fault(mcp_server: Any, rpc_message: Any) -> None:
    response = post(mcp_server, rpc_message)
    assert response.status < 500, response.text
    assert response.status == 202 or response.json["jsonrpc"] == "2.0"


def test_message_of_a_megabyte_is_rejected(mcp_server: Any) -> None:
    request = post(mcp_server, message("ping", {"x": "y" * 1_000_000}))
    assert json_rpc_error(request, 413, -32600)["data"]["code"] == "body_too_large"


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "",
        "http://shop.test.evil.example",
        "http://127.0.0.1.evil.example",
        "http://[::1",
    ],
)
def test_foreign_origin_is_rejected(mcp_server: Any, origin: str) -> None:
    json_rpc_error(post(mcp_server, message("ping"), headers={"origin": origin}), 403, -32600)


@pytest.mark.parametrize("origin", ["http://shop.test", "http://localhost:6274"])
def test_own_and_local_origins_are_accepted_in_development(mcp_server: Any, origin: str) -> None:
    assert post(mcp_server, message("ping"), headers={"origin": origin}).status == 200


def test_local_origin_is_rejected_in_production(
    mcp_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAGE", "prod")
    json_rpc_error(
        post(mcp_server, message("ping"), headers={"origin": "http://localhost:1"}), 403, -32600
    )


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", None])
def test_media_type_must_be_json(mcp_server: Any, kind: str | None) -> None:
    json_rpc_error(post(mcp_server, message("ping"), headers={"content-type": kind}), 415, -32600)


def test_client_must_accept_json(mcp_server: Any) -> None:
    json_rpc_error(post(mcp_server, message("ping"), headers={"accept": "text/html"}), 406, -32600)


# ---------------------------------------------------------------------------------------- tools


def tools_of(mcp_server: Any) -> dict[str, Any]:
    listed = post(mcp_server, message("tools/list")).json["result"]["tools"]
    return {tool["name"]: tool for tool in listed}


def test_tools_are_listed_in_order_in_both_variants(mcp_server: Any) -> None:
    assert list(tools_of(mcp_server)) == [tool.name for tool in TOOLS]
    request = modern("tools/list")
    result = post(mcp_server, request, headers=headers_for(request)).json["result"]
    assert result["tools"] == list(tools_of(mcp_server).values())
    assert result["cacheScope"] == "public"


def test_input_schema_is_self_contained_and_complete(mcp_server: Any) -> None:
    for tool in tools_of(mcp_server).values():
        for schema in (tool["inputSchema"], tool["outputSchema"]):
            Draft202012Validator.check_schema(schema)
            assert "$ref" not in json.dumps(schema).replace('"$ref": "#/', "")
    is_valid = Draft202012Validator(tools_of(mcp_server)["update_cart"]["inputSchema"]).is_valid
    cart = {"items": [{"id": "v1"}]}
    assert is_valid({"id": "c", "cart": cart})
    assert is_valid(
        {"id": "c", "cart": cart, "meta": {"ucp-agent": {"profile": "https://a.example"}}}
    )
    assert not is_valid({"cart": cart})
    assert not is_valid({"id": "c"})
    assert not is_valid({"id": "c", "cart": {"items": [{}]}})
    assert not is_valid({"id": "c", "cart": cart, "meta": {"ucp-agent": {}}})


def test_schema_requires_a_key_where_ucp_demands_one(mcp_server: Any) -> None:
    is_valid = Draft202012Validator(tools_of(mcp_server)["cancel_cart"]["inputSchema"]).is_valid
    assert is_valid({"id": "c", "meta": {"idempotency-key": UUID}})
    assert not is_valid({"id": "c"})
    assert not is_valid({"id": "c", "meta": {}})


def test_annotations_mark_read_only_and_destructive_tools(mcp_server: Any) -> None:
    hints = {name: tool["annotations"] for name, tool in tools_of(mcp_server).items()}
    assert {name for name, hint in hints.items() if hint["readOnlyHint"]} == {
        "get_cart",
        "search_catalog",
        "lookup_catalog",
    }
    assert {name for name, hint in hints.items() if hint["destructiveHint"]} == {"cancel_cart"}


def test_plain_schema_has_no_titles_nulls_and_ignored_fields() -> None:
    schema = plain_schema(CartBody.model_json_schema())
    assert schema == {
        "description": "The requested cart.",
        "type": "object",
        "properties": {
            "items": {"type": "array", "items": {"$ref": "#/$defs/Item"}},
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        },
        "required": ["items"],
        "$defs": {
            "Item": {
                "type": "object",
                "properties": {"id": {"type": "string"}, "title": {"type": "string"}},
                "required": ["id"],
            }
        },
    }


# ---------------------------------------------------------------------------------- tool calls


def test_tool_call_invokes_the_endpoint_with_a_gateway_event(
    mcp_server: Any, endpoints: Endpoints
) -> None:
    cart = {"items": [{"id": "ü"}], "z": 1, "a": 2}
    meta = {"ucp-agent": {"profile": 'https://a.example/"p"'}, "idempotency-key": UUID, "x": 1}
    headers = {"Authorization": "Bearer t", "Request-Id": "r-1", "Cookie": "a=b"}
    use(mcp_server, "update_cart", {"id": "a/b c", "cart": cart, "meta": meta}, headers=headers)
    module, event = endpoints.events[0]
    assert module == "cart.update_cart"
    assert event["routeKey"] == "PUT /carts/{id}"
    assert event["rawPath"] == "/carts/a%2Fb%20c"
    assert event["pathParameters"] == {"id": "a/b c"}
    assert event["requestContext"]["http"]["method"] == "PUT"
    assert event["requestContext"]["http"]["sourceIp"] == "192.0.2.7"
    assert event["requestContext"]["requestId"] == "r-1"
    assert event["body"] == '{"items":[{"id":"ü"}],"z":1,"a":2}'
    assert event["headers"] == {
        "content-type": "application/json",
        "request-id": "r-1",
        "authorization": "Bearer t",
        "user-agent": "agent/1",
        "ucp-agent": 'profile="https://a.example/\\"p\\""',
        "idempotency-key": UUID,
    }


def test_retry_sends_the_same_body_and_key(mcp_server: Any, endpoints: Endpoints) -> None:
    for _ in range(2):
        use(mcp_server, "create_cart", {"cart": {"items": []}, "meta": {"idempotency-key": UUID}})
    first, second = (event for _, event in endpoints.events)
    assert first["body"] == second["body"]
    assert first["headers"]["idempotency-key"] == second["headers"]["idempotency-key"] == UUID


def test_key_is_generated_only_where_ucp_demands_none(
    mcp_server: Any, endpoints: Endpoints
) -> None:
    keys = []
    for _ in range(2):
        use(mcp_server, "create_cart", {"cart": {"items": []}})
        keys.append(endpoints.event["headers"]["idempotency-key"])
    assert keys[0] != keys[1]
    assert str(uuid.UUID(keys[0])) == keys[0]
    for tool, arguments in (
        ("get_cart", {"id": "c"}),
        ("cancel_cart", {"id": "c"}),
        ("search_catalog", {"catalog": {}}),
    ):
        use(mcp_server, tool, arguments)
        assert "idempotency-key" not in endpoints.event["headers"]


def test_meta_overrides_headers_of_the_request(mcp_server: Any, endpoints: Endpoints) -> None:
    """A signed MCP request carries UCP's headers at the HTTP layer."""
    headers = {"UCP-Agent": 'profile="https://h.example"', "Idempotency-Key": UUID}
    use(mcp_server, "cancel_cart", {"id": "c"}, headers=headers)
    assert endpoints.event["headers"]["ucp-agent"] == 'profile="https://h.example"'
    assert endpoints.event["headers"]["idempotency-key"] == UUID
    use(mcp_server, "get_cart", {"id": "c", "meta": {"ucp-agent": {"profile": "https://m.example"}}},
        headers=headers)  # fmt: skip
    assert endpoints.event["headers"]["ucp-agent"] == 'profile="https://m.example"'


@pytest.mark.parametrize("agent", [{}, {"profile": 1}, "x", None, []])
def test_agent_without_profile_is_passed_to_the_endpoint(
    mcp_server: Any, endpoints: Endpoints, agent: Any
) -> None:
    use(mcp_server, "get_cart", {"id": "c", "meta": {"ucp-agent": agent}})
    assert "profile" not in endpoints.event["headers"]["ucp-agent"]


def test_version_of_the_agent_is_passed_to_the_endpoint(
    mcp_server: Any, endpoints: Endpoints
) -> None:
    agent = {"profile": "https://a.example", "version": "2026-01-11"}
    use(mcp_server, "get_cart", {"id": "c", "meta": {"ucp-agent": agent}})
    header = endpoints.event["headers"]["ucp-agent"]
    assert header == 'profile="https://a.example";version="2026-01-11"'


@pytest.mark.parametrize("name", [None, 1, "nonsense", "", "../cart", ["create_cart"]])
def test_unknown_tool_is_an_error(mcp_server: Any, endpoints: Endpoints, name: Any) -> None:
    json_rpc_error(
        post(mcp_server, message("tools/call", {"name": name, "arguments": {}})), 200, -32602
    )
    request = modern("tools/call", {"name": name, "arguments": {}})
    json_rpc_error(
        post(mcp_server, request, headers={**headers_for(request), "mcp-name": "x"}), 400, -32020
    )
    if isinstance(name, str):
        json_rpc_error(post(mcp_server, request, headers=headers_for(request)), 400, -32602)
    assert endpoints.events == []


@pytest.mark.parametrize("arguments", [[], "x", 1])
def test_arguments_must_be_an_object(mcp_server: Any, arguments: Any) -> None:
    request = modern("tools/call", {"name": "get_cart", "arguments": arguments})
    json_rpc_error(post(mcp_server, request, headers=headers_for(request)), 400, -32602)


@pytest.mark.parametrize(
    ("tool", "arguments", "code", "path"),
    [
        ("create_cart", {}, "missing", "$.cart"),
        ("get_cart", {}, "missing", "$.id"),
        ("get_cart", {"id": 1}, "wrong_type", "$.id"),
        ("get_cart", {"id": None}, "wrong_type", "$.id"),
        ("get_cart", {"id": ""}, "wrong_type", "$.id"),
        ("get_cart", {"id": "c", "cart_id": "c"}, "unknown_field", "$"),
        ("get_cart", {"id": "c", "meta": 1}, "wrong_type", "$.meta"),
        (
            "create_cart",
            {"cart": {}, "meta": {"idempotency-key": 1}},
            "wrong_type",
            "$.meta['idempotency-key']",
        ),
    ],
)
def test_invalid_arguments_are_an_error_result(
    mcp_server: Any, endpoints: Endpoints, tool: str, arguments: Any, code: str, path: str
) -> None:
    result = use(mcp_server, tool, arguments)
    assert result["isError"] is True
    reported = assert_valid_ucp("error", result["structuredContent"])["messages"][0]
    assert (reported["code"], reported["path"]) == (code, path)
    assert endpoints.events == []


@pytest.mark.parametrize("profile", ["ü", "a\nb", "x\r\nevil: 1"])
def test_profile_that_no_header_can_hold_is_rejected(mcp_server: Any, profile: str) -> None:
    arguments = {"id": "c", "meta": {"ucp-agent": {"profile": profile}}}
    request = message("tools/call", {"name": "get_cart", "arguments": arguments})
    error = json_rpc_error(post(mcp_server, request), 400, -32001)
    assert error["data"]["code"] == "invalid_profile_url"


# -------------------------------------------------------------------------------- tool results


def test_result_has_the_payload_as_structure_and_as_text(
    mcp_server: Any, endpoints: Endpoints
) -> None:
    endpoints.status = 201
    request = modern("tools/call", {"name": "create_cart", "arguments": {"cart": {}}})
    response = post(mcp_server, request, headers=headers_for(request))
    assert_valid_ucp("mcp_result", response.json)
    result = response.json["result"]
    assert result["structuredContent"] == SUCCESS
    assert json.loads(result["content"][0]["text"]) == SUCCESS
    assert (result["isError"], result["resultType"]) == (False, "complete")
    assert "ttlMs" not in result


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "missing"),
        (400, "idempotency_key_missing"),
        (404, "not_found"),
        (409, "out_of_stock"),
        (422, "nonsense"),
        (200, "capabilities_incompatible"),
    ],
)
def test_business_error_is_an_error_result(
    mcp_server: Any, endpoints: Endpoints, status: int, code: str
) -> None:
    endpoints.fail_with(status, code)
    result = use(mcp_server, "get_cart", {"id": "c"})
    assert result["isError"] is True
    assert assert_valid_ucp("error", result["structuredContent"])["messages"][0]["code"] == code


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, "token_invalid"), (403, "forbidden"), (409, "idempotency_key_reused"), (429, "slow")],
)
def test_protocol_error_keeps_its_status(
    mcp_server: Any, endpoints: Endpoints, status: int, code: str
) -> None:
    endpoints.fail_with(status, code, "why")
    response = post(
        mcp_server, message("tools/call", {"name": "get_cart", "arguments": {"id": "c"}})
    )
    error = json_rpc_error(response, status, -32000)
    assert (error["message"], error["data"]["code"]) == ("why", code)
    assert ("retry_after" in error["data"]) == (status == 429)
    assert ("WWW-Authenticate" in response.headers) == (status == 401)


@pytest.mark.parametrize(
    ("status", "code", "error_message"),
    [
        (400, "invalid_profile_url", "UCP discovery failed"),
        (424, "profile_unreachable", "UCP discovery failed"),
        (422, "profile_malformed", "UCP discovery failed"),
        (422, "version_unsupported", "Protocol version not supported"),
    ],
)
def test_failed_discovery_has_its_own_code(
    mcp_server: Any, endpoints: Endpoints, status: int, code: str, error_message: str
) -> None:
    endpoints.status = status
    endpoints.body = {"code": code, "content": "why", "continue_url": "http://shop.test"}
    request = post(
        mcp_server, message("tools/call", {"name": "get_cart", "arguments": {"id": "c"}})
    )
    error = json_rpc_error(request, status, -32001)
    assert (error["message"], error["data"]) == (error_message, endpoints.body)


def test_too_many_ids_are_invalid_params(mcp_server: Any, endpoints: Endpoints) -> None:
    endpoints.fail_with(400, "request_too_large")
    request = modern("tools/call", {"name": "lookup_catalog", "arguments": {"catalog": {}}})
    json_rpc_error(post(mcp_server, request, headers=headers_for(request)), 400, -32602)


def test_fault_of_an_endpoint_is_an_internal_error(mcp_server: Any, endpoints: Endpoints) -> None:
    endpoints.fail_with(500, "fault", "secret")
    request = message("tools/call", {"name": "get_cart", "arguments": {"id": "c"}}, id="x")
    response = post(mcp_server, request)
    json_rpc_error(response, 500, -32603)
    assert "secret" not in response.text
    assert response.json["id"] == "x"


def test_unavailable_endpoint_gets_retry_after(mcp_server: Any, endpoints: Endpoints) -> None:
    request = message("tools/call", {"name": "get_cart", "arguments": {"id": "c"}})
    endpoints.fail_with(503, "payment_provider_down")
    assert json_rpc_error(post(mcp_server, request), 503, -32000)["data"]["retry_after"] == 5
    endpoints.error = ReadTimeoutError(endpoint_url="http://lambda")
    assert json_rpc_error(post(mcp_server, request), 503, -32000)["data"]["retry_after"] == 5


def test_other_exceptions_are_an_internal_error(mcp_server: Any, endpoints: Endpoints) -> None:
    endpoints.error = ZeroDivisionError()
    request = message("tools/call", {"name": "get_cart", "arguments": {"id": "c"}})
    json_rpc_error(post(mcp_server, request), 500, -32603)


# ------------------------------------------------------------------------------- lambda:Invoke


class LambdaClient:
    """A client of AWS Lambda with its Invoke operation."""

    def __init__(self, payload: bytes, error: str | None = None) -> None:
        self.payload, self.error = payload, error
        self.parameters: dict[str, Any] = {}

    def invoke(self, **parameters: Any) -> Any:
        self.parameters = parameters

        class Payload:
            read = staticmethod(lambda: self.payload)

        return {"Payload": Payload, **({"FunctionError": self.error} if self.error else {})}


def test_lambda_name_comes_from_its_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    client = LambdaClient(b'{"statusCode": 200, "body": "{}"}')
    monkeypatch.setattr(proxy, "_lambda_client", lambda timeout: client)
    monkeypatch.setenv("FUNCTION_CART_GET_CART", "shop-cart-get-cart")
    assert lambda_invoker()("cart.get_cart", {"a": "ü"})["statusCode"] == 200
    assert client.parameters["FunctionName"] == "shop-cart-get-cart"
    assert json.loads(client.parameters["Payload"]) == {"a": "ü"}


def test_crashed_lambda_is_an_internal_error(monkeypatch: pytest.MonkeyPatch) -> None:
    client = LambdaClient(b'{"errorMessage": "secret"}', "Unhandled")
    monkeypatch.setattr(proxy, "_lambda_client", lambda timeout: client)
    monkeypatch.setenv("FUNCTION_CART_GET_CART", "x")
    handler = build_mcp_handler(
        TOOLS, name="s", instructions="", call=lambda_invoker(), schema_of=lambda s: {}
    )
    response = post(handler, message("tools/call", {"name": "get_cart", "arguments": {"id": "c"}}))
    json_rpc_error(response, 500, -32603)
    assert "secret" not in response.text
