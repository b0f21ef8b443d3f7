"""Agents at the deployed shop: found out about, negotiated with, sold to, and turned away."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from local.http_actors import HttpClient, HttpResponse
from tests.kit.agent import headers_for, message, modern
from tests.kit.platform import platform, profile
from tests.kit.products import checkout_body, lines, payment_body
from tests.kit.ucp_validator import assert_valid_ucp

pytestmark = pytest.mark.journey

Sell = Callable[..., dict[str, Any]]


class Agent:
    """An agent that knows the shop's address and finds out the rest."""

    def __init__(self, shop: HttpClient, profile_url: str | None = None) -> None:
        self.shop = shop
        found = assert_valid_ucp("profile", shop.get("/.well-known/ucp"))["ucp"]
        services = found["services"]["dev.ucp.shopping"]
        endpoint = next(s["endpoint"] for s in services if s["transport"] == "mcp")
        self.path = endpoint.removeprefix(shop.url)
        self.meta = {"ucp-agent": {"profile": profile_url}} if profile_url else {}

    def say(self, said: Any, **headers: str) -> HttpResponse:
        return self.shop.request(f"POST {self.path}", said, key="", headers=headers)

    def call(self, tool: str, keyed: str = "", **arguments: Any) -> HttpResponse:
        meta = {**self.meta, **({"idempotency-key": keyed} if keyed else {})}
        if meta:
            arguments["meta"] = meta
        said = modern("tools/call", {"name": tool, "arguments": arguments})
        return self.say(said, **headers_for(said))

    def use(self, kind: str, tool: str, keyed: str = "", **arguments: Any) -> Any:
        reply = self.call(tool, keyed, **arguments)
        assert reply.status == 200, reply.text
        result = assert_valid_ucp("mcp_result", reply.body)["result"]
        assert not result["isError"], reply.text
        return assert_valid_ucp(kind, result["structuredContent"])


def bought_by(agent: Agent, goods: dict[str, Any]) -> Any:
    """Buy two of something, by tools alone."""
    found = agent.use("catalog_product", "get_product", catalog={"id": goods["id"]})
    variant = found["product"]["variants"][0]["id"]
    cart = agent.use("cart", "create_cart", cart={"line_items": lines((variant, 2))})
    wish = {k: v for k, v in checkout_body().items() if k != "line_items"}
    checkout = agent.use("checkout", "create_checkout", checkout={**wish, "cart_id": cart["id"]})
    assert checkout["status"] == "ready_for_complete"
    paid = {"id": checkout["id"], "checkout": payment_body("tok_success")}
    key = str(uuid.uuid4())
    done = agent.use("checkout", "complete_checkout", key, **paid)
    assert done["status"] == "completed"
    assert agent.use("checkout", "complete_checkout", key, **paid) == done
    return agent.use("order", "get_order", id=done["order"]["id"])


def test_an_agent_finds_out_and_buys(guest: HttpClient, staff: HttpClient, sell: Sell) -> None:
    goods = sell(pieces=5)
    order = bought_by(Agent(guest), goods)
    assert order["line_items"][0]["quantity"]["total"] == 2
    assert staff.get(f"/staff/stock/{goods['sku']}")["available"] == 3


def test_an_agent_with_a_platform_negotiates_and_buys(guest: HttpClient, sell: Sell) -> None:
    with platform() as home:
        bought_by(Agent(guest, home.url), sell(pieces=5))
        assert home.requests >= 1


def test_both_eras_of_the_protocol_list_the_same_tools(guest: HttpClient) -> None:
    agent = Agent(guest)
    old = agent.say(message("initialize", {"protocolVersion": "2025-11-25"})).body["result"]
    assert old["protocolVersion"] == "2025-11-25"
    listed = agent.say(message("tools/list")).body["result"]["tools"]
    said = modern("tools/list")
    assert agent.say(said, **headers_for(said)).body["result"]["tools"] == listed
    assert len(listed) == 13
    assert guest.request(f"GET {agent.path}").status == 405


def test_a_platform_that_cannot_be_understood_is_told_why(guest: HttpClient) -> None:
    with platform() as home:
        home.publish(profile(["dev.ucp.shopping.order"]))
        reply = Agent(guest, home.url).call("get_cart", id="cart_x")
        said = assert_valid_ucp("error", reply.body["result"]["structuredContent"])
        assert said["messages"][0]["code"] == "capabilities_incompatible"
    with platform() as home:
        home.publish(profile(version="2026-01-23"))
        reply = Agent(guest, home.url).call("get_cart", id="cart_x")
        assert (reply.status, reply.body["error"]["code"]) == (422, -32001)
        direct = guest.request("GET /carts/cart_x", headers={"UCP-Agent": home.agent})
        assert (direct.status, direct.body["code"]) == (422, "version_unsupported")


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ('profile="http://169.254.169.254/latest/meta-data"', "invalid_profile_url"),
        ('profile="https://10.0.0.1/profile"', "invalid_profile_url"),
        ("profile", "invalid_profile_url"),
        ('profile="https://a.example/p", version="2026-01-11"', "version_unsupported"),
    ],
)
def test_profiles_that_are_no_strangers_business_are_not_fetched(
    guest: HttpClient, header: str, code: str
) -> None:
    reply = guest.request("GET /carts/cart_x", headers={"UCP-Agent": header})
    assert reply.status in (400, 422)
    assert reply.body["code"] == code


def test_a_foreign_page_cannot_use_the_tools(guest: HttpClient) -> None:
    reply = Agent(guest).say(message("tools/list"), Origin="https://evil.example")
    assert reply.status == 403


def test_a_forged_token_buys_nothing(guest: HttpClient) -> None:
    forger = Agent(HttpClient(guest.url, "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0."))
    reply = forger.call("create_cart", cart={"line_items": lines(("x", 1))})
    assert (reply.status, reply.body["error"]["code"]) == (401, -32000)


def test_a_customers_cart_is_not_there_for_another_agent(
    guest: HttpClient, jane: HttpClient, sell: Sell
) -> None:
    goods = sell(pieces=1)
    cart = Agent(jane).use("cart", "create_cart", cart={"line_items": lines((goods["variant"], 1))})
    assert Agent(jane).use("cart", "get_cart", id=cart["id"])["id"] == cart["id"]
    result = Agent(guest).call("get_cart", id=cart["id"]).body["result"]
    assert result["isError"]
    assert result["structuredContent"]["messages"][0]["code"] == "not_found"
