"""Every route rejects a query parameter that its manifest entry does not declare."""

import os
from importlib import import_module
from typing import Any
from unittest.mock import patch

import pytest

from functions.all import FEATURES
from functions.manifest import Access, Endpoint
from tests.kit.order_fixtures import signed_in
from tests.kit.shop import ENVIRONMENT, ApiResponse, call

ENDPOINTS = [
    entry for feature in FEATURES for entry in feature.functions if isinstance(entry, Endpoint)
]

pytestmark = pytest.mark.usefixtures("cloud")


def request(entry: Endpoint, query: str) -> ApiResponse:
    """Send a request with this query and without a body, as a caller with the entry's access."""
    settings = {
        "ACCESS": entry.access.value,
        "ACCESS_GROUPS": ",".join(entry.groups),
        "SECRET_STRIPE_WEBHOOK": "stripe",
        **{f"FUNCTION_{m.replace('.', '_').upper()}": m for m in entry.invokes},
    }
    groups = entry.groups[:1]
    claims = (
        signed_in("wanda", *groups) if entry.access in (Access.STAFF, Access.CUSTOMER) else None
    )
    ids = ("id", "sku", "name", "country", "carrier", "code", "switch", "reference")
    path = dict.fromkeys(ids, "x")
    names: Any = {name: value for name, value in path.items() if f"{{{name}" in entry.route}
    with patch.dict(os.environ, {**ENVIRONMENT, **settings}):
        module = import_module(f"functions.{entry.module}")
        return call(module.handler, entry.route, claims=claims, query=query, **names)


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
