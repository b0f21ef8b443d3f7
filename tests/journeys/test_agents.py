"""Agents at the deployed shop: discovery, negotiation, purchase and rejection."""

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
    """An agent that knows only the shop's address and discovers the rest."""

    def __init__(self, shop: HttpClient, profile_url: str | None = None) -> None:
        self.shop = shop
        profile = assert_valid_ucp("profile", shop.get("/.well-known/ucp"))["ucp"]
        services = profile["services"]["dev.ucp.shopping"]
        endpoint = next(s["endpoint"] for s in services if s["transport"] == "mcp")
        self.path = endpoint.removeprefix(shop.url)
        self.meta = {"ucp-agent": {"profile": profile_url}} if profile_url else {}

    def send(self, body: Any, **headers: str) -> HttpResponse:
        return self.shop.request(f"POST {self.path}", body, key="", headers=headers)

    def call(self, tool: str, key: str = "", **arguments: Any) -> HttpResponse:
        meta = {**self.meta, **({"idempotency-key": key} if key else {})}
        if meta:
            arguments["meta"] = meta
        request = modern("tools/call", {"name": tool, "arguments": arguments})
        return self.send(request, **headers_for(request))

    def use(self, kind: str, tool: str, key: str = "", **arguments: Any) -> Any:
        """Call a tool that must succeed; return its result, valid as this kind of response."""
        reply = self.call(tool, key, **arguments)
        assert reply.status == 200, reply.text
        result = assert_valid_ucp("mcp_result", reply.body)["result"]
        assert not result["isError"], reply.text
        return assert_valid_ucp(kind, result["structuredContent"])


def buy_with(agent: Agent, goods: dict[str, Any]) -> Any:
    """Buy two pieces with tools only; return the order."""
    found = agent.use("catalog_product", "get_product", catalog={"id": goods["id"]})
    variant = found["product"]["variants"][0]["id"]
    cart = agent.use("cart", "create_cart", cart={"line_items": lines((variant, 2))})
    fields = {name: v for name, v in checkout_body().items() if name != "line_items"}
    checkout = agent.use("checkout", "create_checkout", checkout={**fields, "cart_id": cart["id"]})
    assert checkout["status"] == "ready_for_complete"
    payment = {"id": checkout["id"], "checkout": payment_body("tok_success")}
    key = str(uuid.uuid4())
    done = agent.use("checkout", "complete_checkout", key, **payment)
    assert done["status"] == "completed"
    assert agent.use("checkout", "complete_checkout", key, **payment) == done
    return agent.use("order", "get_order", id=done["order"]["id"])


def test_agent_discovers_the_shop_and_buys(
    guest: HttpClient, staff: HttpClient, sell: Sell
) -> None:
    goods = sell(pieces=5)
    order = buy_with(Agent(guest), goods)
    assert order["line_items"][0]["quantity"]["total"] == 2
    assert staff.get(f"/staff/stock/{goods['sku']}")["available"] == 3


def test_agent_with_a_platform_profile_negotiates_and_buys(guest: HttpClient, sell: Sell) -> None:
    with platform() as host:
        buy_with(Agent(guest, host.url), sell(pieces=5))
        assert host.requests >= 1


def test_both_protocol_versions_list_the_same_tools(guest: HttpClient) -> None:
    agent = Agent(guest)
    old = agent.send(message("initialize", {"protocolVersion": "2025-11-25"})).body["result"]
    assert old["protocolVersion"] == "2025-11-25"
    listed = agent.send(message("tools/list")).body["result"]["tools"]
    request = modern("tools/list")
    assert agent.send(request, **headers_for(request)).body["result"]["tools"] == listed
    assert len(listed) == 13
    assert guest.request(f"GET {agent.path}").status == 405


def test_incompatible_platform_receives_the_reason(guest: HttpClient) -> None:
    with platform() as host:
        host.publish(profile(["dev.ucp.shopping.order"]))
        reply = Agent(guest, host.url).call("get_cart", id="cart_x")
        error = assert_valid_ucp("error", reply.body["result"]["structuredContent"])
        assert error["messages"][0]["code"] == "capabilities_incompatible"
    with platform() as host:
        host.publish(profile(version="2026-01-23"))
        reply = Agent(guest, host.url).call("get_cart", id="cart_x")
        assert (reply.status, reply.body["error"]["code"]) == (422, -32001)
        direct = guest.request("GET /carts/cart_x", headers={"UCP-Agent": host.agent})
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
def test_private_and_invalid_profile_addresses_are_not_fetched(
    guest: HttpClient, header: str, code: str
) -> None:
    reply = guest.request("GET /carts/cart_x", headers={"UCP-Agent": header})
    assert reply.status in (400, 422)
    assert reply.body["code"] == code


def test_page_of_another_origin_cannot_use_the_tools(guest: HttpClient) -> None:
    reply = Agent(guest).send(message("tools/list"), Origin="https://evil.example")
    assert reply.status == 403


def test_forged_token_is_rejected(guest: HttpClient) -> None:
    forger = Agent(HttpClient(guest.url, "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0."))
    reply = forger.call("create_cart", cart={"line_items": lines(("x", 1))})
    assert (reply.status, reply.body["error"]["code"]) == (401, -32000)


def test_cart_of_a_customer_is_unknown_to_another_agent(
    guest: HttpClient, jane: HttpClient, sell: Sell
) -> None:
    goods = sell(pieces=1)
    cart = Agent(jane).use("cart", "create_cart", cart={"line_items": lines((goods["variant"], 1))})
    assert Agent(jane).use("cart", "get_cart", id=cart["id"])["id"] == cart["id"]
    result = Agent(guest).call("get_cart", id=cart["id"]).body["result"]
    assert result["isError"]
    assert result["structuredContent"]["messages"][0]["code"] == "not_found"
