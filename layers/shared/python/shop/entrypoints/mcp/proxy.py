"""Conversion of a tool call to an endpoint's event, and of its response to a tool result."""

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import quote
from uuid import uuid4

from shop.entrypoints import structured_fields
from shop.entrypoints.http import log
from shop.entrypoints.mcp.errors import (
    DISCOVERY_FAILED,
    INTERNAL_ERROR,
    INVALID_PARAMS,
    REQUEST_REJECTED,
    JsonRpcError,
)
from shop.entrypoints.mcp.tools import InvokeLambda, Tool
from shop.kernel.errors import InvalidRequest, Problem


class CallerContext(NamedTuple):
    """The sender of a message, as the endpoints behind the tools need it."""

    headers: Mapping[str, str]
    request_id: str
    source_ip: str


def to_gateway_event(
    tool: Tool, arguments: Mapping[str, Any], caller: CallerContext
) -> dict[str, Any]:
    """Return the event that API Gateway would send to the tool's endpoint.

    Raises :class:`InvalidRequest` for invalid arguments. The endpoint validates the body itself.
    """
    _check_arguments(tool, arguments)
    object_id = arguments.get("id")
    path = tool.route.split(" ", 1)[1].replace("{id}", quote(str(object_id), safe=""))
    now = datetime.now(UTC)
    return {
        "version": "2.0",
        "routeKey": tool.route,
        "rawPath": path,
        "rawQueryString": "",
        "headers": _headers(tool, arguments.get("meta", {}), caller),
        "requestContext": {
            "requestId": caller.request_id,
            "routeKey": tool.route,
            "stage": "$default",
            "http": {
                "method": tool.method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": caller.source_ip,
                "userAgent": caller.headers.get("user-agent", ""),
            },
            "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "timeEpoch": int(now.timestamp() * 1000),
        },
        **({"pathParameters": {"id": object_id}} if tool.has_id else {}),
        **({"body": compact_json(arguments[tool.payload])} if tool.payload else {}),
        "isBase64Encoded": False,
    }


def _check_arguments(tool: Tool, arguments: Mapping[str, Any]) -> None:
    required = {*(["id"] if tool.has_id else []), *([tool.payload] if tool.payload else [])}
    allowed = required | {"meta"}
    problems = [
        Problem("missing", f"{name} is required by the tool {tool.name}.", f"$.{name}")
        for name in sorted(required - set(arguments))
    ]
    # One problem for all unknown names: they are not echoed, only the allowed ones are listed.
    if set(arguments) - allowed:
        names = ", ".join(sorted(allowed))
        problems.append(Problem("unknown_field", f"Allowed arguments are {names}.", "$"))
    object_id = arguments.get("id")
    if tool.has_id and "id" in arguments and (not isinstance(object_id, str) or not object_id):
        problems.append(Problem("wrong_type", "The id must be a string.", "$.id"))
    if problems:
        raise InvalidRequest(problems[0].detail, problems=problems)


def _headers(tool: Tool, meta: Any, caller: CallerContext) -> dict[str, str]:
    """Return the endpoint's headers: those of the caller, overridden by UCP's ``meta``."""
    if not isinstance(meta, dict):
        raise InvalidRequest("meta must be an object.", code="wrong_type", path="$.meta")
    headers = {"content-type": "application/json", "request-id": caller.request_id}
    for name in ("authorization", "user-agent", "accept-language", "ucp-agent", "idempotency-key"):
        if name in caller.headers:
            headers[name] = caller.headers[name]
    if "ucp-agent" in meta:
        headers["ucp-agent"] = _ucp_agent_header(meta["ucp-agent"])
    if isinstance(meta.get("waiting-room-admission"), str):
        headers["waiting-room-admission"] = meta["waiting-room-admission"]
    if "idempotency-key" in meta:
        key = meta["idempotency-key"]
        if not isinstance(key, str):
            raise InvalidRequest(
                "The idempotency key must be a string.",
                code="wrong_type",
                path="$.meta['idempotency-key']",
            )
        headers["idempotency-key"] = key
    # UCP does not demand a key for this tool, but the endpoint does: generate one.
    elif not (tool.accepts_idempotency_key or tool.is_read_only):
        headers.setdefault("idempotency-key", str(uuid4()))
    return headers


def _ucp_agent_header(agent: Any) -> str:
    """Return the ``UCP-Agent`` header for ``meta['ucp-agent']``.

    Without a profile it is a dictionary without profile, which the endpoint rejects. Raises
    :class:`InvalidRequest` for text that no header can hold.
    """
    profile = agent.get("profile") if isinstance(agent, dict) else None
    version = agent.get("version") if isinstance(agent, dict) else None
    try:
        header = "agent"
        if isinstance(profile, str):
            header = f"profile={structured_fields.serialize_string(profile)}"
        if isinstance(version, str):
            header += f";version={structured_fields.serialize_string(version)}"
    except ValueError:
        raise InvalidRequest(
            "meta['ucp-agent'].profile must be a URL.", code="invalid_profile_url"
        ) from None
    return header


def to_tool_result(status: int, response: dict[str, Any], retry_after: int = 5) -> dict[str, Any]:
    """Return the tool result for an endpoint's response.

    Raises :class:`JsonRpcError` for the errors that UCP maps to JSON-RPC errors.
    """
    code = _error_code(response)
    if code in ("invalid_profile_url", "profile_unreachable", "profile_malformed"):
        raise JsonRpcError(DISCOVERY_FAILED, "UCP discovery failed", status, response)
    if code == "version_unsupported":
        raise JsonRpcError(DISCOVERY_FAILED, "Protocol version not supported", status, response)
    # Without the response: an endpoint's fault must reveal nothing.
    if status >= 500 and status != 503:
        raise JsonRpcError(INTERNAL_ERROR, "Internal error", 500)
    if status in (401, 403, 429, 503) or code == "idempotency_key_reused":
        detail = response["messages"][0]["content"]
        data = {"code": code, "content": detail}
        if status in (429, 503):
            data["retry_after"] = retry_after
        raise JsonRpcError(REQUEST_REJECTED, detail, status, data)
    if code == "request_too_large":
        raise JsonRpcError(INVALID_PARAMS, response["messages"][0]["content"], 400, response)
    is_error = status >= 400 or response.get("ucp", {}).get("status") == "error"
    return {
        "structuredContent": response,
        "content": [{"type": "text", "text": compact_json(response)}],
        "isError": is_error,
    }


def _error_code(response: Mapping[str, Any]) -> str | None:
    # Only failed discovery has a top-level code; other errors have messages.
    if "code" in response:
        return str(response["code"])
    is_error = response.get("ucp", {}).get("status") == "error"
    return str(response["messages"][0]["code"]) if is_error and response.get("messages") else None


def compact_json(data: Any) -> str:
    """Return JSON without whitespace. Equal data in equal order has an equal payload hash."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def lambda_invoker(*, timeout: float = 28.5) -> InvokeLambda:
    """Return a function that invokes Lambdas, whose names are in ``FUNCTION_<GROUP>_<FILE>``.

    It waits ``timeout`` seconds and never retries. The outcome of a call without response is
    unknown here, and the agent's own retry carries the same idempotency key.
    """

    def invoke(module: str, event: Mapping[str, Any]) -> Mapping[str, Any]:
        name = os.environ[f"FUNCTION_{module.replace('.', '_').upper()}"]
        result = _lambda_client(timeout).invoke(
            FunctionName=name, Payload=compact_json(event).encode()
        )
        payload = result["Payload"].read()
        # The Lambda crashed or timed out; the payload is a stack trace, not a response.
        if result.get("FunctionError"):
            log.error("tool crashed", extra={"tool": module, "fault": result["FunctionError"]})
            raise JsonRpcError(INTERNAL_ERROR, "Internal error", 500)
        response: Mapping[str, Any] = json.loads(payload)
        return response

    return invoke


@lru_cache(maxsize=1)
def _lambda_client(timeout: float) -> Any:
    import boto3  # lazy: listing tools needs no AWS client
    from botocore.config import Config  # lazy: listing tools needs no AWS client

    return boto3.client(
        "lambda",
        config=Config(connect_timeout=2, read_timeout=timeout, retries={"total_max_attempts": 1}),
    )
