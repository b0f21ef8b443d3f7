"""GET /.well-known/ucp: what platforms and agents find out before anything else."""

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


def test_the_profile_is_one_by_package_and_schema() -> None:
    said = profile()
    assert said.status == 200
    assert_valid_ucp("profile", said.json)
    assert said.headers["Content-Type"] == "application/json"


def test_rest_and_mcp_are_offered_at_the_shops_url() -> None:
    services = profile().json["ucp"]["services"]["dev.ucp.shopping"]
    offered = {service["transport"]: service["endpoint"] for service in services}
    assert offered == {"rest": "http://shop.test", "mcp": "http://shop.test/mcp"}


def test_every_transport_that_is_offered_is_there() -> None:
    routes = {endpoint.route for endpoint in ENDPOINTS}
    assert {"POST /mcp", ROUTE} <= routes


def test_what_is_advertised_is_what_the_routes_speak_for() -> None:
    advertised = set(profile().json["ucp"]["capabilities"])
    roots = {name for name, capability in CAPABILITIES.items() if not capability.extends}
    spoken = {endpoint.capability for endpoint in ENDPOINTS if endpoint.capability}
    assert advertised == set(CAPABILITIES)
    assert spoken == roots


def test_an_extension_names_its_parent() -> None:
    (fulfillment,) = profile().json["ucp"]["capabilities"]["dev.ucp.shopping.fulfillment"]
    assert fulfillment["extends"] == "dev.ucp.shopping.checkout"


def test_every_schema_lies_where_its_name_comes_from() -> None:
    """A platform drops what is not: UCP, "Authority Binding"."""
    ucp = profile().json["ucp"]
    for registry in ("services", "capabilities", "payment_handlers"):
        for name, entries in ucp[registry].items():
            for entry in entries:
                assert "schema" not in entry or owns_namespace(name, entry["schema"]), (name, entry)
                assert entry.get("spec", "https://").startswith("https://"), (name, entry)


def test_the_sandbox_says_what_it_is_and_what_to_pay_with() -> None:
    (handler,) = profile().json["ucp"]["payment_handlers"]["dev.doorbuster.sandbox"]
    assert "no money" in handler["config"]["environment"]
    assert "tok_success" in handler["config"]["test_tokens"]
    assert handler["available_instruments"] == [{"type": "token"}]


def test_a_stage_that_takes_real_money_offers_no_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAYMENT_PROVIDER", "stripe")
    monkeypatch.setenv("PAYMENT_PUBLIC_KEY", "pk_live_1")
    try:
        real = importlib.reload(get_business_profile)
        said = call(real.handler, ROUTE).json
        assert_valid_ucp("profile", said)
        assert "sandbox" not in json.dumps(said)
        (handler,) = said["ucp"]["payment_handlers"]["dev.doorbuster.stripe"]
        assert handler["available_instruments"] == [{"type": "card"}]
        assert handler["config"]["publishable_key"] == "pk_live_1"
        assert handler["config"]["environment"] == "production"
    finally:
        monkeypatch.undo()
        importlib.reload(get_business_profile)


def test_no_key_is_published_that_nothing_is_signed_with() -> None:
    assert "keys" not in profile().json


def test_anybody_may_keep_it_for_a_while_and_ask_whether_it_changed() -> None:
    said = profile()
    directives = dict(
        part.strip().partition("=")[::2] for part in said.headers["Cache-Control"].split(",")
    )
    assert int(directives["max-age"]) >= 60
    assert "public" in directives
    assert not {"private", "no-store", "no-cache"} & set(directives)
    again = profile(**{"If-None-Match": said.headers["ETag"]})
    assert (again.status, again.text) == (304, "")


def test_it_is_small_and_always_the_same() -> None:
    assert len(profile().text) < 5 * 1024
    assert profile().text == profile().text


@pytest.mark.parametrize("agent", ['profile="https://nobody.invalid/p"', "rubbish", ""])
def test_discovery_asks_for_no_profile_in_return(agent: str) -> None:
    assert profile(**{"UCP-Agent": agent}).status == 200


def test_the_judge_would_see_a_profile_without_services() -> None:
    said: Any = profile().json
    del said["ucp"]["services"]
    assert ucp_problems("profile", said)
