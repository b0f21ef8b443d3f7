"""Agents' messages: both eras of MCP, what goes to the endpoints, how answers come back."""

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

from shop.entrypoints.mcp import Tool, build_mcp_handler, lambda_invoker
from shop.entrypoints.mcp import proxy as relay_module
from shop.entrypoints.mcp.tools import plain_schema
from shop.entrypoints.ucp import CART, CATALOG_LOOKUP, CATALOG_SEARCH
from tests.kit.agent import MODERN, headers_for, message, modern, post, use
from tests.kit.shop import ApiResponse
from tests.kit.ucp_validator import assert_valid_ucp

UUID = "550e8400-e29b-41d4-a716-446655440000"
GOOD = {"ucp": {"version": "2026-08-25", "status": "success", "capabilities": {}}, "id": "cart_1"}


class Item(BaseModel):
    model_config = ConfigDict(extra="forbid")
    id: str
    title: str | None = None


class Wish(BaseModel):
    """What is wanted."""

    model_config = ConfigDict(extra="forbid")
    items: list[Item]
    totals: Any = None
    labels: dict[str, str] | None = None


TOOLS = (
    Tool("create_cart", "Begin.", "cart.create_cart", "POST /carts", CART, "cart", "x:Wish"),
    Tool("get_cart", "Look.", "cart.get_cart", "GET /carts/{id}", CART),
    Tool("update_cart", "Replace.", "cart.update_cart", "PUT /carts/{id}", CART, "cart", "x:Wish"),
    Tool(
        "cancel_cart",
        "Leave.",
        "c.x",
        "POST /carts/{id}/cancel",
        CART,
        accepts_idempotency_key=True,
    ),
    Tool("search_catalog", "Find.", "c.s", "POST /catalog/search", CATALOG_SEARCH, "catalog"),
    Tool("lookup_catalog", "Find.", "c.l", "POST /catalog/lookup", CATALOG_LOOKUP, "catalog"),
)


class Endpoints:
    """The endpoints behind the tools: what they were sent, what they answer."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []
        self.status = 200
        self.body: Any = GOOD
        self.error: Exception | None = None

    def __call__(self, module: str, event: Mapping[str, Any]) -> Mapping[str, Any]:
        self.events.append((module, json.loads(json.dumps(event))))
        if self.error is not None:
            raise self.error
        return {"statusCode": self.status, "headers": {}, "body": json.dumps(self.body)}

    @property
    def event(self) -> Any:
        return self.events[-1][1]

    def refuse(self, status: int, code: str, content: str = "no") -> None:
        said = {"type": "error", "code": code, "content": content, "severity": "recoverable"}
        self.status = status
        self.body = {"ucp": {"version": "2026-08-25", "status": "error"}, "messages": [said]}


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
        schema_of=lambda shape: Wish.model_json_schema(),
    )


def failed(said: ApiResponse, status: int, code: int) -> Any:
    """A failure of the protocol: the HTTP status is the first signal, the code the second."""
    assert (said.status, said.json["error"]["code"]) == (status, code), said.text
    assert_valid_ucp("mcp_error", said.json)
    return said.json["error"]


# ------------------------------------------------------------------------- the era of handshakes


@pytest.mark.parametrize(
    ("asked", "answered"),
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
def test_a_handshake_agrees_on_a_version(mcp_server: Any, asked: Any, answered: str) -> None:
    params = {"protocolVersion": asked, "capabilities": {}, "clientInfo": {"name": "a"}}
    result = post(mcp_server, message("initialize", params)).json["result"]
    assert result["protocolVersion"] == answered
    assert result["capabilities"] == {"tools": {"listChanged": False}}
    assert result["serverInfo"] == {"name": "shop", "version": "test"}
    assert "resultType" not in result


def test_no_session_is_begun(mcp_server: Any) -> None:
    said = post(mcp_server, message("initialize", {"protocolVersion": "2025-11-25"}))
    assert "mcp-session-id" not in {name.lower() for name in said.headers}


@pytest.mark.parametrize("method", ["notifications/initialized", "notifications/cancelled", "x"])
def test_a_notification_is_taken_note_of(mcp_server: Any, method: str) -> None:
    said = post(mcp_server, message(method, id=None))
    assert (said.status, said.text) == (202, "")


def test_a_ping_comes_back(mcp_server: Any) -> None:
    said = post(
        mcp_server, message("ping", id="p-1"), headers={"mcp-protocol-version": "2025-06-18"}
    )
    assert said.json == {"jsonrpc": "2.0", "id": "p-1", "result": {}}


def test_what_this_server_cannot_do_is_said(mcp_server: Any) -> None:
    for method in ("resources/list", "prompts/list", "server/discover", "nonsense"):
        assert failed(post(mcp_server, message(method)), 200, -32601)


# ------------------------------------------------------------------------ the era without them


def test_a_modern_client_discovers_versions_and_tools(mcp_server: Any) -> None:
    said = modern("server/discover")
    result = post(mcp_server, said, headers=headers_for(said)).json["result"]
    assert result["resultType"] == "complete"
    assert result["supportedVersions"][0] == MODERN
    assert result["capabilities"] == {"tools": {}}
    assert (result["ttlMs"], result["cacheScope"]) == (3_600_000, "public")
    info = result["_meta"]["io.modelcontextprotocol/serverInfo"]
    assert info == {"name": "shop", "version": "test"}


@pytest.mark.parametrize("method", ["initialize", "ping", "resources/list"])
def test_what_is_gone_in_the_modern_era_is_not_found(mcp_server: Any, method: str) -> None:
    said = modern(method)
    failed(post(mcp_server, said, headers=headers_for(said)), 404, -32601)


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
def test_headers_must_mirror_the_body(
    mcp_server: Any, endpoints: Endpoints, changed: dict[str, str | None]
) -> None:
    said = modern("tools/call", {"name": "create_cart", "arguments": {"cart": {}}})
    failed(post(mcp_server, said, headers={**headers_for(said), **changed}), 400, -32020)
    assert endpoints.events == []


def test_a_name_may_be_mirrored_in_base64(mcp_server: Any) -> None:
    said = modern("tools/call", {"name": "create_cart", "arguments": {"cart": {}}})
    name = f"=?base64?{base64.b64encode(b'create_cart').decode()}?="
    assert post(mcp_server, said, headers={**headers_for(said), "mcp-name": name}).status == 200


def test_another_version_is_answered_with_ours(mcp_server: Any) -> None:
    said = modern("tools/list")
    said["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"] = "2099-01-01"
    headers = {**headers_for(said), "mcp-protocol-version": "2099-01-01"}
    for sent in (said, message("tools/list")):
        data = failed(post(mcp_server, sent, headers=headers), 400, -32022)["data"]
        assert data["requested"] == "2099-01-01"
        assert MODERN in data["supported"]


def test_a_modern_request_says_what_it_can(mcp_server: Any) -> None:
    said = modern("tools/list")
    del said["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"]
    failed(post(mcp_server, said, headers=headers_for(said)), 400, -32602)
    failed(post(mcp_server, message("tools/list"), headers=headers_for(said)), 400, -32602)


# -------------------------------------------------------------------------------- bad messages


@pytest.mark.parametrize("raw", ["", "{", "[" * 100_000, '{"a":1,"a":2}', '{"id":1e999}', "NaN"])
def test_what_is_not_json_cannot_be_parsed(mcp_server: Any, raw: str) -> None:
    assert post(mcp_server, None, raw=raw).json["id"] is None
    failed(post(mcp_server, None, raw=raw), 400, -32700)


@pytest.mark.parametrize(
    "said",
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
def test_what_is_not_one_request_is_invalid(mcp_server: Any, said: Any) -> None:
    failed(post(mcp_server, said), 400, -32600)


@pytest.mark.parametrize("params", [[], "x", 1, None])
def test_params_are_an_object(mcp_server: Any, params: Any) -> None:
    said = {"jsonrpc": "2.0", "id": 1, "method": "ping", "params": params}
    failed(post(mcp_server, said), 400, -32602)


@pytest.mark.parametrize("meta", [1, [], None, {"io.modelcontextprotocol/protocolVersion": {}}])
def test_odd_metadata_is_no_fault(mcp_server: Any, meta: Any) -> None:
    assert post(mcp_server, message("ping", {"_meta": meta})).status in (200, 400)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)
part = anything | st.sampled_from(["2.0", "tools/call", "get_cart", "create_cart", MODERN])


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "jsonrpc": part,
            "id": anything,
            "method": st.sampled_from(["tools/call", "tools/list", "initialize"]) | part,
            "params": st.fixed_dictionaries(
                {},
                optional={
                    "name": part,
                    "arguments": st.dictionaries(
                        st.sampled_from(["id", "cart", "meta"]), anything, max_size=3
                    )
                    | anything,
                    "_meta": anything,
                    "protocolVersion": anything,
                },
            )
            | anything,
        },
    )
    | anything
)
def test_no_message_is_a_fault(mcp_server: Any, said: Any) -> None:
    answer = post(mcp_server, said)
    assert answer.status < 500, answer.text
    assert answer.status == 202 or answer.json["jsonrpc"] == "2.0"


def test_a_megabyte_is_too_much(mcp_server: Any) -> None:
    said = post(mcp_server, message("ping", {"x": "y" * 1_000_000}))
    assert failed(said, 413, -32600)["data"]["code"] == "body_too_large"


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
def test_foreign_pages_are_turned_away(mcp_server: Any, origin: str) -> None:
    failed(post(mcp_server, message("ping"), headers={"origin": origin}), 403, -32600)


@pytest.mark.parametrize("origin", ["http://shop.test", "http://localhost:6274"])
def test_the_shops_own_pages_and_a_developers_may_call(mcp_server: Any, origin: str) -> None:
    assert post(mcp_server, message("ping"), headers={"origin": origin}).status == 200


def test_in_production_a_page_on_the_customers_machine_is_foreign(
    mcp_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAGE", "prod")
    failed(post(mcp_server, message("ping"), headers={"origin": "http://localhost:1"}), 403, -32600)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", None])
def test_only_json_is_read(mcp_server: Any, kind: str | None) -> None:
    failed(post(mcp_server, message("ping"), headers={"content-type": kind}), 415, -32600)


def test_who_wants_no_json_gets_none(mcp_server: Any) -> None:
    failed(post(mcp_server, message("ping"), headers={"accept": "text/html"}), 406, -32600)


# ------------------------------------------------------------------------------------ the tools


def tools_of(desk: Any) -> dict[str, Any]:
    listed = post(desk, message("tools/list")).json["result"]["tools"]
    return {tool["name"]: tool for tool in listed}


def test_tools_are_listed_in_their_order_in_both_eras(mcp_server: Any) -> None:
    assert list(tools_of(mcp_server)) == [tool.name for tool in TOOLS]
    said = modern("tools/list")
    result = post(mcp_server, said, headers=headers_for(said)).json["result"]
    assert result["tools"] == list(tools_of(mcp_server).values())
    assert result["cacheScope"] == "public"


def test_an_input_schema_stands_alone_and_says_what_fits(mcp_server: Any) -> None:
    for tool in tools_of(mcp_server).values():
        for schema in (tool["inputSchema"], tool["outputSchema"]):
            Draft202012Validator.check_schema(schema)
            assert "$ref" not in json.dumps(schema).replace('"$ref": "#/', "")
    fits = Draft202012Validator(tools_of(mcp_server)["update_cart"]["inputSchema"]).is_valid
    wish = {"items": [{"id": "v1"}]}
    assert fits({"id": "c", "cart": wish})
    assert fits({"id": "c", "cart": wish, "meta": {"ucp-agent": {"profile": "https://a.example"}}})
    assert not fits({"cart": wish})
    assert not fits({"id": "c"})
    assert not fits({"id": "c", "cart": {"items": [{}]}})
    assert not fits({"id": "c", "cart": wish, "meta": {"ucp-agent": {}}})


def test_where_ucp_demands_a_key_the_schema_does(mcp_server: Any) -> None:
    fits = Draft202012Validator(tools_of(mcp_server)["cancel_cart"]["inputSchema"]).is_valid
    assert fits({"id": "c", "meta": {"idempotency-key": UUID}})
    assert not fits({"id": "c"})
    assert not fits({"id": "c", "meta": {}})


def test_a_tool_says_whether_it_changes_anything(mcp_server: Any) -> None:
    hints = {name: tool["annotations"] for name, tool in tools_of(mcp_server).items()}
    assert {name for name, hint in hints.items() if hint["readOnlyHint"]} == {
        "get_cart",
        "search_catalog",
        "lookup_catalog",
    }
    assert {name for name, hint in hints.items() if hint["destructiveHint"]} == {"cancel_cart"}


def test_a_schema_is_told_without_noise() -> None:
    told = plain_schema(Wish.model_json_schema())
    assert told == {
        "description": "What is wanted.",
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


# --------------------------------------------------------------------------- calls go to endpoints


def test_a_call_is_the_endpoints_own_request(mcp_server: Any, endpoints: Endpoints) -> None:
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


def test_a_retry_is_the_same_request_again(mcp_server: Any, endpoints: Endpoints) -> None:
    for _ in range(2):
        use(mcp_server, "create_cart", {"cart": {"items": []}, "meta": {"idempotency-key": UUID}})
    first, second = (event for _, event in endpoints.events)
    assert first["body"] == second["body"]
    assert first["headers"]["idempotency-key"] == second["headers"]["idempotency-key"] == UUID


def test_a_key_is_made_up_only_where_ucp_leaves_it_out(
    mcp_server: Any, endpoints: Endpoints
) -> None:
    made = []
    for _ in range(2):
        use(mcp_server, "create_cart", {"cart": {"items": []}})
        made.append(endpoints.event["headers"]["idempotency-key"])
    assert made[0] != made[1]
    assert str(uuid.UUID(made[0])) == made[0]
    for tool, arguments in (
        ("get_cart", {"id": "c"}),
        ("cancel_cart", {"id": "c"}),
        ("search_catalog", {"catalog": {}}),
    ):
        use(mcp_server, tool, arguments)
        assert "idempotency-key" not in endpoints.event["headers"]


def test_headers_of_the_request_count_where_meta_says_nothing(
    mcp_server: Any, endpoints: Endpoints
) -> None:
    """A signed MCP request carries UCP's headers at the HTTP layer."""
    headers = {"UCP-Agent": 'profile="https://h.example"', "Idempotency-Key": UUID}
    use(mcp_server, "cancel_cart", {"id": "c"}, headers=headers)
    assert endpoints.event["headers"]["ucp-agent"] == 'profile="https://h.example"'
    assert endpoints.event["headers"]["idempotency-key"] == UUID
    use(mcp_server, "get_cart", {"id": "c", "meta": {"ucp-agent": {"profile": "https://m.example"}}},
        headers=headers)  # fmt: skip
    assert endpoints.event["headers"]["ucp-agent"] == 'profile="https://m.example"'


@pytest.mark.parametrize("agent", [{}, {"profile": 1}, "x", None, []])
def test_an_agent_without_a_profile_is_left_to_the_endpoint_to_refuse(
    mcp_server: Any, endpoints: Endpoints, agent: Any
) -> None:
    use(mcp_server, "get_cart", {"id": "c", "meta": {"ucp-agent": agent}})
    assert "profile" not in endpoints.event["headers"]["ucp-agent"]


def test_a_version_that_an_agent_says_goes_along(mcp_server: Any, endpoints: Endpoints) -> None:
    agent = {"profile": "https://a.example", "version": "2026-01-11"}
    use(mcp_server, "get_cart", {"id": "c", "meta": {"ucp-agent": agent}})
    said = endpoints.event["headers"]["ucp-agent"]
    assert said == 'profile="https://a.example";version="2026-01-11"'


@pytest.mark.parametrize("name", [None, 1, "nonsense", "", "../cart", ["create_cart"]])
def test_a_tool_that_nobody_knows_is_an_error(
    mcp_server: Any, endpoints: Endpoints, name: Any
) -> None:
    failed(post(mcp_server, message("tools/call", {"name": name, "arguments": {}})), 200, -32602)
    said = modern("tools/call", {"name": name, "arguments": {}})
    failed(post(mcp_server, said, headers={**headers_for(said), "mcp-name": "x"}), 400, -32020)
    if isinstance(name, str):
        failed(post(mcp_server, said, headers=headers_for(said)), 400, -32602)
    assert endpoints.events == []


@pytest.mark.parametrize("arguments", [[], "x", 1])
def test_arguments_are_an_object(mcp_server: Any, arguments: Any) -> None:
    said = modern("tools/call", {"name": "get_cart", "arguments": arguments})
    failed(post(mcp_server, said, headers=headers_for(said)), 400, -32602)


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
def test_arguments_that_do_not_fit_are_an_outcome_the_agent_can_read(
    mcp_server: Any, endpoints: Endpoints, tool: str, arguments: Any, code: str, path: str
) -> None:
    result = use(mcp_server, tool, arguments)
    assert result["isError"] is True
    told = assert_valid_ucp("error", result["structuredContent"])["messages"][0]
    assert (told["code"], told["path"]) == (code, path)
    assert endpoints.events == []


@pytest.mark.parametrize("profile", ["ü", "a\nb", "x\r\nevil: 1"])
def test_a_profile_that_no_header_can_hold_is_no_url(mcp_server: Any, profile: str) -> None:
    arguments = {"id": "c", "meta": {"ucp-agent": {"profile": profile}}}
    said = message("tools/call", {"name": "get_cart", "arguments": arguments})
    error = failed(post(mcp_server, said), 400, -32001)
    assert error["data"]["code"] == "invalid_profile_url"


# ------------------------------------------------------------------------------ answers come back


def test_an_answer_is_structured_and_the_same_as_text(
    mcp_server: Any, endpoints: Endpoints
) -> None:
    endpoints.status = 201
    said = modern("tools/call", {"name": "create_cart", "arguments": {"cart": {}}})
    answer = post(mcp_server, said, headers=headers_for(said))
    assert_valid_ucp("mcp_result", answer.json)
    result = answer.json["result"]
    assert result["structuredContent"] == GOOD
    assert json.loads(result["content"][0]["text"]) == GOOD
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
def test_an_outcome_of_trade_is_a_result_that_says_it_is_an_error(
    mcp_server: Any, endpoints: Endpoints, status: int, code: str
) -> None:
    endpoints.refuse(status, code)
    result = use(mcp_server, "get_cart", {"id": "c"})
    assert result["isError"] is True
    assert assert_valid_ucp("error", result["structuredContent"])["messages"][0]["code"] == code


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, "token_invalid"), (403, "forbidden"), (409, "idempotency_key_reused"), (429, "slow")],
)
def test_an_error_of_the_protocol_keeps_its_status(
    mcp_server: Any, endpoints: Endpoints, status: int, code: str
) -> None:
    endpoints.refuse(status, code, "why")
    said = post(mcp_server, message("tools/call", {"name": "get_cart", "arguments": {"id": "c"}}))
    error = failed(said, status, -32000)
    assert (error["message"], error["data"]["code"]) == ("why", code)
    assert ("retry_after" in error["data"]) == (status == 429)
    assert ("WWW-Authenticate" in said.headers) == (status == 401)


@pytest.mark.parametrize(
    ("status", "code", "message_"),
    [
        (400, "invalid_profile_url", "UCP discovery failed"),
        (424, "profile_unreachable", "UCP discovery failed"),
        (422, "profile_malformed", "UCP discovery failed"),
        (422, "version_unsupported", "Protocol version not supported"),
    ],
)
def test_failed_discovery_has_its_own_code(
    mcp_server: Any, endpoints: Endpoints, status: int, code: str, message_: str
) -> None:
    endpoints.status = status
    endpoints.body = {"code": code, "content": "why", "continue_url": "http://shop.test"}
    said = post(mcp_server, message("tools/call", {"name": "get_cart", "arguments": {"id": "c"}}))
    error = failed(said, status, -32001)
    assert (error["message"], error["data"]) == (message_, endpoints.body)


def test_too_many_ids_are_invalid_params(mcp_server: Any, endpoints: Endpoints) -> None:
    endpoints.refuse(400, "request_too_large")
    said = modern("tools/call", {"name": "lookup_catalog", "arguments": {"catalog": {}}})
    failed(post(mcp_server, said, headers=headers_for(said)), 400, -32602)


def test_a_fault_behind_a_tool_is_an_internal_error(mcp_server: Any, endpoints: Endpoints) -> None:
    endpoints.refuse(500, "fault", "secret")
    said = message("tools/call", {"name": "get_cart", "arguments": {"id": "c"}}, id="x")
    answer = post(mcp_server, said)
    failed(answer, 500, -32603)
    assert "secret" not in answer.text
    assert answer.json["id"] == "x"


def test_an_endpoint_that_is_busy_may_be_asked_again(mcp_server: Any, endpoints: Endpoints) -> None:
    said = message("tools/call", {"name": "get_cart", "arguments": {"id": "c"}})
    endpoints.refuse(503, "payment_provider_down")
    assert failed(post(mcp_server, said), 503, -32000)["data"]["retry_after"] == 5
    endpoints.error = ReadTimeoutError(endpoint_url="http://lambda")
    assert failed(post(mcp_server, said), 503, -32000)["data"]["retry_after"] == 5


def test_anything_else_is_an_internal_error(mcp_server: Any, endpoints: Endpoints) -> None:
    endpoints.error = ZeroDivisionError()
    said = message("tools/call", {"name": "get_cart", "arguments": {"id": "c"}})
    failed(post(mcp_server, said), 500, -32603)


# ---------------------------------------------------------------------------------- lambda:Invoke


class Lambdas:
    """The Lambda service's one call."""

    def __init__(self, payload: bytes, error: str | None = None) -> None:
        self.payload, self.error = payload, error
        self.asked: dict[str, Any] = {}

    def invoke(self, **asked: Any) -> Any:
        self.asked = asked

        class Payload:
            read = staticmethod(lambda: self.payload)

        return {"Payload": Payload, **({"FunctionError": self.error} if self.error else {})}


def test_a_tools_lambda_is_found_by_its_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    lambdas = Lambdas(b'{"statusCode": 200, "body": "{}"}')
    monkeypatch.setattr(relay_module, "_lambdas", lambda patience: lambdas)
    monkeypatch.setenv("FUNCTION_CART_GET_CART", "shop-cart-get-cart")
    assert lambda_invoker()("cart.get_cart", {"a": "ü"})["statusCode"] == 200
    assert lambdas.asked["FunctionName"] == "shop-cart-get-cart"
    assert json.loads(lambdas.asked["Payload"]) == {"a": "ü"}


def test_a_lambda_that_crashed_is_an_internal_error(monkeypatch: pytest.MonkeyPatch) -> None:
    lambdas = Lambdas(b'{"errorMessage": "secret"}', "Unhandled")
    monkeypatch.setattr(relay_module, "_lambdas", lambda patience: lambdas)
    monkeypatch.setenv("FUNCTION_CART_GET_CART", "x")
    real = build_mcp_handler(
        TOOLS, name="s", instructions="", call=lambda_invoker(), schema_of=lambda s: {}
    )
    answer = post(real, message("tools/call", {"name": "get_cart", "arguments": {"id": "c"}}))
    failed(answer, 500, -32603)
    assert "secret" not in answer.text
