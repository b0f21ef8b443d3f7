"""Negotiation with platforms: agreed capabilities, envelopes and errors."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from shop.entrypoints import ucp
from shop.entrypoints.http import Request, Response, endpoint
from shop.entrypoints.ucp import CAPABILITIES, Capability, intersection
from shop.kernel.errors import Conflict, InvalidRequest, NotFound
from tests.kit.platform import EVERYTHING, VERSION, Platform, profile
from tests.kit.shop import ApiResponse, call
from tests.kit.ucp_validator import assert_valid_ucp

CART = "dev.ucp.shopping.cart"
CHECKOUT = "dev.ucp.shopping.checkout"
ORDER = "dev.ucp.shopping.order"
FULFILLMENT = "dev.ucp.shopping.fulfillment"
DISCOUNT = "dev.ucp.shopping.discount"
LOYALTY = "dev.ucp.common.loyalty"
SPLIT_PAYMENTS = "dev.ucp.shopping.split_payments"


class EmptyBody(BaseModel):
    model_config = ConfigDict(extra="forbid")


def request(agent: str | None, capability: str = CART, function: Any = None) -> ApiResponse:
    """Send a request for a capability to a handler function; the default returns an id."""
    handler = endpoint(capability=capability)(function or (lambda request: {"id": "x"}))
    headers = {} if agent is None else {"UCP-Agent": agent}
    return call(handler, "GET /carts/{id}", headers=headers, id="x")


# -------------------------------------------------------------------------------------- envelope


def test_own_client_without_profile_gets_all_capabilities() -> None:
    envelope = request(None, CHECKOUT).json["ucp"]
    assert envelope["version"] == VERSION
    assert envelope["status"] == "success"
    assert set(envelope["capabilities"]) == {
        CHECKOUT,
        FULFILLMENT,
        DISCOUNT,
        LOYALTY,
        SPLIT_PAYMENTS,
    }


@pytest.mark.parametrize(
    ("capability", "names"),
    [
        (CART, {CART, DISCOUNT, LOYALTY}),
        (CHECKOUT, {CHECKOUT, FULFILLMENT, DISCOUNT, LOYALTY, SPLIT_PAYMENTS}),
        ("dev.ucp.shopping.order", {"dev.ucp.shopping.order"}),
        ("dev.ucp.shopping.catalog.search", {"dev.ucp.shopping.catalog.search"}),
        ("dev.ucp.shopping.catalog.lookup", {"dev.ucp.shopping.catalog.lookup"}),
    ],
)
def test_response_names_its_capability_and_extensions_only(
    agent: Platform, capability: str, names: set[str]
) -> None:
    assert set(request(agent.agent, capability).json["ucp"]["capabilities"]) == names


def test_unsupported_extension_is_not_named(agent: Platform) -> None:
    agent.publish(profile([CHECKOUT]))
    assert set(request(agent.agent, CHECKOUT).json["ucp"]["capabilities"]) == {CHECKOUT}


@pytest.mark.parametrize(
    ("capability", "supported", "members"),
    [
        (CHECKOUT, [CHECKOUT], set()),
        (CHECKOUT, [CHECKOUT, FULFILLMENT], {"fulfillment"}),
        (CHECKOUT, [CHECKOUT, DISCOUNT, LOYALTY], {"discounts", "loyalty"}),
        (CHECKOUT, None, {"fulfillment", "discounts", "loyalty"}),
        (ORDER, [ORDER], {"fulfillment", "discounts", "loyalty"}),
    ],
)
def test_response_omits_members_of_unsupported_extensions(
    agent: Platform, capability: str, supported: list[str] | None, members: set[str]
) -> None:
    def function(request: Request[None]) -> dict[str, Any]:
        return {"id": "x", "totals": [], "fulfillment": {}, "discounts": {}, "loyalty": {}}

    if supported is not None:
        agent.publish(profile(supported))
    payload = request(None if supported is None else agent.agent, capability, function).json
    assert set(payload) == {"ucp", "id", "totals", *members}


def test_handler_function_sees_the_negotiated_capabilities(agent: Platform) -> None:
    seen: list[Any] = []

    def function(request: Request[None]) -> dict[str, Any]:
        seen.append(
            (request.negotiated.supports(FULFILLMENT), request.negotiated.platform == agent.url)
        )
        return {}

    request(agent.agent, CHECKOUT, function)
    agent.publish(profile([CHECKOUT]))
    ucp._profiles.cache_clear()
    request(agent.agent, CHECKOUT, function)
    assert seen == [(True, True), (False, True)]


def test_payload_members_override_the_envelope() -> None:
    handlers = {"com.example.pay": [{"id": "p", "version": "2026-01-01"}]}
    response = request(None, CHECKOUT, lambda r: {"ucp": {"payment_handlers": handlers}, "id": "x"})
    assert response.json["ucp"]["payment_handlers"] == handlers
    assert set(response.json["ucp"]["capabilities"]) == {
        CHECKOUT,
        FULFILLMENT,
        DISCOUNT,
        LOYALTY,
        SPLIT_PAYMENTS,
    }


def test_business_error_has_status_200() -> None:
    response = request(None, CART, lambda r: Response({"ucp": {"status": "error"}}, 200))
    assert (response.status, response.json["ucp"]["status"]) == (200, "error")


# ------------------------------------------------------------------------------ failed discovery


def assert_discovery_failed(response: ApiResponse, status: int, code: str) -> None:
    """Check the body that UCP defines for failed discovery: code, content and continue_url."""
    assert (response.status, response.json["code"]) == (status, code), response.text
    assert set(response.json) == {"code", "content", "continue_url"}
    assert response.json["continue_url"] == "http://shop.test"
    assert response.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "https://a.example/p",
        "profile",
        "profile=https",
        "profile=1",
        'Profile="https://a.example/p"',
        'profile="https://a.example/p',
        'other="https://a.example/p"',
        'profile=("https://a.example/p")',
        'profile="http://a.example/p"',
        'profile="https://127.0.0.1:9/p", x=',
        'profile="https://10.0.0.1/p"',
        'profile="javascript:alert(1)"',
        'profile=""',
    ],
)
def test_header_without_valid_profile_url_is_rejected(header: str) -> None:
    assert_discovery_failed(request(header), 400, "invalid_profile_url")


def test_loopback_profile_is_rejected_in_production(
    agent: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAGE", "prod")
    assert_discovery_failed(request(agent.agent), 400, "invalid_profile_url")
    assert agent.requests == 0


def test_failing_platform_is_unreachable(agent: Platform) -> None:
    agent.status = 503
    assert_discovery_failed(request(agent.agent), 424, "profile_unreachable")


def test_document_that_is_no_profile_is_malformed(agent: Platform) -> None:
    agent.publish({"hello": "world"})
    assert_discovery_failed(request(agent.agent), 422, "profile_malformed")


@pytest.mark.parametrize("version", ["2026-01-23", "2027-01-01"])
def test_other_version_is_unsupported(agent: Platform, version: str) -> None:
    agent.publish(profile(version=version))
    response = request(agent.agent)
    assert_discovery_failed(response, 422, "version_unsupported")
    assert version in response.json["content"]
    assert VERSION in response.json["content"]


@pytest.mark.parametrize("form", ['profile="{}", version="2026-01-11"', 'profile="{}";version=1'])
def test_unsupported_version_in_the_header_prevents_the_fetch(agent: Platform, form: str) -> None:
    assert_discovery_failed(request(form.format(agent.url)), 422, "version_unsupported")
    assert agent.requests == 0


def test_supported_version_in_the_header_is_accepted(agent: Platform) -> None:
    assert request(f'profile="{agent.url}"; version="{VERSION}"').status == 200


@pytest.mark.parametrize("capabilities", [[], [CHECKOUT], ["com.example.unknown"]])
def test_incompatible_capabilities_are_a_business_error(
    agent: Platform, capabilities: list[str]
) -> None:
    agent.publish(profile(capabilities))
    response = request(agent.agent)
    assert_valid_ucp("error", response.json)
    assert response.status == 200
    assert response.json["messages"][0]["code"] == "capabilities_incompatible"
    assert response.json["messages"][0]["severity"] == "unrecoverable"
    assert response.json["ucp"]["capabilities"] == {}
    assert response.json["continue_url"] == "http://shop.test"


def test_capability_with_foreign_schema_does_not_count(agent: Platform) -> None:
    document = profile()
    document["ucp"]["capabilities"][CART][0]["schema"] = "https://evil.example/cart.json"
    agent.publish(document)
    assert request(agent.agent).json["messages"][0]["code"] == "capabilities_incompatible"


def test_version_is_checked_before_the_body(agent: Platform) -> None:
    """An older platform gets version_unsupported, not problems with fields of its release."""
    agent.publish(profile(version="2026-01-23"))
    handler = endpoint(EmptyBody, capability=CART)(lambda request: {})
    response = call(handler, "POST /carts", {"old": "field"}, headers=agent.as_agent)
    assert_discovery_failed(response, 422, "version_unsupported")


# ---------------------------------------------------------------------------------------- errors


def raising(error: Exception) -> Any:
    def function(request: Request[None]) -> Any:
        raise error

    return function


def test_domain_error_is_a_ucp_error_response(agent: Platform) -> None:
    function = raising(
        InvalidRequest("too many", code="quantity_invalid", path="$.line_items[0].quantity")
    )
    response = request(agent.agent, CART, function)
    assert_valid_ucp("error", response.json)
    assert response.status == 400
    assert response.json["messages"] == [
        {
            "type": "error",
            "code": "quantity_invalid",
            "path": "$.line_items[0].quantity",
            "content": "too many",
            "severity": "recoverable",
        }
    ]
    assert set(response.json["ucp"]["capabilities"]) == {CART, DISCOUNT, LOYALTY}


def test_not_found_is_unrecoverable() -> None:
    response = request(None, CART, raising(NotFound("no such cart")))
    assert_valid_ucp("error", response.json)
    assert response.status == 404
    assert response.json["messages"][0]["severity"] == "unrecoverable"


def test_conflict_has_status_409() -> None:
    response = request(None, CART, raising(Conflict("no")))
    assert (response.status, assert_valid_ucp("error", response.json)["messages"][0]["code"]) == (
        409,
        "conflict",
    )


def test_fault_is_a_ucp_error_response_without_details() -> None:
    response = request(None, CART, raising(ZeroDivisionError("secret jane@example.com")))
    assert_valid_ucp("error", response.json)
    assert response.status == 500
    assert "secret" not in response.text


# ---------------------------------------------------------------------------------- intersection


def test_intersection_with_all_capabilities_is_complete() -> None:
    theirs = {name: {VERSION} for name in EVERYTHING}
    assert intersection(CAPABILITIES, theirs) == dict.fromkeys(EVERYTHING, VERSION)
    assert set(CAPABILITIES) == set(EVERYTHING)


def test_extensions_without_parents_are_removed_transitively() -> None:
    ours = {
        "a": Capability("", "", ()),
        "b": Capability("", "", ("a", "x")),
        "c": Capability("", "", ("b",)),
        "x": Capability("", "", ()),
    }
    both = {name: {VERSION} for name in "abcx"}
    assert set(intersection(ours, both)) == set("abcx")
    assert set(intersection(ours, {n: v for n, v in both.items() if n != "a"})) == set("bcx")
    assert set(intersection(ours, {n: v for n, v in both.items() if n in "bc"})) == set()


names = st.sampled_from("abcdef")
versions = st.frozensets(st.sampled_from(["2026-01-01", "2026-02-01", "2026-03-01"]), max_size=3)


@given(
    st.dictionaries(
        names,
        st.builds(
            lambda v, e: Capability("", "", tuple(e), v),
            versions,
            st.frozensets(names, max_size=2),
        ),
    ),
    st.dictionaries(names, versions),
)
def test_intersection_has_common_versions_and_no_orphans(
    ours: dict[str, Capability], theirs: dict[str, frozenset[str]]
) -> None:
    agreed = intersection(ours, theirs)
    for name, version in agreed.items():
        common = ours[name].versions & theirs[name]
        assert version == max(common)
        assert not ours[name].extends or set(ours[name].extends) & set(agreed)
    for name in set(ours) - set(agreed):
        has_version = bool(ours[name].versions & theirs.get(name, frozenset()))
        assert not has_version or not set(ours[name].extends) & set(agreed)


# ------------------------------------------------------------------ hashes and idempotency keys


def test_payload_hash_separates_method_path_and_body() -> None:
    hashes = {
        ucp.payload_hash("POST", "/carts", b"{}"),
        ucp.payload_hash("PUT", "/carts", b"{}"),
        ucp.payload_hash("POST", "/carts/1", b"{}"),
        ucp.payload_hash("POST", "/carts", b"{} "),
        ucp.payload_hash("POST", "/carts\n", b"{}"),
        ucp.payload_hash("POST", "/cart", b"s{}"),
        ucp.payload_hash("POST", "/carts", b""),
    }
    assert len(hashes) == 7
    assert ucp.payload_hash("POST", "/carts", b"{}") in hashes


def test_equal_json_in_other_bytes_has_another_hash() -> None:
    """UCP compares raw bytes, so a platform that formats its JSON differently needs a new key."""
    one, other = json.dumps({"a": 1}), json.dumps({"a": 1}, indent=1)
    assert ucp.payload_hash("POST", "/x", one.encode()) != ucp.payload_hash(
        "POST", "/x", other.encode()
    )


STRONG_KEY = "550e8400-e29b-41d4-a716-446655440000"


def stored_key(
    key: str, *, method: str = "POST", path: str = "/carts", platform: str = "", ip: str | None
) -> str:
    return ucp.scoped_key(key, method, path, platform, ip)


def test_weak_key_of_a_guest_is_bound_to_the_address() -> None:
    assert stored_key("1", ip="192.0.2.1") != stored_key("1", ip="192.0.2.2")
    assert stored_key("1", ip="192.0.2.1") == stored_key("1", ip="192.0.2.1")


def test_strong_key_of_a_guest_is_valid_from_any_address() -> None:
    assert stored_key(STRONG_KEY, ip="192.0.2.1") == stored_key(STRONG_KEY, ip="192.0.2.2")


def test_key_of_a_customer_is_independent_of_the_address() -> None:
    assert stored_key("1", ip=None) == stored_key("1", ip=None)


def test_key_is_scoped_to_route_method_and_platform() -> None:
    assert (
        len(
            {
                stored_key(STRONG_KEY, ip=None),
                stored_key(STRONG_KEY, path="/carts/x/cancel", ip=None),
                stored_key(STRONG_KEY, method="PUT", ip=None),
                stored_key(STRONG_KEY, platform="https://a.example", ip=None),
            }
        )
        == 4
    )


def test_request_uses_its_scoped_key(agent: Platform) -> None:
    requests: list[Any] = []

    def function(request: Request[None]) -> dict[str, Any]:
        requests.append(request.idempotent)
        return {}

    handler = endpoint(capability=CART)(function)
    for headers in ({}, agent.as_agent, {}):
        call(handler, "POST /carts", key=STRONG_KEY, headers=headers)
    assert requests[0].key == requests[2].key != requests[1].key
    assert requests[0].owner == "guest"
    assert requests[0].payload_hash == requests[1].payload_hash
