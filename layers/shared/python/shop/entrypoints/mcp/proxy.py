"""There and back: a tool call as an endpoint's event, an endpoint's answer as a tool's result."""

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
from shop.entrypoints.mcp.errors import DISCOVERY, INTERNAL, INVALID_PARAMS, REFUSED, JsonRpcError
from shop.entrypoints.mcp.tools import InvokeLambda, Tool
from shop.kernel.errors import InvalidRequest, Problem


class CallerContext(NamedTuple):
    """Who sends a message, as far as the endpoints behind the tools want to know."""

    headers: Mapping[str, str]
    request_id: str
    source_ip: str


def to_gateway_event(
    tool: Tool, arguments: Mapping[str, Any], sender: CallerContext
) -> dict[str, Any]:
    """The event that the gateway would send to the tool's endpoint.

    Raises :class:`Invalid` for arguments that do not fit the tool; what its body holds is for the
    endpoint to judge.
    """
    known = {"meta", *(["id"] if tool.has_id else []), *([tool.payload] if tool.payload else [])}
    needed = known - {"meta"}
    problems = [
        Problem("missing", f"the tool {tool.name} needs {name}", f"$.{name}")
        for name in sorted(needed - set(arguments))
    ]
    problems += [
        Problem("unknown_field", f"the tool {tool.name} takes {', '.join(sorted(known))}", "$")
        for _ in sorted(set(arguments) - known)[:1]
    ]
    thing = arguments.get("id")
    if tool.has_id and "id" in arguments and (not isinstance(thing, str) or not thing):
        problems.append(Problem("wrong_type", "an id is a string", "$.id"))
    if problems:
        raise InvalidRequest(problems[0].detail, problems=problems)
    path = tool.route.split(" ", 1)[1].replace("{id}", quote(str(thing), safe=""))
    now = datetime.now(UTC)
    return {
        "version": "2.0",
        "routeKey": tool.route,
        "rawPath": path,
        "rawQueryString": "",
        "headers": _headers(tool, arguments.get("meta", {}), sender),
        "requestContext": {
            "requestId": sender.request_id,
            "routeKey": tool.route,
            "stage": "$default",
            "http": {
                "method": tool.method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": sender.source_ip,
                "userAgent": sender.headers.get("user-agent", ""),
            },
            "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "timeEpoch": int(now.timestamp() * 1000),
        },
        **({"pathParameters": {"id": thing}} if tool.has_id else {}),
        **({"body": compact_json(arguments[tool.payload])} if tool.payload else {}),
        "isBase64Encoded": False,
    }


def _headers(tool: Tool, meta: Any, sender: CallerContext) -> dict[str, str]:
    """What UCP puts into ``meta`` here stands in headers there."""
    if not isinstance(meta, dict):
        raise InvalidRequest("meta is an object", code="wrong_type", path="$.meta")
    headers = {"content-type": "application/json", "request-id": sender.request_id}
    for name in ("authorization", "user-agent", "accept-language", "ucp-agent", "idempotency-key"):
        if name in sender.headers:
            headers[name] = sender.headers[name]
    if "ucp-agent" in meta:
        headers["ucp-agent"] = _agent(meta["ucp-agent"])
    if isinstance(meta.get("waiting-room-admission"), str):
        headers["waiting-room-admission"] = meta["waiting-room-admission"]
    if "idempotency-key" in meta:
        key = meta["idempotency-key"]
        if not isinstance(key, str):
            raise InvalidRequest(
                "it is a string", code="wrong_type", path="$.meta['idempotency-key']"
            )
        headers["idempotency-key"] = key
    elif not (tool.accepts_idempotency_key or tool.reads):
        headers.setdefault("idempotency-key", str(uuid4()))
    return headers


def _agent(agent: Any) -> str:
    profile = agent.get("profile") if isinstance(agent, dict) else None
    version = agent.get("version") if isinstance(agent, dict) else None
    try:
        message = (
            f"profile={structured_fields.serialize_string(profile)}"
            if isinstance(profile, str)
            else "agent"
        )
        return message + (
            f";version={structured_fields.serialize_string(version)}"
            if isinstance(version, str)
            else ""
        )
    except ValueError:
        raise InvalidRequest(
            "meta['ucp-agent'].profile is not a URL", code="invalid_profile_url"
        ) from None


def to_tool_result(status: int, response: dict[str, Any], retry_after: int = 5) -> dict[str, Any]:
    """An endpoint's answer as a tool's result, or as the failure that UCP wants it to be."""
    code = _code(response)
    if code in ("invalid_profile_url", "profile_unreachable", "profile_malformed"):
        raise JsonRpcError(DISCOVERY, "UCP discovery failed", status, response)
    if code == "version_unsupported":
        raise JsonRpcError(DISCOVERY, "Protocol version not supported", status, response)
    if status >= 500 and status != 503:
        raise JsonRpcError(INTERNAL, "Internal error", 500)
    if status in (401, 403, 429, 503) or code == "idempotency_key_reused":
        first = response["messages"][0]
        data = {"code": code, "content": first["content"]}
        if status in (429, 503):
            data["retry_after"] = retry_after
        raise JsonRpcError(REFUSED, first["content"], status, data)
    if code == "request_too_large":
        raise JsonRpcError(INVALID_PARAMS, response["messages"][0]["content"], 400, response)
    failed = status >= 400 or response.get("ucp", {}).get("status") == "error"
    return {
        "structuredContent": response,
        "content": [{"type": "text", "text": compact_json(response)}],
        "isError": failed,
    }


def _code(said: Mapping[str, Any]) -> str | None:
    if "code" in said:
        return str(said["code"])
    failed = said.get("ucp", {}).get("status") == "error"
    return str(said["messages"][0]["code"]) if failed and said.get("messages") else None


def compact_json(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def lambda_invoker(*, patience: float = 28.5) -> InvokeLambda:
    """A :data:`Call` that invokes Lambdas, whose names come in ``FUNCTION_<GROUP>_<FILE>``.

    It waits ``patience`` seconds and does not ask twice: what came of a call that went unanswered
    is not known here, and the agent's own retry carries the same idempotency key.
    """

    def call(module: str, event: Mapping[str, Any]) -> Mapping[str, Any]:
        name = os.environ[f"FUNCTION_{module.replace('.', '_').upper()}"]
        response = _lambdas(patience).invoke(
            FunctionName=name, Payload=compact_json(event).encode()
        )
        payload = response["Payload"].read()
        if response.get("FunctionError"):
            log.error("tool crashed", extra={"tool": module, "fault": response["FunctionError"]})
            raise JsonRpcError(INTERNAL, "Internal error", 500)
        answer: Mapping[str, Any] = json.loads(payload)
        return answer

    return call


@lru_cache(maxsize=1)
def _lambdas(patience: float) -> Any:
    import boto3
    from botocore.config import Config

    return boto3.client(
        "lambda",
        config=Config(connect_timeout=2, read_timeout=patience, retries={"total_max_attempts": 1}),
    )
