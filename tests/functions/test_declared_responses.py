"""Every route answers as docs/openapi.json declares, and rejects undeclared parameters."""

import os
import re
from collections.abc import Mapping
from importlib import import_module
from typing import Any
from unittest.mock import patch

import pytest

from functions.all import FEATURES
from functions.manifest import Access, Endpoint
from tests.kit.openapi_contract import problems_of
from tests.kit.order_fixtures import put_secrets, signed_in
from tests.kit.platform import platform, profile
from tests.kit.shop import ENVIRONMENT, ApiResponse, call
from tests.kit.ucp_validator import assert_valid_ucp

ENDPOINTS = [
    entry for feature in FEATURES for entry in feature.functions if isinstance(entry, Endpoint)
]


@pytest.fixture(autouse=True)
def _signing_secrets(cloud: None) -> None:
    put_secrets()


def request(
    entry: Endpoint,
    query: str,
    *,
    signed: bool = True,
    headers: Mapping[str, str] | None = None,
) -> ApiResponse:
    """Send a request with this query and without a body, as a caller with the entry's access."""
    settings = {
        "ACCESS": entry.access.value,
        "ACCESS_GROUPS": ",".join(entry.groups),
        "SECRET_STRIPE_WEBHOOK": "stripe-webhook",
        **{f"FUNCTION_{m.replace('.', '_').upper()}": m for m in entry.invokes},
    }
    groups = entry.groups[:1]
    needs_token = entry.access in (Access.STAFF, Access.CUSTOMER)
    claims = signed_in("wanda", *groups) if needs_token and signed else None
    names: Any = dict.fromkeys(re.findall(r"\{(\w+)", entry.route), "x")
    with patch.dict(os.environ, {**ENVIRONMENT, **settings}):
        module = import_module(f"functions.{entry.module}")
        return call(
            module.handler, entry.route, claims=claims, query=query, headers=headers, **names
        )


@pytest.mark.parametrize("entry", ENDPOINTS, ids=lambda entry: str(entry.module))
def test_unknown_parameter_is_rejected_in_the_shape_of_the_route(entry: Endpoint) -> None:
    response = request(entry, "colour=red")
    assert response.status == 400, response.text
    body = response.json
    if "error" in body:  # JSON-RPC
        assert body["error"]["data"] == {"code": "unknown_field"}
        assert "'colour'" in body["error"]["message"]
    elif entry.capability:  # paths of UCP are JSONPaths into the body
        (message,) = body["messages"]
        assert (message["code"], message.get("path")) == ("unknown_field", None)
        assert "'colour'" in message["content"]
    else:
        assert response.headers["Content-Type"] == "application/problem+json"
        (error,) = body["errors"]
        assert (error["code"], error["path"]) == ("unknown_field", "colour")
        assert "'colour'" in error["detail"]


def assert_declared(entry: Endpoint, response: ApiResponse) -> None:
    """Compare a response with docs/openapi.json, and a UCP error also with UCP's package."""
    assert list(problems_of(entry, response)) == [], response.text
    if entry.capability and response.status >= 400:
        assert_valid_ucp("error", response.json)


@pytest.mark.parametrize("entry", ENDPOINTS, ids=lambda entry: str(entry.module))
def test_rejected_request_is_answered_as_declared(entry: Endpoint) -> None:
    assert_declared(entry, request(entry, "colour=red"))


@pytest.mark.parametrize(
    "entry",
    [each for each in ENDPOINTS if each.access in (Access.STAFF, Access.CUSTOMER)],
    ids=lambda entry: str(entry.module),
)
def test_request_without_a_token_is_answered_as_declared(entry: Endpoint) -> None:
    response = request(entry, "", signed=False)
    assert response.status == 401
    assert_declared(entry, response)


@pytest.mark.parametrize(
    "entry",
    [each for each in ENDPOINTS if each.request and not each.bodiless],
    ids=lambda entry: str(entry.module),
)
def test_request_without_a_body_is_answered_as_declared(entry: Endpoint) -> None:
    response = request(entry, "")
    assert 400 <= response.status < 500
    assert_declared(entry, response)


@pytest.mark.parametrize(
    "entry",
    [each for each in ENDPOINTS if each.method == "GET" and each.response],
    ids=lambda entry: str(entry.module),
)
def test_read_of_an_empty_shop_is_answered_as_declared(entry: Endpoint) -> None:
    query = "&".join(f"{each.name}={each.example or 1}" for each in entry.query if each.required)
    response = request(entry, query)
    assert response.status in (200, 404), response.text
    assert_declared(entry, response)


@pytest.mark.parametrize(
    "entry",
    [each for each in ENDPOINTS if each.capability],
    ids=lambda entry: str(entry.module),
)
def test_platform_without_the_capability_is_answered_as_declared(entry: Endpoint) -> None:
    with platform() as agent:
        agent.publish(profile(["com.example.unknown"]))
        response = request(entry, "", headers=agent.as_agent)
    assert response.json["messages"][0]["code"] == "capabilities_incompatible"
    assert response.status == 200
    assert list(problems_of(entry, response)) == [], response.text
    assert_valid_ucp("error", response.json)


@pytest.mark.parametrize(
    "entry",
    [each for each in ENDPOINTS if each.query and each.access is Access.STAFF],
    ids=lambda entry: str(entry.module),
)
def test_declared_parameters_are_accepted(entry: Endpoint) -> None:
    query = "&".join(f"{parameter.name}={parameter.example or 1}" for parameter in entry.query)
    assert "unknown_field" not in request(entry, query).text
    twice = request(entry, f"{query}&{query}")
    assert (twice.status, {each["code"] for each in twice.json["errors"]}) == (400, {"duplicate"})
