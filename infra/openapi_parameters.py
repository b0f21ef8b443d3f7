"""The parameters of an operation: path, query and headers, from its manifest entry."""

import re
from collections.abc import Iterator
from typing import Any

from functions.manifest import Endpoint
from functions.query_parameters import QueryParameter


def _text(name: str, description: str) -> dict[str, Any]:
    """Return an optional header with any value."""
    return {
        "name": name,
        "in": "header",
        "required": False,
        "description": description,
        "schema": {"type": "string"},
    }


PARAMETERS: dict[str, Any] = {
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "required": True,
        "description": "Makes a retry safe: the same key and request return the same "
        "response for 24 hours",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    },
    "OptionalIdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": "The same key and request return the same response for 24 hours; "
        "the key with another request is an error (409 idempotency_key_reused)",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    },
    "IfMatch": {
        "name": "If-Match",
        "in": "header",
        "required": False,
        "description": 'The version that was read, such as `"3"`, where the body does '
        "not name it. If it changed meanwhile, the request fails (409 stale)",
        "schema": {"type": "string", "pattern": '^(W/)?"?[0-9]{1,9}"?$'},
    },
    "UcpAgent": {
        "name": "UCP-Agent",
        "in": "header",
        "required": False,
        "description": 'The platform\'s profile: `profile="https://…"`',
        "schema": {"type": "string", "pattern": 'profile="https://[^"]+"'},
    },
    "ShopChannel": {
        "name": "Shop-Channel",
        "in": "header",
        "required": False,
        "description": "Where the sale happens: web or app. Without it, the channel is web. "
        "A platform sends UCP-Agent instead",
        "schema": {"type": "string", "pattern": r"^[ \t]*([Ww][Ee][Bb]|[Aa][Pp][Pp])?[ \t]*$"},
        "example": "app",
    },
    "RequestId": _text(
        "Request-Id",
        "Id of the request in the shop's log and in the response: 1 to 128 letters, digits or "
        "`._:/+=-`. Another value is replaced by a new one",
    ),
    "IfNoneMatch": _text(
        "If-None-Match", "ETag of the client's copy. If it is current, the response is 304"
    ),
    "WaitingRoomAdmission": _text(
        "Waiting-Room-Admission",
        "The admission that a turn in the waiting room gave, if the checkout requires one",
    ),
    "ForwardedIdempotencyKey": _text(
        "Idempotency-Key", "The key of the tool's route, unless the arguments of the call have one"
    ),
    "ForwardedUcpAgent": _text(
        "UCP-Agent", "The platform's profile, unless the arguments of the call name it"
    ),
    "Origin": _text(
        "Origin", "The page that sends the request. Pages of other sites are rejected (403)"
    ),
    "McpProtocolVersion": _text("Mcp-Protocol-Version", "Version of the Model Context Protocol"),
    "McpMethod": _text(
        "Mcp-Method", "The method of the body; required since version 2026-07-28 of the protocol"
    ),
    "McpName": _text(
        "Mcp-Name",
        "The tool that the body calls; required since version 2026-07-28 of the protocol",
    ),
}
"""Headers of requests, by the name of their component."""
COMPONENT_OF: dict[str, str] = {
    parameter["name"]: name
    for name, parameter in PARAMETERS.items()
    if name != "IdempotencyKey" and not name.startswith("Forwarded")
}
"""The component of each optional header."""
FORWARDED = {
    "Idempotency-Key": "ForwardedIdempotencyKey",
    "UCP-Agent": "ForwardedUcpAgent",
}
"""The component of each header that MCP hands to the Lambda of a tool, and does not read itself."""


def _query_parameter(parameter: QueryParameter) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": parameter.type}
    if parameter.values:
        schema["enum"] = list(parameter.values)
    for name in ("default", "minimum", "maximum"):
        if (value := getattr(parameter, name)) is not None:
            schema[name] = value
    described: dict[str, Any] = {
        "name": parameter.name,
        "in": "query",
        "required": parameter.required,
        "description": parameter.description,
        "schema": schema,
    }
    return described if parameter.example is None else {**described, "example": parameter.example}


def parameters_of(entry: Endpoint) -> Iterator[dict[str, Any]]:
    """Yield the parameters of a route: of its path, its query and its headers."""
    for name in path_names(entry):
        yield {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "minLength": 1, "maxLength": 128},
        }
    for parameter in entry.query:
        yield _query_parameter(parameter)
    if entry.requires_idempotency_key:
        yield _reference("IdempotencyKey")
    for header in headers_of(entry):
        names = COMPONENT_OF | FORWARDED if entry.invokes else COMPONENT_OF
        yield _reference(names[header])


def headers_of(entry: Endpoint) -> Iterator[str]:
    """Yield the optional headers that a route reads."""
    if entry.accepts_idempotency_key:
        yield "Idempotency-Key"
    if entry.versioned:
        yield "If-Match"
    if entry.cached:
        yield "If-None-Match"
    if entry.capability:
        yield "UCP-Agent"
    yield from entry.headers
    # The entrypoint of every route reads it.
    yield "Request-Id"


def _reference(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/parameters/{name}"}


def path_names(entry: Endpoint) -> list[str]:
    """Return the names of the path parameters of a route."""
    return re.findall(r"\{([^}+]+)\+?\}", entry.path)
