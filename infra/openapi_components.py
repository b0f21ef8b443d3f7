"""The parts of docs/openapi.json that operations refer to: errors, parameters, security."""

from typing import Any

from infra.openapi_parameters import PARAMETERS
from infra.openapi_responses import AUTHORIZER, header_references, own_header_references

ERROR_DESCRIPTIONS = {
    400: "The request is malformed or has an invalid value",
    401: "The credentials are missing, expired or forged",
    403: "The caller is known and not allowed to do this",
    404: "The resource does not exist for this caller",
    406: "The client accepts no media type of the response",
    409: "The resource's state does not allow this, or the key came with another request",
    413: "The body exceeds 256 KiB",
    415: "The body has another media type than the route accepts",
    422: "A referenced document is invalid or has another version",
    424: "A referenced document could not be fetched",
    429: "The caller sent too many requests",
    500: "An error of the shop; it is logged",
    503: "A provider of the shop is down: retry later",
}

JSON_RPC_VERSION = {"const": "2.0", "description": "Version of JSON-RPC."}

JSON_RPC_REQUEST = {
    "type": "object",
    "description": "Request of JSON-RPC 2.0; without an id it is a notification",
    "required": ["jsonrpc", "method"],
    "properties": {
        "jsonrpc": JSON_RPC_VERSION,
        "id": {"type": ["string", "integer"], "description": "Id that the response repeats."},
        "method": {
            "type": "string",
            "description": "Method of the Model Context Protocol.",
            "examples": ["tools/list"],
        },
        "params": {
            "type": "object",
            "description": "Parameters of the method.",
            "additionalProperties": True,
        },
    },
}

JSON_RPC_RESULT = {
    "type": "object",
    "description": "Response of JSON-RPC 2.0",
    "required": ["jsonrpc", "id", "result"],
    "additionalProperties": False,
    "properties": {
        "jsonrpc": JSON_RPC_VERSION,
        "id": {"type": ["string", "integer"], "description": "Id of the request."},
        "result": {
            "type": "object",
            "description": "Result of the method, as the Model Context Protocol defines it.",
            "additionalProperties": True,
        },
    },
}

JSON_RPC_ERROR = {
    "type": "object",
    "description": "Error response of JSON-RPC 2.0",
    "required": ["jsonrpc", "id", "error"],
    "properties": {
        "jsonrpc": JSON_RPC_VERSION,
        "id": {
            "type": ["string", "integer", "null"],
            "description": "Id of the request; null if it could not be read.",
        },
        "error": {
            "type": "object",
            "description": "The error.",
            "required": ["code", "message"],
            "properties": {
                "code": {"type": "integer", "description": "Code of JSON-RPC or of UCP."},
                "message": {"type": "string", "description": "Problem and remedy, in words."},
                "data": {
                    "type": "object",
                    "description": "More about the error.",
                    "properties": {
                        "code": {"type": "string", "description": "Code of the shop's error."}
                    },
                },
            },
        },
    },
}

PROBLEM = {
    "type": "object",
    "description": "RFC 9457, with a code for programs and each invalid field",
    "required": ["type", "title", "status", "code"],
    "properties": {
        "type": {"type": "string", "description": "URI of the error's type."},
        "title": {"type": "string", "description": "Meaning of the status, in words."},
        "status": {"type": "integer", "description": "HTTP status of the response."},
        "code": {"type": "string", "description": "Code of the error, listed in docs/errors.md."},
        "detail": {"type": "string", "description": "Problem, place and remedy, in words."},
        "errors": {
            "type": "array",
            "description": "Every invalid field, if there are several.",
            "items": {
                "type": "object",
                "required": ["code", "detail"],
                "properties": {
                    "code": {"type": "string", "description": "Code of the error."},
                    "detail": {"type": "string", "description": "Problem and remedy, in words."},
                    "path": {
                        "type": "string",
                        "description": "RFC 9535 JSONPath of the field, or the name of a header or"
                        " query parameter.",
                    },
                },
            },
        },
    },
}

OPENAPI_DOCUMENT = {
    "type": "object",
    "description": "A document as the OpenAPI Specification 3.1 defines it",
    "required": ["openapi", "info", "paths", "components"],
    "additionalProperties": True,
    "properties": {
        "openapi": {"const": "3.1.0", "description": "Version of the specification."},
    },
}

PROFILE_ERROR = {
    "type": "object",
    "description": "Error of a UCP route: the platform's profile cannot be used",
    "required": ["code", "content", "continue_url"],
    "additionalProperties": False,
    "properties": {
        "code": {
            "enum": [
                "invalid_profile_url",
                "profile_unreachable",
                "profile_malformed",
                "version_unsupported",
            ],
            "description": "Code of the error, listed in docs/errors.md.",
        },
        "content": {"type": "string", "description": "Problem and remedy, in words."},
        "continue_url": {
            "type": "string",
            "format": "uri",
            "description": "Address of the shop, for the buyer.",
        },
    },
}

GATEWAY_ERROR = {
    "type": "object",
    "description": "Error of API Gateway, which no Lambda of the shop has seen (docs/ucp.md)",
    "required": ["message"],
    "additionalProperties": False,
    "properties": {
        "message": {
            "type": "string",
            "description": "Cause in words.",
            "examples": ["Too Many Requests"],
        }
    },
}

PROFILE_STATUSES = (400, 422, 424)
"""Statuses of errors that concern the platform's profile."""

ERROR_SHAPES = {
    "JsonRpc": "application/json",
    "Problem": "application/problem+json",
    "Ucp": "application/json",
}
"""Media type of the errors of a route."""

HEADERS: dict[str, Any] = {
    "Request-Id": {
        "description": "Id of the request in the shop's log: the client's Request-Id, or a new one",
        "required": True,
        "schema": {"type": "string", "minLength": 1},
    },
    "Cache-Control": {
        "description": "Caching by the client and by the CDN",
        "required": True,
        "schema": {"type": "string", "minLength": 1},
    },
    "X-Content-Type-Options": {
        "description": "Browsers must not guess the media type",
        "required": True,
        "schema": {"const": "nosniff"},
    },
    "ETag": {
        "description": "Version of the response, in quotation marks",
        "required": True,
        "schema": {"type": "string", "pattern": '^(W/)?".+"$'},
    },
    "Vary": {
        "description": "Headers of the request on which the response depends",
        "required": True,
        "schema": {"type": "string", "minLength": 1},
    },
    "Location": {
        "description": "Path of the created object",
        "required": True,
        "schema": {"type": "string", "pattern": "^/"},
    },
    "Allow": {
        "description": "Methods that the path allows",
        "required": True,
        "schema": {"type": "string", "minLength": 1},
    },
    "Content-Security-Policy": {
        "description": "Sources from which the page may load",
        "required": True,
        "schema": {"type": "string", "minLength": 1},
    },
    "Retry-After": {
        "description": "Seconds to wait before a retry",
        "required": True,
        "schema": {"type": "integer", "minimum": 0},
    },
    "WWW-Authenticate": {
        "description": "How to sign in",
        "required": True,
        "schema": {"type": "string", "pattern": "^Bearer"},
    },
}
GATEWAY_STATUSES = (413, 429, 503)
"""Statuses that API Gateway itself returns on every route: body, throttle, failed Lambda."""
HEADERS |= {
    f"Own{name}": {
        **HEADERS[name],
        "required": False,
        "description": f"{HEADERS[name]['description']}; absent from the gateway's own response",
    }
    for name in (
        "Request-Id",
        "Cache-Control",
        "X-Content-Type-Options",
        "Retry-After",
        "WWW-Authenticate",
    )
}
HEADERS |= {f"Optional{name}": {**HEADERS[name], "required": False} for name in ("ETag", "Vary")}
ERROR_HEADERS = {401: ("WWW-Authenticate",), 429: ("Retry-After",), 503: ("Retry-After",)}
"""Headers of an error, beside those of every response."""


def components(definitions: dict[str, Any], ucp_error: dict[str, Any]) -> dict[str, Any]:
    """Return the schemas, responses, parameters and security schemes that operations refer to.

    ``ucp_error`` refers to the schema of UCP's error response.
    """
    own = {
        "GatewayError": GATEWAY_ERROR,
        "JsonRpcError": JSON_RPC_ERROR,
        "JsonRpcRequest": JSON_RPC_REQUEST,
        "JsonRpcResult": JSON_RPC_RESULT,
        "OpenApiDocument": OPENAPI_DOCUMENT,
        "PlatformProfileError": PROFILE_ERROR,
        "Problem": PROBLEM,
    }
    if taken := own.keys() & definitions.keys():
        raise ValueError(f"Two schemas have the name {min(taken)}.")
    return {
        "schemas": dict(sorted({**own, **definitions}.items())),
        "headers": HEADERS,
        "responses": {
            f"{shape}{status}": _error(status, shape, ucp_error)
            for shape in ERROR_SHAPES
            for status in ERROR_DESCRIPTIONS
        }
        | {
            f"{shape}401{AUTHORIZER}": _error(401, shape, ucp_error, by_gateway=True)
            for shape in ERROR_SHAPES
        },
        "parameters": PARAMETERS,
        "securitySchemes": _security_schemes(),
    }


def _security_schemes() -> dict[str, Any]:
    return {
        "customer": _bearer("Access token of a customer"),
        "staff": _bearer("Access token of a member of staff; the groups are in x-groups"),
        "signature": {
            "type": "apiKey",
            "in": "header",
            "name": "webhook-signature",
            "description": "Standard Webhooks, with webhook-id and webhook-timestamp",
        },
        "stripe_signature": {
            "type": "apiKey",
            "in": "header",
            "name": "stripe-signature",
            "description": "Signature of Stripe, with its timestamp",
        },
    }


def _error(
    status: int, shape: str, ucp_error: dict[str, Any], *, by_gateway: bool = False
) -> dict[str, Any]:
    media_type, schema = ERROR_SHAPES[shape], _error_schema(status, shape, ucp_error)
    description, headers = ERROR_DESCRIPTIONS[status], ERROR_HEADERS.get(status, ())
    if not by_gateway and status not in GATEWAY_STATUSES:
        return {
            "description": description,
            "headers": header_references(*headers),
            "content": {media_type: {"schema": schema}},
        }
    gateway: dict[str, Any] = {"$ref": "#/components/schemas/GatewayError"}
    content = {media_type: {"schema": schema}, "application/json": {"schema": gateway}}
    if media_type == "application/json":
        content = {media_type: {"schema": {"oneOf": [schema, gateway]}}}
    return {
        "description": f"{description}. API Gateway may return it itself, as GatewayError",
        "headers": own_header_references(*headers),
        "content": content,
    }


def _error_schema(status: int, shape: str, ucp_error: dict[str, Any]) -> dict[str, Any]:
    if shape == "Ucp":
        profile = {"$ref": "#/components/schemas/PlatformProfileError"}
        return {"oneOf": [ucp_error, profile]} if status in PROFILE_STATUSES else ucp_error
    return {"$ref": f"#/components/schemas/{'JsonRpcError' if shape == 'JsonRpc' else shape}"}


def _bearer(description: str) -> dict[str, str]:
    return {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": description,
    }
