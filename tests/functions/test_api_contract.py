"""Every route answers a valid and an invalid request as docs/openapi.json declares."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from functions.manifest import Endpoint
from infra.openapi import openapi_path
from tests.kit.api_requests import prepared_shop, send, send_all
from tests.kit.http_api import ENDPOINTS
from tests.kit.openapi_contract import operation_of, problems_of, resolved
from tests.kit.shop import ApiResponse
from tests.kit.valid_request import ValidRequest

ROUTES: Mapping[str, Endpoint] = {
    f"{entry.method} {openapi_path(entry)}": entry for entry in ENDPOINTS
}


@dataclass(frozen=True)
class Answers:
    """The responses of each route."""

    valid: Mapping[str, list[ApiResponse]]
    invalid: Mapping[str, ApiResponse]


@pytest.fixture(scope="module")
def answers() -> Answers:
    """Send all requests once. Each invalid one follows the valid one from which it differs."""
    accepted: dict[str, list[ApiResponse]] = defaultdict(list)
    rejected: dict[str, ApiResponse] = {}
    with prepared_shop() as api:
        for request, response, values in send_all(api):
            accepted[request.route].append(response)
            if request.route not in rejected:
                rejected[request.route] = send(api, invalid(request), values)
    return Answers(dict(accepted), rejected)


def invalid(request: ValidRequest) -> ValidRequest:
    """Return the request without a required field, or with one that is unknown."""
    if isinstance(request.body, str):
        return replace(request, body=" ")
    if request.body is None:
        return replace(request, query={**request.query, "colour": "red"})
    required = _required_fields(ROUTES[request.route])
    if not required:
        return replace(request, body={**request.body, "colour": "red"})
    return replace(request, body={k: v for k, v in request.body.items() if k != required[0]})


def _required_fields(entry: Endpoint) -> list[str]:
    (media, *_) = operation_of(entry)["requestBody"]["content"].values()
    required: list[str] = resolved(media["schema"]).get("required", [])
    return required


def test_every_route_has_a_valid_request(answers: Answers) -> None:
    assert set(answers.valid) == set(ROUTES)


@pytest.mark.parametrize("route", ROUTES)
def test_valid_request_is_answered_as_declared(route: str, answers: Answers) -> None:
    entry = ROUTES[route]
    for response in answers.valid[route]:
        assert response.status == entry.status, response.text
        assert list(problems_of(entry, response)) == [], response.text


@pytest.mark.parametrize("route", ROUTES)
def test_invalid_request_is_answered_as_declared(route: str, answers: Answers) -> None:
    response = answers.invalid[route]
    assert response.status in (400, 404, 422), response.text
    assert list(problems_of(ROUTES[route], response)) == [], response.text


# ------------------------------------------------------------------- differences are detected

STATUS = ROUTES["GET /status"]
BODY = '{"status":"ok","stage":"test","release":"1","at":"2026-11-30T12:00:00Z"}'
HEADERS = {
    "Content-Type": "application/json",
    "Request-Id": "1",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}


def without(name: str) -> dict[str, str]:
    return {header: value for header, value in HEADERS.items() if header != name}


def test_response_without_a_difference_is_accepted() -> None:
    assert list(problems_of(STATUS, ApiResponse(200, HEADERS, BODY))) == []


@pytest.mark.parametrize(
    ("response", "problem"),
    [
        (ApiResponse(418, HEADERS, BODY), "status: 418 is not declared"),
        (ApiResponse(200, without("Request-Id"), BODY), "header: request-id is missing"),
        (ApiResponse(200, {**HEADERS, "Via": "1"}, BODY), "header: via is not declared"),
        (
            ApiResponse(200, {**HEADERS, "X-Content-Type-Options": "sniff"}, BODY),
            "header: x-content-type-options: 'nosniff' was expected",
        ),
        (
            ApiResponse(200, {**HEADERS, "Content-Type": "application/xml"}, BODY),
            "media type: application/xml instead of application/json",
        ),
        (
            ApiResponse(200, HEADERS, BODY.replace('"status":"ok",', "")),
            "body: $: 'status' is a required property",
        ),
        (
            ApiResponse(200, HEADERS, BODY.replace('"test"', "1")),
            "body: $.stage: 1 is not of type 'string'",
        ),
    ],
)
def test_difference_is_detected(response: ApiResponse, problem: str) -> None:
    assert list(problems_of(STATUS, response)) == [problem]


def test_body_of_an_empty_response_is_detected() -> None:
    webhook: Any = ROUTES["POST /webhooks/payments/sandbox"]
    (problem,) = problems_of(webhook, ApiResponse(202, HEADERS, "{}"))
    assert problem == "body: the response must be empty, but it is {}"
