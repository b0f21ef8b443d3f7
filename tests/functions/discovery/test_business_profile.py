"""GET /.well-known/ucp: the business profile for platforms and agents."""

import importlib
import json
from typing import Any

import pytest

from functions.all import FEATURES
from functions.discovery import get_business_profile
from functions.manifest import Endpoint
from shop.entrypoints.platform_profiles import owns_namespace
from shop.entrypoints.ucp import CAPABILITIES
from tests.kit.shop import ApiResponse, call
from tests.kit.ucp_validator import assert_valid_ucp, ucp_problems

ROUTE = "GET /.well-known/ucp"
ENDPOINTS = [f for feature in FEATURES for f in feature.functions if isinstance(f, Endpoint)]


def profile(**headers: str) -> ApiResponse:
    return call(get_business_profile.handler, ROUTE, headers=headers)


def test_the_profile_is_valid_by_ucp_package_and_schema() -> None:
    response = profile()
    assert response.status == 200
    assert_valid_ucp("profile", response.json)
    assert response.headers["Content-Type"] == "application/json"


def test_rest_and_mcp_are_offered_at_the_shops_url() -> None:
    services = profile().json["ucp"]["services"]["dev.ucp.shopping"]
    offered = {service["transport"]: service["endpoint"] for service in services}
    assert offered == {"rest": "http://shop.test", "mcp": "http://shop.test/mcp"}


def test_every_offered_transport_has_a_route() -> None:
    routes = {endpoint.route for endpoint in ENDPOINTS}
    assert {"POST /mcp", ROUTE} <= routes


def test_advertised_capabilities_match_the_routes() -> None:
    advertised = set(profile().json["ucp"]["capabilities"])
    roots = {name for name, capability in CAPABILITIES.items() if not capability.extends}
    served = {endpoint.capability for endpoint in ENDPOINTS if endpoint.capability}
    assert advertised == set(CAPABILITIES)
    assert served == roots


def test_an_extension_names_its_parent() -> None:
    (fulfillment,) = profile().json["ucp"]["capabilities"]["dev.ucp.shopping.fulfillment"]
    assert fulfillment["extends"] == "dev.ucp.shopping.checkout"


def test_every_schema_is_hosted_by_the_owner_of_its_namespace() -> None:
    """A platform drops other schemas: UCP, "Authority Binding"."""
    ucp = profile().json["ucp"]
    for registry in ("services", "capabilities", "payment_handlers"):
        for name, entries in ucp[registry].items():
            for entry in entries:
                assert "schema" not in entry or owns_namespace(name, entry["schema"]), (name, entry)
                assert entry.get("spec", "https://").startswith("https://"), (name, entry)


def test_the_sandbox_handler_states_its_environment_and_test_tokens() -> None:
    (handler,) = profile().json["ucp"]["payment_handlers"]["dev.doorbuster.sandbox"]
    assert "no money" in handler["config"]["environment"]
    assert "tok_success" in handler["config"]["test_tokens"]
    assert handler["available_instruments"] == [{"type": "token"}]


def test_a_stage_with_real_payments_offers_no_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAYMENT_PROVIDER", "stripe")
    monkeypatch.setenv("PAYMENT_PUBLIC_KEY", "pk_live_1")
    try:
        reloaded = importlib.reload(get_business_profile)
        published = call(reloaded.handler, ROUTE).json
        assert_valid_ucp("profile", published)
        assert "sandbox" not in json.dumps(published)
        (handler,) = published["ucp"]["payment_handlers"]["dev.doorbuster.stripe"]
        assert handler["available_instruments"] == [{"type": "card"}]
        assert handler["config"]["publishable_key"] == "pk_live_1"
        assert handler["config"]["environment"] == "production"
    finally:
        monkeypatch.undo()
        importlib.reload(get_business_profile)


def test_no_unused_signing_key_is_published() -> None:
    assert "keys" not in profile().json


def test_the_profile_is_publicly_cacheable_with_an_etag() -> None:
    response = profile()
    directives = dict(
        part.strip().partition("=")[::2] for part in response.headers["Cache-Control"].split(",")
    )
    assert int(directives["max-age"]) >= 60
    assert "public" in directives
    assert not {"private", "no-store", "no-cache"} & set(directives)
    again = profile(**{"If-None-Match": response.headers["ETag"]})
    assert (again.status, again.text) == (304, "")


def test_the_profile_is_small_and_deterministic() -> None:
    assert len(profile().text) < 5 * 1024
    assert profile().text == profile().text


@pytest.mark.parametrize("agent", ['profile="https://unknown.invalid/p"', "rubbish", ""])
def test_discovery_ignores_the_profile_of_the_platform(agent: str) -> None:
    assert profile(**{"UCP-Agent": agent}).status == 200


def test_the_ucp_validator_rejects_a_profile_without_services() -> None:
    invalid: Any = profile().json
    del invalid["ucp"]["services"]
    assert ucp_problems("profile", invalid)
