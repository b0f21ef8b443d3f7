"""The server: JSON-RPC messages in, answers out, in the words of either era of the protocol."""

import base64
import json
import os
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from shop.entrypoints import ucp
from shop.entrypoints.fault_mapping import as_unavailable, log_fields
from shop.entrypoints.http import (
    LambdaHandler,
    headers_from,
    http_status,
    log,
    raise_if_disabled,
    raw_body,
    request_id_from,
    respond,
    source_address,
)
from shop.entrypoints.mcp.errors import (
    HEADER_MISMATCH,
    INTERNAL,
    INVALID_PARAMS,
    INVALID_REQUEST,
    NO_METHOD,
    PARSE,
    UNSUPPORTED_VERSION,
    JsonRpcError,
    unavailable,
)
from shop.entrypoints.mcp.proxy import CallerContext, to_gateway_event, to_tool_result
from shop.entrypoints.mcp.tools import (
    LIST_TTL_MILLISECONDS,
    InvokeLambda,
    SchemaLoader,
    Tool,
    list_tools,
)
from shop.entrypoints.request_body import parse_json
from shop.kernel.errors import InvalidRequest, ShopError, Unavailable
from shop.kernel.frozen import frozen

STATELESS_VERSIONS = ("2026-07-28",)
SESSION_VERSIONS = ("2025-11-25", "2025-06-18", "2025-03-26")
_META = "io.modelcontextprotocol/"


def build_mcp_handler(
    tools: Sequence[Tool],
    *,
    name: str,
    instructions: str,
    call: InvokeLambda,
    schema_of: SchemaLoader,
) -> LambdaHandler:
    """Build the Lambda that serves tools to agents."""
    desk = McpServer({tool.name: tool for tool in tools}, name, instructions, call, schema_of)

    @log.inject_lambda_context(clear_state=True)
    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        headers = headers_from(event)
        request_id = request_id_from(event, headers)
        log.set_correlation_id(request_id)
        message_id: Any = None
        try:
            _admit(headers)
            message = _message(raw_body(event))
            message_id = message.get("id")
            raise_if_disabled()
            answer = desk.handle_message(
                message, CallerContext(headers, request_id, source_address(event, headers))
            )
        except JsonRpcError as failed:
            answer = failed.to_response(message_id)
        except Unavailable as refusal:
            answer = unavailable(refusal).to_response(message_id)
        except ShopError as refusal:
            code = PARSE if isinstance(refusal, InvalidRequest) else INVALID_REQUEST
            answer = JsonRpcError(
                code, refusal.detail, http_status(type(refusal)), {"code": refusal.code}
            ).to_response(message_id)
        except Exception as error:
            down = as_unavailable(error)
            log.error("supplier down" if down else "unexpected", extra=log_fields(error))
            fault = unavailable(down) if down else JsonRpcError(INTERNAL, "Internal error", 500)
            answer = fault.to_response(message_id)
        answer["headers"]["Request-Id"] = request_id
        return answer

    return handler


# ------------------------------------------------------------------------------------ admission


def _admit(headers: Mapping[str, str]) -> None:
    """Turn away what no agent sends: foreign web pages (DNS rebinding), other kinds of content."""
    origin = headers.get("origin")
    if origin is not None and not _is_known(origin):
        raise JsonRpcError(INVALID_REQUEST, "this origin may not call the shop's tools", 403)
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise JsonRpcError(INVALID_REQUEST, "send Content-Type: application/json", 415)
    accept = headers.get("accept", "*/*").lower()
    if not any(good in accept for good in ("application/json", "application/*", "*/*")):
        raise JsonRpcError(INVALID_REQUEST, "answers are application/json; accept it", 406)


def _is_known(origin: str) -> bool:
    """The shop's own pages; on a developer's machine every page that lies on it."""
    if origin == _origin_of(ucp.shop_url()):
        return True
    try:
        host = urlsplit(origin).hostname
    except ValueError:
        return False
    return os.environ["STAGE"] in ("local", "test") and host in ("localhost", "127.0.0.1", "::1")


def _origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _message(raw: bytes) -> dict[str, Any]:
    """One JSON-RPC request or notification. Batches are no part of MCP since 2025-06-18."""
    message = parse_json(raw)
    if not isinstance(message, dict):
        raise JsonRpcError(INVALID_REQUEST, "send a single JSON-RPC request or notification")
    message_id = message.get("id")
    good_id = isinstance(message_id, (str, int)) and not isinstance(message_id, bool)
    if "id" in message and not good_id:
        raise JsonRpcError(INVALID_REQUEST, "an id is a string or a whole number")
    if message.get("jsonrpc") != "2.0" or not isinstance(message.get("method"), str):
        raise JsonRpcError(INVALID_REQUEST, "this is not a JSON-RPC 2.0 request")
    if not isinstance(message.get("params", {}), dict):
        raise JsonRpcError(INVALID_PARAMS, "params are an object")
    return message


# ------------------------------------------------------------------------------------- the desk


@frozen(slots=False)
class McpServer:
    tools: Mapping[str, Tool]
    name: str
    instructions: str
    call: InvokeLambda
    schema_of: SchemaLoader

    def handle_message(self, message: Mapping[str, Any], sender: CallerContext) -> dict[str, Any]:
        method, params = message["method"], message.get("params", {})
        if "id" not in message:
            return respond(202, None)
        modern = _era(method, params, sender.headers)
        try:
            result = self._result(method, params, sender, modern)
        except JsonRpcError as failed:
            # Before 2026-07-28 these are answers like any other; clients of then hang up on a 4xx.
            if not modern and failed.code in (INVALID_PARAMS, NO_METHOD):
                failed.status = 200
            raise
        if modern:
            stored = (
                {"ttlMs": LIST_TTL_MILLISECONDS, "cacheScope": "public"}
                if method != "tools/call"
                else {}
            )
            meta = {f"{_META}serverInfo": self._info()}
            result = {"resultType": "complete", **result, **stored, "_meta": meta}
        return respond(200, {"jsonrpc": "2.0", "id": message["id"], "result": result})

    def _result(
        self, method: str, params: Mapping[str, Any], sender: CallerContext, modern: bool
    ) -> dict[str, Any]:
        if method == "tools/list":
            return {"tools": list_tools(tuple(self.tools.values()), self.schema_of)}
        if method == "tools/call":
            return self._called(params, sender)
        if modern and method == "server/discover":
            return {
                "supportedVersions": [*STATELESS_VERSIONS, *SESSION_VERSIONS],
                "capabilities": {"tools": {}},
                "instructions": self.instructions,
            }
        if not modern and method == "initialize":
            wanted = params.get("protocolVersion")
            return {
                "protocolVersion": wanted if wanted in SESSION_VERSIONS else SESSION_VERSIONS[0],
                "capabilities": {"tools": {"listChanged": False}},
                "serverInfo": self._info(),
                "instructions": self.instructions,
            }
        if not modern and method == "ping":
            return {}
        raise JsonRpcError(NO_METHOD, "Method not found", 404)

    def _info(self) -> dict[str, str]:
        return {"name": self.name, "version": os.environ["RELEASE"]}

    def _called(self, params: Mapping[str, Any], sender: CallerContext) -> dict[str, Any]:
        tool = self.tools.get(str(params.get("name")))
        if tool is None:
            raise JsonRpcError(INVALID_PARAMS, f"Unknown tool: {str(params.get('name'))[:64]}")
        arguments = params.get("arguments", {})
        if not isinstance(arguments, dict):
            raise JsonRpcError(INVALID_PARAMS, "arguments are an object")
        began = time.monotonic()
        try:
            event = to_gateway_event(tool, arguments, sender)
        except ShopError as refusal:
            message = ucp.error_body(refusal, ucp.Negotiated(), tool.capability)
            return to_tool_result(http_status(type(refusal)), message)
        answer = self.call(tool.module, event)
        took = round((time.monotonic() - began) * 1000)
        log.info("tool", extra={"tool": tool.name, "status": answer["statusCode"], "ms": took})
        later = int(answer["headers"].get("Retry-After", 5))
        return to_tool_result(answer["statusCode"], json.loads(answer["body"]), later)


def _era(method: str, params: Mapping[str, Any], headers: Mapping[str, str]) -> bool:
    """Tell whether a request is of the era without handshakes; contradictions fail."""
    meta = params.get("_meta", {})
    message = meta.get(f"{_META}protocolVersion") if isinstance(meta, dict) else None
    header = headers.get("mcp-protocol-version")
    if message is None and (header is None or header in SESSION_VERSIONS):
        return False
    if message is None:
        if header not in STATELESS_VERSIONS:
            raise _unsupported(header)
        raise JsonRpcError(INVALID_PARAMS, f"params._meta lacks {_META}protocolVersion")
    if header != message:
        raise JsonRpcError(
            HEADER_MISMATCH, "MCP-Protocol-Version is not the version in params._meta"
        )
    if headers.get("mcp-method") != method:
        raise JsonRpcError(HEADER_MISMATCH, "Mcp-Method is not the method")
    if method == "tools/call" and _decoded(headers.get("mcp-name")) != params.get("name"):
        raise JsonRpcError(HEADER_MISMATCH, "Mcp-Name is not the name of the tool")
    if message not in STATELESS_VERSIONS:
        raise _unsupported(message)
    if not isinstance(meta.get(f"{_META}clientCapabilities"), dict):
        raise JsonRpcError(INVALID_PARAMS, f"params._meta lacks {_META}clientCapabilities")
    return True


def _unsupported(version: Any) -> JsonRpcError:
    data = {"supported": [*STATELESS_VERSIONS, *SESSION_VERSIONS], "requested": str(version)[:40]}
    return JsonRpcError(UNSUPPORTED_VERSION, "Unsupported protocol version", 400, data)


def _decoded(value: str | None) -> str | None:
    """A mirrored header's value; what a header cannot hold is sent as ``=?base64?…?=``."""
    if value is None or not (value.startswith("=?base64?") and value.endswith("?=")):
        return value
    try:
        return base64.b64decode(value[9:-2], validate=True).decode()
    except ValueError:
        return None
