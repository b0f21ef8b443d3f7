"""The responses of an operation: statuses, headers and bodies, from its manifest entry."""

from collections.abc import Iterator
from typing import Any

from functions.manifest import Access, Endpoint, Secret

Schema = dict[str, Any]

_HEADERS = "#/components/headers/"
_OF_EVERY_RESPONSE = ("Request-Id", "Cache-Control", "X-Content-Type-Options")
AUTHORIZER = "Authorizer"
"""Suffix of the response 401 where API Gateway verifies the token before the Lambda does."""


def responses_of(entry: Endpoint, success: Schema | None, error: Schema) -> dict[str, Any]:
    """Return all responses by status.

    ``success`` is the schema of the ordinary body, if there is one. ``error`` is the schema of a
    UCP error: incompatible capabilities are answered with 200 and this body.
    """
    responses = {str(entry.status): _success(entry, success)}
    if entry.capability:
        _add_incompatibility(responses, error)
    if entry.cached:
        responses["304"] = {
            "description": "The client's copy is current (If-None-Match); without a body",
            "headers": _headers(entry),
        }
    if entry.invokes:
        responses["202"] = {
            "description": "Empty: a notification has no result",
            "headers": _headers(entry, etag=False),
        }
    errors = sorted({*_error_statuses(entry), *entry.errors} - {entry.status})
    shape = error_shape(entry)
    for status in errors:
        name = f"{shape}{status}"
        if status == 401 and entry.access in (Access.CUSTOMER, Access.STAFF):
            name += AUTHORIZER
        responses[str(status)] = {"$ref": f"#/components/responses/{name}"}
    return dict(sorted(responses.items()))


def _success(entry: Endpoint, schema: Schema | None) -> dict[str, Any]:
    """Return the ordinary response: a schema, or the body in words."""
    if not (entry.response or entry.body):
        raise ValueError(f"{entry.route}: declare the response class, or the body in words.")
    success: dict[str, Any] = {"description": entry.body or "Success", "headers": _headers(entry)}
    if entry.media_type:
        success["content"] = {entry.media_type: {"schema": schema or {"type": "string"}}}
    return success


def _add_incompatibility(responses: dict[str, Any], error: Schema) -> None:
    """Add what UCP returns with 200 if the platform lacks the capability."""
    text = "An error response: the platform does not support the capability"
    declared = responses.get("200")
    if declared is None:
        content = {"application/json": {"schema": error}}
        responses["200"] = {"description": text, "headers": header_references(), "content": content}
        return
    media = declared["content"]["application/json"]
    media["schema"] = {"oneOf": [media["schema"], error]}
    declared["description"] += f". {text}"
    # The error response is not cached, so it has neither of these headers.
    for name in declared["headers"].keys() & {"ETag", "Vary"}:
        declared["headers"][name] = {"$ref": f"{_HEADERS}Optional{name}"}


def _headers(entry: Endpoint, *, etag: bool = True) -> dict[str, Any]:
    names = []
    if etag and (entry.etag or entry.cached):
        names.append("ETag")
    if etag and entry.cached and entry.capability:
        # Such a response depends on the channel, which headers of the request decide.
        names.append("Vary")
    if entry.location:
        names.append("Location")
    if entry.status == 405:
        names.append("Allow")
    if entry.media_type == "text/html":
        names.append("Content-Security-Policy")
    return header_references(*names)


def header_references(*names: str) -> dict[str, Any]:
    """Return references to headers: to these, and to those of every response."""
    return {name: {"$ref": f"{_HEADERS}{name}"} for name in (*_OF_EVERY_RESPONSE, *names)}


def own_header_references(*names: str) -> dict[str, Any]:
    """Return references to headers that are absent from API Gateway's own response."""
    return {name: {"$ref": f"{_HEADERS}Own{name}"} for name in (*_OF_EVERY_RESPONSE, *names)}


def error_shape(entry: Endpoint) -> str:
    """Return the key of ``ERROR_SHAPES``: only MCP calls the Lambdas of other routes."""
    if entry.invokes:
        return "JsonRpc"
    return "Ucp" if entry.capability else "Problem"


def security_of(entry: Endpoint) -> list[dict[str, list[str]]]:
    if entry.access is Access.WEBHOOK:
        stripe = Secret.STRIPE_WEBHOOK in entry.secrets
        return [{"stripe_signature" if stripe else "signature": []}]
    if entry.access is Access.PUBLIC:
        return []
    signed_in: dict[str, list[str]] = {"staff" if entry.access is Access.STAFF else "customer": []}
    return [{}, signed_in] if entry.access is Access.SHOPPER else [signed_in]


def _error_statuses(entry: Endpoint) -> Iterator[int]:
    yield 400
    if entry.access is not Access.PUBLIC:
        yield 401
    if entry.access is Access.STAFF or entry.capability:
        yield 403
    # An object is named by the path, by the body, by a required parameter or by its version.
    names_object = entry.request or any(
        parameter.required or parameter.name == "version" for parameter in entry.query
    )
    if "{" in entry.path or entry.capability or names_object:
        yield 404
    if entry.method != "GET":
        yield 409
        yield 413
    if entry.capability:
        yield 422
        yield 424
    yield 429
    yield 503
