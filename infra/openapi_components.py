"""The parts of docs/openapi.json that operations refer to: errors, parameters, security."""

from typing import Any

UCP_SCHEMAS = "https://ucp.dev/schemas/"

ERROR_DESCRIPTIONS = {
    400: "The request is malformed or has an invalid value",
    401: "The credentials are missing, expired or forged",
    403: "The caller is known and not allowed to do this",
    404: "The resource does not exist for this caller",
    409: "The resource's state does not allow this, or the key came with another request",
    413: "The body exceeds 256 KiB",
    415: "The body has another media type than the route accepts",
    422: "A referenced document is invalid or has another version",
    424: "A referenced document could not be fetched",
    429: "The caller sent too many requests",
    500: "An error of the shop; it is logged",
    503: "A provider of the shop is down: retry later",
}

JSON_RPC_ERROR = {
    "type": "object",
    "description": "Error response of JSON-RPC 2.0",
    "required": ["jsonrpc", "id", "error"],
    "properties": {
        "jsonrpc": {"const": "2.0", "description": "Version of JSON-RPC."},
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


ERROR_SHAPES = {
    "JsonRpc": ("application/json", "#/components/schemas/JsonRpcError"),
    "Problem": ("application/problem+json", "#/components/schemas/Problem"),
    "Ucp": ("application/json", f"{UCP_SCHEMAS}common/types/error_response.json"),
}
"""Media type and schema of the errors of a route."""

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
        "schema": {"type": "string"},
    },
    "UcpAgent": {
        "name": "UCP-Agent",
        "in": "header",
        "required": False,
        "description": 'The platform\'s profile: `profile="https://…"`',
        "schema": {"type": "string"},
    },
}


def components(definitions: dict[str, Any]) -> dict[str, Any]:
    """Return the schemas, responses, parameters and security schemes that operations refer to."""
    return {
        "schemas": {"JsonRpcError": JSON_RPC_ERROR, "Problem": PROBLEM}
        | dict(sorted(definitions.items())),
        "responses": {
            f"{shape}{status}": _problem(status, shape)
            for shape in ERROR_SHAPES
            for status in ERROR_DESCRIPTIONS
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
    }


def _problem(status: int, shape: str) -> dict[str, Any]:
    kind, schema = ERROR_SHAPES[shape]
    return {
        "description": ERROR_DESCRIPTIONS[status],
        "content": {kind: {"schema": {"$ref": schema}}},
    }


def _bearer(description: str) -> dict[str, str]:
    return {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": description,
    }
