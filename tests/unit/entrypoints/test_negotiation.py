"""What shop and platform agree on, and what is said when they do not."""

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


class Nothing(BaseModel):
    model_config = ConfigDict(extra="forbid")


def asked(agent: str | None, capability: str = CART, door: Any = None) -> ApiResponse:
    """A request for a capability, through a door that just answers."""
    handler = endpoint(capability=capability)(door or (lambda request: {"id": "x"}))
    headers = {} if agent is None else {"UCP-Agent": agent}
    return call(handler, "GET /carts/{id}", headers=headers, id="x")


# ---------------------------------------------------------------------------------- the envelope


def test_our_own_clients_name_no_profile_and_get_everything() -> None:
    envelope = asked(None, CHECKOUT).json["ucp"]
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
    ("capability", "named"),
    [
        (CART, {CART, DISCOUNT, LOYALTY}),
        (CHECKOUT, {CHECKOUT, FULFILLMENT, DISCOUNT, LOYALTY, SPLIT_PAYMENTS}),
        ("dev.ucp.shopping.order", {"dev.ucp.shopping.order"}),
        ("dev.ucp.shopping.catalog.search", {"dev.ucp.shopping.catalog.search"}),
        ("dev.ucp.shopping.catalog.lookup", {"dev.ucp.shopping.catalog.lookup"}),
    ],
)
def test_an_answer_names_only_what_it_is_about(
    agent: Platform, capability: str, named: set[str]
) -> None:
    assert set(asked(agent.agent, capability).json["ucp"]["capabilities"]) == named


def test_an_extension_that_the_platform_does_not_know_is_not_named(agent: Platform) -> None:
    agent.publish(profile([CHECKOUT]))
    assert set(asked(agent.agent, CHECKOUT).json["ucp"]["capabilities"]) == {CHECKOUT}


@pytest.mark.parametrize(
    ("capability", "understood", "told"),
    [
        (CHECKOUT, [CHECKOUT], set()),
        (CHECKOUT, [CHECKOUT, FULFILLMENT], {"fulfillment"}),
        (CHECKOUT, [CHECKOUT, DISCOUNT, LOYALTY], {"discounts", "loyalty"}),
        (CHECKOUT, None, {"fulfillment", "discounts", "loyalty"}),
        (ORDER, [ORDER], {"fulfillment", "discounts", "loyalty"}),
    ],
)
def test_an_answer_holds_nothing_of_an_extension_that_the_platform_does_not_know(
    agent: Platform, capability: str, understood: list[str] | None, told: set[str]
) -> None:
    def door(request: Request[None]) -> dict[str, Any]:
        return {"id": "x", "totals": [], "fulfillment": {}, "discounts": {}, "loyalty": {}}

    if understood is not None:
        agent.publish(profile(understood))
    said = asked(None if understood is None else agent.agent, capability, door).json
    assert set(said) == {"ucp", "id", "totals", *told}


def test_a_door_can_ask_what_the_platform_understands(agent: Platform) -> None:
    heard: list[Any] = []

    def door(request: Request[None]) -> dict[str, Any]:
        heard.append(
            (request.negotiated.supports(FULFILLMENT), request.negotiated.platform == agent.url)
        )
        return {}

    asked(agent.agent, CHECKOUT, door)
    agent.publish(profile([CHECKOUT]))
    ucp._profiles.cache_clear()
    asked(agent.agent, CHECKOUT, door)
    assert heard == [(True, True), (False, True)]


def test_a_payload_lays_its_own_members_over_the_envelope() -> None:
    handlers = {"com.example.pay": [{"id": "p", "version": "2026-01-01"}]}
    said = asked(None, CHECKOUT, lambda r: {"ucp": {"payment_handlers": handlers}, "id": "x"})
    assert said.json["ucp"]["payment_handlers"] == handlers
    assert set(said.json["ucp"]["capabilities"]) == {
        CHECKOUT,
        FULFILLMENT,
        DISCOUNT,
        LOYALTY,
        SPLIT_PAYMENTS,
    }


def test_an_outcome_that_is_an_error_says_so_with_200() -> None:
    said = asked(None, CART, lambda r: Response({"ucp": {"status": "error"}}, 200))
    assert (said.status, said.json["ucp"]["status"]) == (200, "error")


# --------------------------------------------------------------------------- failures to negotiate


def failed(said: ApiResponse, status: int, code: str) -> None:
    """The shape UCP gives to failed discovery: code, content and where the buyer goes on."""
    assert (said.status, said.json["code"]) == (status, code), said.text
    assert set(said.json) == {"code", "content", "continue_url"}
    assert said.json["continue_url"] == "http://shop.test"
    assert said.headers["Content-Type"] == "application/json"


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
def test_a_header_that_names_no_profile_is_refused(header: str) -> None:
    failed(asked(header), 400, "invalid_profile_url")


def test_in_production_no_profile_lies_on_this_machine(
    agent: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAGE", "prod")
    failed(asked(agent.agent), 400, "invalid_profile_url")
    assert agent.requests == 0


def test_a_platform_that_is_away_is_unreachable(agent: Platform) -> None:
    agent.status = 503
    failed(asked(agent.agent), 424, "profile_unreachable")


def test_a_profile_that_is_none_is_malformed(agent: Platform) -> None:
    agent.publish({"hello": "world"})
    failed(asked(agent.agent), 422, "profile_malformed")


@pytest.mark.parametrize("version", ["2026-01-23", "2027-01-01"])
def test_another_version_is_not_supported(agent: Platform, version: str) -> None:
    agent.publish(profile(version=version))
    said = asked(agent.agent)
    failed(said, 422, "version_unsupported")
    assert version in said.json["content"]
    assert VERSION in said.json["content"]


@pytest.mark.parametrize("form", ['profile="{}", version="2026-01-11"', 'profile="{}";version=1'])
def test_a_version_in_the_header_counts_too(agent: Platform, form: str) -> None:
    failed(asked(form.format(agent.url)), 422, "version_unsupported")
    assert agent.requests == 0


def test_our_version_in_the_header_is_fine(agent: Platform) -> None:
    assert asked(f'profile="{agent.url}"; version="{VERSION}"').status == 200


@pytest.mark.parametrize("capabilities", [[], [CHECKOUT], ["com.example.unknown"]])
def test_capabilities_that_do_not_meet_are_an_outcome(
    agent: Platform, capabilities: list[str]
) -> None:
    agent.publish(profile(capabilities))
    said = asked(agent.agent)
    assert_valid_ucp("error", said.json)
    assert said.status == 200
    assert said.json["messages"][0]["code"] == "capabilities_incompatible"
    assert said.json["messages"][0]["severity"] == "unrecoverable"
    assert said.json["ucp"]["capabilities"] == {}
    assert said.json["continue_url"] == "http://shop.test"


def test_a_capability_whose_schema_is_somebody_elses_does_not_count(agent: Platform) -> None:
    document = profile()
    document["ucp"]["capabilities"][CART][0]["schema"] = "https://evil.example/cart.json"
    agent.publish(document)
    assert asked(agent.agent).json["messages"][0]["code"] == "capabilities_incompatible"


def test_the_platform_is_understood_before_the_body_is(agent: Platform) -> None:
    """An older platform hears about its version, not about fields it cannot know of."""
    agent.publish(profile(version="2026-01-23"))
    handler = endpoint(Nothing, capability=CART)(lambda request: {})
    said = call(handler, "POST /carts", {"old": "field"}, headers=agent.as_agent)
    failed(said, 422, "version_unsupported")


# -------------------------------------------------------------------------------------- refusals


def raising(refusal: Exception) -> Any:
    def door(request: Request[None]) -> Any:
        raise refusal

    return door


def test_a_refusal_is_a_ucp_error_response(agent: Platform) -> None:
    door = raising(
        InvalidRequest("too many", code="quantity_invalid", path="$.line_items[0].quantity")
    )
    said = asked(agent.agent, CART, door)
    assert_valid_ucp("error", said.json)
    assert said.status == 400
    assert said.json["messages"] == [
        {
            "type": "error",
            "code": "quantity_invalid",
            "path": "$.line_items[0].quantity",
            "content": "too many",
            "severity": "recoverable",
        }
    ]
    assert set(said.json["ucp"]["capabilities"]) == {CART, DISCOUNT, LOYALTY}


def test_what_is_not_there_is_unrecoverable() -> None:
    said = asked(None, CART, raising(NotFound("no such cart")))
    assert_valid_ucp("error", said.json)
    assert said.status == 404
    assert said.json["messages"][0]["severity"] == "unrecoverable"


def test_a_conflict_has_its_status() -> None:
    said = asked(None, CART, raising(Conflict("no")))
    assert (said.status, assert_valid_ucp("error", said.json)["messages"][0]["code"]) == (
        409,
        "conflict",
    )


def test_a_fault_is_a_ucp_error_response_that_tells_nothing() -> None:
    said = asked(None, CART, raising(ZeroDivisionError("secret jane@example.com")))
    assert_valid_ucp("error", said.json)
    assert said.status == 500
    assert "secret" not in said.text


# ---------------------------------------------------------------------------------- intersection


def test_everything_meets_everything() -> None:
    theirs = {name: {VERSION} for name in EVERYTHING}
    assert intersection(CAPABILITIES, theirs) == dict.fromkeys(EVERYTHING, VERSION)
    assert set(CAPABILITIES) == set(EVERYTHING)


def test_an_extension_goes_with_its_last_parent_and_chains_go_together() -> None:
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
def test_what_is_agreed_is_what_both_name_with_its_parents(
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


# ------------------------------------------------------------------------------------ fingerprint


def test_a_fingerprint_knows_method_path_and_body_apart() -> None:
    prints = {
        ucp.payload_hash("POST", "/carts", b"{}"),
        ucp.payload_hash("PUT", "/carts", b"{}"),
        ucp.payload_hash("POST", "/carts/1", b"{}"),
        ucp.payload_hash("POST", "/carts", b"{} "),
        ucp.payload_hash("POST", "/carts\n", b"{}"),
        ucp.payload_hash("POST", "/cart", b"s{}"),
        ucp.payload_hash("POST", "/carts", b""),
    }
    assert len(prints) == 7
    assert ucp.payload_hash("POST", "/carts", b"{}") in prints


def test_the_same_body_in_other_words_is_another_request() -> None:
    """UCP compares raw bytes, so a platform that writes its JSON anew takes a new key."""
    one, other = json.dumps({"a": 1}), json.dumps({"a": 1}, indent=1)
    assert ucp.payload_hash("POST", "/x", one.encode()) != ucp.payload_hash(
        "POST", "/x", other.encode()
    )


STRONG = "550e8400-e29b-41d4-a716-446655440000"


def kept(
    key: str, *, method: str = "POST", path: str = "/carts", platform: str = "", ip: str | None
) -> str:
    return ucp.scoped_key(key, method, path, platform, ip)


def test_a_guests_guessable_key_is_nobody_elses() -> None:
    assert kept("1", ip="192.0.2.1") != kept("1", ip="192.0.2.2")
    assert kept("1", ip="192.0.2.1") == kept("1", ip="192.0.2.1")


def test_a_strong_key_may_be_retried_from_another_network() -> None:
    assert kept(STRONG, ip="192.0.2.1") == kept(STRONG, ip="192.0.2.2")


def test_a_customers_keys_are_their_own_wherever_they_are() -> None:
    assert kept("1", ip=None) == kept("1", ip=None)


def test_the_same_key_on_another_route_or_platform_is_another_key() -> None:
    assert (
        len(
            {
                kept(STRONG, ip=None),
                kept(STRONG, path="/carts/x/cancel", ip=None),
                kept(STRONG, method="PUT", ip=None),
                kept(STRONG, platform="https://a.example", ip=None),
            }
        )
        == 4
    )


def test_a_request_asks_under_its_scoped_key(agent: Platform) -> None:
    asks: list[Any] = []

    def door(request: Request[None]) -> dict[str, Any]:
        asks.append(request.idempotent)
        return {}

    handler = endpoint(capability=CART)(door)
    for headers in ({}, agent.as_agent, {}):
        call(handler, "POST /carts", key=STRONG, headers=headers)
    assert asks[0].key == asks[2].key != asks[1].key
    assert asks[0].owner == "guest"
    assert asks[0].payload_hash == asks[1].payload_hash
