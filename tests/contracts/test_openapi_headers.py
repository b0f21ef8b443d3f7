"""docs/openapi.json names the headers of requests, and the answers of API Gateway itself."""

import ast
import json
from collections.abc import Mapping
from typing import Any

import pytest

from functions.manifest import Access, Endpoint
from infra.openapi_parameters import headers_of
from tests.contracts.header_names import headers_in, headers_read
from tests.kit.http_api import ENDPOINTS
from tests.kit.openapi_contract import DOCUMENT, operation_of, resolved, validator

NO_PARAMETERS: Mapping[str, str] = {
    "content-type": "OpenAPI ignores a parameter of this name; the body's media type states it",
    "accept": "OpenAPI ignores a parameter of this name; the responses' media types state it",
    "user-agent": "the MCP endpoint passes it on, and nothing depends on it",
    "webhook-id": "the security scheme describes it",
    "webhook-timestamp": "the security scheme describes it",
    "webhook-signature": "the security scheme describes it",
    "stripe-signature": "the security scheme describes it",
}
"""Headers that handlers read and the document does not list as parameters."""

PASSED_ON = {"idempotency-key", "ucp-agent"}
"""Headers that only the MCP endpoint hands to the Lambdas behind its tools."""


def declared(entry: Endpoint) -> set[str]:
    """Return the lower-case names of the headers that the document lists for a route."""
    parameters = (resolved(each) for each in operation_of(entry).get("parameters", ()))
    return {each["name"].lower() for each in parameters if each["in"] == "header"}


def read(entry: Endpoint) -> set[str]:
    """Return the headers that a route reads: its handler's, and those of its UCP capability."""
    names = headers_read(entry.module) - NO_PARAMETERS.keys()
    if entry.capability:
        names.add("ucp-agent")
    if not entry.cached:
        # The handlers of cached routes share a module with those of the same page by POST.
        names.discard("if-none-match")
    elif not entry.capability:
        # Only pages of a UCP capability are cached by channel (`by_channel`).
        names -= {"shop-channel", "ucp-agent"}
    return names | {"request-id"} | (PASSED_ON if entry.invokes else set())


@pytest.mark.parametrize("entry", ENDPOINTS, ids=lambda entry: str(entry.module))
def test_operation_lists_the_headers_that_its_handler_reads(entry: Endpoint) -> None:
    assert declared(entry) == read(entry)
    names = [name.lower() for name in headers_of(entry)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ('request.headers.get("if-match")', {"if-match"}),
        ('headers.get("Origin", "")', {"origin"}),
        ('caller.headers["x-a"]', {"x-a"}),
        ('headers["ETag"] = "1"', set()),
        ("request.channel", {"shop-channel"}),
        ("simulation.channel", set()),
        ("request.idempotent", {"idempotency-key"}),
        ("request.required_idempotency_key", {"idempotency-key"}),
        ("request.headers.get(ADMISSION_HEADER)", {"waiting-room-admission"}),
    ],
)
def test_headers_that_a_module_reads_are_found(source: str, names: set[str]) -> None:
    assert set(headers_in(ast.parse(source))) == names


def test_header_whose_name_is_no_literal_is_detected() -> None:
    with pytest.raises(ValueError, match="literal"):
        list(headers_in(ast.parse("request.headers.get(name)")))


@pytest.mark.parametrize(
    ("route", "names"),
    [
        ("POST /carts", {"idempotency-key", "shop-channel", "ucp-agent", "request-id"}),
        ("GET /catalog/products", {"if-none-match", "shop-channel", "ucp-agent", "request-id"}),
        ("PATCH /staff/products/{id}", {"if-match", "request-id"}),
        ("PUT /staff/shipping", {"if-match", "request-id"}),
        ("POST /staff/products", {"idempotency-key", "request-id"}),
        ("GET /status", {"request-id"}),
    ],
)
def test_headers_of_known_routes_are_listed(route: str, names: set[str]) -> None:
    (entry,) = (each for each in ENDPOINTS if each.route == route)
    assert declared(entry) == names


# ------------------------------------------------------------------------------ the gateway's own


def schemas_of(entry: Endpoint, status: int) -> list[Mapping[str, Any]]:
    """Return the schemas of a response, of all media types."""
    response = resolved(operation_of(entry)["responses"][str(status)])
    return [media["schema"] for media in response["content"].values()]


def accepts(schema: Mapping[str, Any], body: Any) -> bool:
    return validator(json.dumps(schema)).is_valid(body)


@pytest.mark.parametrize("entry", ENDPOINTS, ids=lambda entry: str(entry.module))
def test_own_answers_of_the_gateway_are_declared(entry: Endpoint) -> None:
    statuses = [429, 503]
    if entry.access in (Access.CUSTOMER, Access.STAFF):
        statuses.append(401)
    if entry.method != "GET":
        statuses.append(413)
    for status in statuses:
        body = {"message": "Too Many Requests"}
        schemas = schemas_of(entry, status)
        assert [accepts(schema, body) for schema in schemas].count(True) == 1, status
        headers = resolved(operation_of(entry)["responses"][str(status)])["headers"]
        assert not any(resolved(header)["required"] for header in headers.values())


def test_gateway_verifies_no_token_of_a_guest_route() -> None:
    for entry in ENDPOINTS:
        if entry.access in (Access.SHOPPER, Access.WEBHOOK):
            assert not any(accepts(each, {"message": "x"}) for each in schemas_of(entry, 401))


def test_gateway_has_no_own_403() -> None:
    # It returns one for a token without a required scope, and no route requires a scope.
    responses = DOCUMENT["components"]["responses"]
    for name in ("Problem403", "Ucp403", "JsonRpc403"):
        (media,) = responses[name]["content"].values()
        assert not accepts(media["schema"], {"message": "Forbidden"})
