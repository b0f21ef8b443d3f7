"""The MCP server: JSON-RPC messages in, responses out, in both variants of the protocol."""

import base64
import json
import os
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from shop.entrypoints import ucp
from shop.entrypoints.fault_mapping import as_unavailable, http_status, log_fields
from shop.entrypoints.http import (
    LambdaHandler,
    headers_from,
    log,
    raise_if_disabled,
    request_id_from,
    respond,
    source_address,
)
from shop.entrypoints.mcp.errors import (
    HEADER_MISMATCH,
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
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
from shop.entrypoints.request_body import parse_json, query_from, raw_body
from shop.kernel.errors import InvalidRequest, ShopError, Unavailable
from shop.kernel.frozen import frozen

STATELESS_VERSIONS = ("2026-07-28",)
SESSION_VERSIONS = ("2025-11-25", "2025-06-18", "2025-03-26")
_META_PREFIX = "io.modelcontextprotocol/"


def build_mcp_handler(
    tools: Sequence[Tool],
    *,
    name: str,
    instructions: str,
    call: InvokeLambda,
    schema_of: SchemaLoader,
) -> LambdaHandler:
    """Return the Lambda handler that offers these tools to agents."""
    server = McpServer({tool.name: tool for tool in tools}, name, instructions, call, schema_of)

    @log.inject_lambda_context(clear_state=True)
    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        headers = headers_from(event)
        request_id = request_id_from(event, headers)
        log.set_correlation_id(request_id)
        # Known once the message is parsed; an error before that has the id null.
        message_id: Any = None
        try:
            _check_headers(headers)
            query_from(event)
            message = _parse_message(raw_body(event))
            message_id = message.get("id")
            raise_if_disabled()
            caller = CallerContext(headers, request_id, source_address(event, headers))
            response = server.handle_message(message, caller)
        except Exception as error:
            response = _to_json_rpc_error(error).to_response(message_id)
        response["headers"]["Request-Id"] = request_id
        return response

    return handler


def _to_json_rpc_error(error: Exception) -> JsonRpcError:
    """Return the JSON-RPC error for any exception; log it if it is a fault."""
    if isinstance(error, JsonRpcError):
        return error
    if isinstance(error, Unavailable):
        return unavailable(error)
    if isinstance(error, ShopError):
        code = PARSE_ERROR if isinstance(error, InvalidRequest) else INVALID_REQUEST
        return JsonRpcError(code, error.detail, http_status(type(error)), {"code": error.code})
    transient = as_unavailable(error)
    log.error("dependency unavailable" if transient else "unexpected", extra=log_fields(error))
    if transient:
        return unavailable(transient)
    return JsonRpcError(INTERNAL_ERROR, "Internal error", 500)


# ----------------------------------------------------------------------------- request checks


def _check_headers(headers: Mapping[str, str]) -> None:
    """Reject requests of foreign web pages (DNS rebinding) and of other media types."""
    origin = headers.get("origin")
    if origin is not None and not _is_known_origin(origin):
        raise JsonRpcError(INVALID_REQUEST, "This origin must not call the shop's tools.", 403)
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise JsonRpcError(INVALID_REQUEST, "Send Content-Type: application/json.", 415)
    accept = headers.get("accept", "*/*").lower()
    if not any(accepted in accept for accepted in ("application/json", "application/*", "*/*")):
        raise JsonRpcError(INVALID_REQUEST, "Responses are application/json; accept it.", 406)


def _is_known_origin(origin: str) -> bool:
    """Return whether an origin is the shop itself or, in development, a page on this machine."""
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


def _parse_message(raw: bytes) -> dict[str, Any]:
    """Return one JSON-RPC request or notification. MCP has no batches since 2025-06-18."""
    message = parse_json(raw)
    if not isinstance(message, dict):
        raise JsonRpcError(INVALID_REQUEST, "Send a single JSON-RPC request or notification.")
    message_id = message.get("id")
    # In Python, True is an int; in JSON-RPC it is no id.
    valid_id = isinstance(message_id, (str, int)) and not isinstance(message_id, bool)
    if "id" in message and not valid_id:
        raise JsonRpcError(INVALID_REQUEST, "The id must be a string or a whole number.")
    if message.get("jsonrpc") != "2.0" or not isinstance(message.get("method"), str):
        raise JsonRpcError(INVALID_REQUEST, "The message must be a JSON-RPC 2.0 request.")
    if not isinstance(message.get("params", {}), dict):
        raise JsonRpcError(INVALID_PARAMS, "params must be an object.")
    return message


# ------------------------------------------------------------------------------------- server


@frozen(slots=False)
class McpServer:
    """The methods of the protocol, on a fixed set of tools."""

    tools: Mapping[str, Tool]
    name: str
    instructions: str
    call: InvokeLambda
    schema_of: SchemaLoader

    def handle_message(self, message: Mapping[str, Any], caller: CallerContext) -> dict[str, Any]:
        """Return the HTTP response to a message. Raises :class:`JsonRpcError`."""
        method, params = message["method"], message.get("params", {})
        # A notification has no id and gets no result.
        if "id" not in message:
            return respond(202, None)
        stateless = _is_stateless(method, params, caller.headers)
        try:
            result = self._result(method, params, caller, stateless)
        except JsonRpcError as error:
            # Before 2026-07-28, these errors had status 200, and clients disconnect after a 4xx.
            if not stateless and error.code in (INVALID_PARAMS, METHOD_NOT_FOUND):
                error.status = 200
            raise
        if stateless:
            # Results of tools must not be cached; everything else changes with a release only.
            caching = (
                {"ttlMs": LIST_TTL_MILLISECONDS, "cacheScope": "public"}
                if method != "tools/call"
                else {}
            )
            meta = {f"{_META_PREFIX}serverInfo": self._info()}
            result = {"resultType": "complete", **result, **caching, "_meta": meta}
        return respond(200, {"jsonrpc": "2.0", "id": message["id"], "result": result})

    def _result(
        self, method: str, params: Mapping[str, Any], caller: CallerContext, stateless: bool
    ) -> dict[str, Any]:
        if method == "tools/list":
            return {"tools": list_tools(tuple(self.tools.values()), self.schema_of)}
        if method == "tools/call":
            return self._call_tool(params, caller)
        if stateless and method == "server/discover":
            return {
                "supportedVersions": [*STATELESS_VERSIONS, *SESSION_VERSIONS],
                "capabilities": {"tools": {}},
                "instructions": self.instructions,
            }
        if not stateless and method == "initialize":
            requested = params.get("protocolVersion")
            return {
                # The specification: propose the newest version if the requested one is unknown.
                "protocolVersion": (
                    requested if requested in SESSION_VERSIONS else SESSION_VERSIONS[0]
                ),
                "capabilities": {"tools": {"listChanged": False}},
                "serverInfo": self._info(),
                "instructions": self.instructions,
            }
        if not stateless and method == "ping":
            return {}
        raise JsonRpcError(METHOD_NOT_FOUND, "Method not found", 404)

    def _info(self) -> dict[str, str]:
        return {"name": self.name, "version": os.environ["RELEASE"]}

    def _call_tool(self, params: Mapping[str, Any], caller: CallerContext) -> dict[str, Any]:
        tool = self.tools.get(str(params.get("name")))
        if tool is None:
            raise JsonRpcError(INVALID_PARAMS, f"Unknown tool: {str(params.get('name'))[:64]}")
        arguments = params.get("arguments", {})
        if not isinstance(arguments, dict):
            raise JsonRpcError(INVALID_PARAMS, "arguments must be an object.")
        started = time.monotonic()
        try:
            event = to_gateway_event(tool, arguments, caller)
        except ShopError as error:
            # A tool result, not a protocol error: the agent reads it and corrects its arguments.
            payload = ucp.error_body(error, ucp.Negotiated(), tool.capability)
            return to_tool_result(http_status(type(error)), payload)
        response = self.call(tool.module, event)
        milliseconds = round((time.monotonic() - started) * 1000)
        fields = {"tool": tool.name, "status": response["statusCode"], "ms": milliseconds}
        log.info("tool", extra=fields)
        retry_after = int(response["headers"].get("Retry-After", 5))
        return to_tool_result(response["statusCode"], json.loads(response["body"]), retry_after)


def _is_stateless(method: str, params: Mapping[str, Any], headers: Mapping[str, str]) -> bool:
    """Return whether a request is of the stateless variant (since 2026-07-28).

    Raises :class:`JsonRpcError` if its headers and its ``_meta`` contradict each other.
    """
    meta = params.get("_meta", {})
    version = meta.get(f"{_META_PREFIX}protocolVersion") if isinstance(meta, dict) else None
    header = headers.get("mcp-protocol-version")
    if version is None and (header is None or header in SESSION_VERSIONS):
        return False
    if version is None:
        if header not in STATELESS_VERSIONS:
            raise _unsupported_version(header)
        raise JsonRpcError(INVALID_PARAMS, f"params._meta must have {_META_PREFIX}protocolVersion.")
    if header != version:
        raise JsonRpcError(
            HEADER_MISMATCH, "MCP-Protocol-Version must equal the version in params._meta."
        )
    if headers.get("mcp-method") != method:
        raise JsonRpcError(HEADER_MISMATCH, "Mcp-Method must equal the method.")
    if method == "tools/call" and _decode_header(headers.get("mcp-name")) != params.get("name"):
        raise JsonRpcError(HEADER_MISMATCH, "Mcp-Name must equal the name of the tool.")
    if version not in STATELESS_VERSIONS:
        raise _unsupported_version(version)
    if not isinstance(meta.get(f"{_META_PREFIX}clientCapabilities"), dict):
        raise JsonRpcError(
            INVALID_PARAMS, f"params._meta must have {_META_PREFIX}clientCapabilities."
        )
    return True


def _unsupported_version(version: Any) -> JsonRpcError:
    data = {"supported": [*STATELESS_VERSIONS, *SESSION_VERSIONS], "requested": str(version)[:40]}
    return JsonRpcError(UNSUPPORTED_VERSION, "Unsupported protocol version", 400, data)


def _decode_header(value: str | None) -> str | None:
    """Return a mirrored header value; text that no header can hold is sent as ``=?base64?…?=``."""
    if value is None or not (value.startswith("=?base64?") and value.endswith("?=")):
        return value
    try:
        return base64.b64decode(value[9:-2], validate=True).decode()
    except ValueError:
        return None
