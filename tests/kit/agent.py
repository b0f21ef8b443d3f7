"""An AI agent's client of ``POST /mcp``, with the endpoints behind it in the same process."""

import json
import uuid
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from tests.kit.shop import ApiResponse, Context

MODERN = "2026-07-28"
_META = "io.modelcontextprotocol/"


def in_process(module: str, event: Mapping[str, Any]) -> Mapping[str, Any]:
    """Invoke a Lambda as ``lambda:Invoke`` does: request and response pass through JSON."""
    handler = import_module(f"functions.{module}").handler
    response: Mapping[str, Any] = json.loads(
        json.dumps(handler(json.loads(json.dumps(event)), Context()))
    )
    return response


def message(method: str, params: Any = None, *, id: Any = 1) -> dict[str, Any]:
    """Build a JSON-RPC message. Without an id it is a notification."""
    fields: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
    if id is not None:
        fields["id"] = id
    if params is not None:
        fields["params"] = params
    return fields


def modern(method: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Build a request of a protocol version without handshakes."""
    meta = {f"{_META}protocolVersion": MODERN, f"{_META}clientCapabilities": {}}
    return message(method, {**(params or {}), "_meta": meta})


def headers_for(request: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers that repeat fields of a modern request."""
    headers = {"mcp-protocol-version": MODERN, "mcp-method": str(request["method"])}
    if request["method"] == "tools/call":
        headers["mcp-name"] = str(request["params"]["name"])
    return headers


def post(
    handler: Any,
    body: Any,
    *,
    raw: str | None = None,
    headers: Mapping[str, str | None] | None = None,
    source_ip: str = "192.0.2.7",
) -> ApiResponse:
    """POST a message to the MCP handler. A header with the value ``None`` is not sent."""
    all_headers: dict[str, str | None] = {
        "content-type": "application/json",
        "accept": "application/json, text/event-stream",
        "user-agent": "agent/1",
        **(headers or {}),
    }
    event = {
        "version": "2.0",
        "routeKey": "POST /mcp",
        "rawPath": "/mcp",
        "rawQueryString": "",
        "headers": {name: value for name, value in all_headers.items() if value is not None},
        "requestContext": {
            "requestId": str(uuid.uuid4()),
            "http": {"method": "POST", "path": "/mcp", "sourceIp": source_ip},
        },
        "body": json.dumps(body) if raw is None else raw,
        "isBase64Encoded": False,
    }
    response = handler(event, Context())
    return ApiResponse(response["statusCode"], response["headers"], response["body"])


def use(
    handler: Any, tool: str, arguments: Any = None, *, headers: Mapping[str, str] | None = None
) -> Any:
    """Call a tool in a modern request; return its result. Raises AssertionError for an error."""
    request = modern("tools/call", {"name": tool, "arguments": arguments or {}})
    response = post(handler, request, headers={**headers_for(request), **(headers or {})})
    assert response.status == 200, response.text
    return response.json["result"]
