"""Kill switches at the handlers: a disabled route returns 503 and writes nothing."""

from importlib import import_module
from typing import Any

import pytest

from functions.all import FEATURES
from functions.manifest import Access, Endpoint
from functions.staff_peak import list_switch_changes, list_switches, set_switch
from functions.staff_stock import create_stock_movement
from shop.storage import kill_switches as kill_switches
from shop.storage.kill_switches import switch_cache
from tests.kit.aws_call_counter import count_calls
from tests.kit.shop import ApiResponse, call

CLAIMS = {
    "token_use": "access",
    "iss": "http://issuer.test",
    "client_id": "shop-client",
    "sub": "staff-1",
    "username": "ada",
    "cognito:groups": "[admin]",
}
LINES = [
    line
    for feature in FEATURES
    for line in feature.functions
    if isinstance(line, Endpoint) and line.switches and line.shopper_facing
]
WRITES = {"PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem", "Invoke"}
ROUTES_AND_SWITCHES = [(line, switch) for line in LINES for switch in line.switches]

pytestmark = pytest.mark.usefixtures("cloud")


def send(
    monkeypatch: pytest.MonkeyPatch, handler: Any, route: str, body: Any = None, **more: Any
) -> ApiResponse:
    monkeypatch.setenv("ACCESS", "staff")
    monkeypatch.setenv("ACCESS_GROUPS", "admin")
    monkeypatch.delenv("SWITCHES", raising=False)
    return call(handler.handler, route, body, claims=more.pop("claims", CLAIMS), **more)


def set_to(monkeypatch: pytest.MonkeyPatch, switch: str, on: bool, **more: Any) -> ApiResponse:
    body = {"on": on, "reason": "the provider is down", "retry_after_seconds": 120}
    route = "PUT /staff/switches/{switch}"
    return send(monkeypatch, set_switch, route, body, switch=switch, **more)


def call_route(monkeypatch: pytest.MonkeyPatch, line: Endpoint) -> ApiResponse:
    """Call a route as a customer, with an empty body."""
    access = Access.SHOPPER if line.access is Access.CUSTOMER else line.access
    monkeypatch.setenv("ACCESS", access.value)
    monkeypatch.setenv("SWITCHES", ",".join(line.switches))
    names = [part[1:-1] for part in line.path.split("/") if part.startswith("{")]
    body: dict[str, Any] | None = None if line.method == "GET" else {}
    if line.module == "mcp.handle_mcp":
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    handler = import_module(f"functions.{line.module}")
    path: dict[str, Any] = dict.fromkeys(names, "some_thing")
    return call(handler.handler, line.route, body, **path)


def test_disabled_switches_block_customer_changes() -> None:
    customer_routes = [
        line
        for feature in FEATURES
        for line in feature.functions
        if isinstance(line, Endpoint) and line.shopper_facing
    ]
    assert [x.route for x in customer_routes if x.method != "GET" and not x.switch] == []
    unsafe = [x for x in customer_routes if x.unsafe]
    assert len(unsafe) > 6
    assert [x.route for x in unsafe if "shop" not in x.switches] == []


def test_read_only_shop_allows_staff_peak_changes_only() -> None:
    lines = [x for feature in FEATURES for x in feature.functions if isinstance(x, Endpoint)]
    unsafe = [x for x in lines if x.access is Access.STAFF and x.unsafe]
    parts = {x.module.split(".")[0] for x in unsafe if "shop" in x.switches}
    assert {"staff_stock", "staff_catalog", "staff_orders", "staff_pricing"} <= parts
    assert {x.route for x in unsafe if "shop" not in x.switches} == {
        "PUT /staff/switches/{switch}",
        "PUT /staff/waiting-rooms/{id}",
        "DELETE /staff/waiting-rooms/{id}",
    }


def test_read_only_shop_moves_no_stock(monkeypatch: pytest.MonkeyPatch) -> None:
    (line,) = [
        x
        for feature in FEATURES
        for x in feature.functions
        if isinstance(x, Endpoint) and x.module == "staff_stock.create_stock_movement"
    ]
    set_to(monkeypatch, "shop", False)
    switch_cache().clear()
    monkeypatch.setenv("SWITCHES", ",".join(line.switches))
    with count_calls() as calls:
        response = call(create_stock_movement.handler, line.route, {}, claims=CLAIMS)
    assert (response.status, response.json["code"]) == (503, "read_only")
    assert not set(calls.operations) & WRITES
    assert set_to(monkeypatch, "shop", True).status == 200


@pytest.mark.parametrize(
    ("line", "switch"),
    ROUTES_AND_SWITCHES,
    ids=[f"{line.module}-{switch}" for line, switch in ROUTES_AND_SWITCHES],
)
def test_disabled_route_returns_retry_after_and_writes_nothing(
    line: Endpoint, switch: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a route that works; its cache must not expire on a slow machine
    monkeypatch.setattr(kill_switches, "SWITCH_CACHE_SECONDS", 3600.0)
    assert call_route(monkeypatch, line).status != 503
    # When its switch is disabled
    assert set_to(monkeypatch, switch, False).status == 200
    switch_cache().clear()
    with count_calls() as calls:
        response = call_route(monkeypatch, line)
    # Then it returns 503 with Retry-After, and writes nothing
    assert (response.status, response.headers["Retry-After"]) == (503, "120"), response.text
    assert set(calls.operations) <= {"GetItem"}
    assert not set(calls.operations) & WRITES
    assert "the provider is down" not in response.text
    if line.capability:
        (message,) = response.json["messages"]
        assert (message["type"], message["severity"]) == ("error", "recoverable")
        assert response.json["ucp"]["status"] == "error"
    elif line.module != "mcp.handle_mcp":
        assert response.headers["Content-Type"] == "application/problem+json"
    with count_calls() as calls:
        assert call_route(monkeypatch, line).status == 503
    assert calls.names == []  # the states are cached
    set_to(monkeypatch, switch, True)
    switch_cache().clear()
    assert call_route(monkeypatch, line).status != 503


def test_only_admins_set_switches(monkeypatch: pytest.MonkeyPatch) -> None:
    staff = {**CLAIMS, "cognito:groups": "[staff catalog]"}
    assert set_to(monkeypatch, "shop", False, claims=staff).status == 403
    assert set_to(monkeypatch, "everything", False).status == 404
    response = send(
        monkeypatch,
        set_switch,
        "PUT /staff/switches/{switch}",
        {"on": False, "reason": "", "retry_after_seconds": 0},
        switch="shop",
    )
    assert response.status == 400
    assert {e["path"] for e in response.json["errors"]} == {"$.reason", "$.retry_after_seconds"}


def test_staff_see_disabled_switches_and_their_actor(monkeypatch: pytest.MonkeyPatch) -> None:
    set_to(monkeypatch, "checkout", False)
    set_to(monkeypatch, "shop", False)
    set_to(monkeypatch, "shop", True)
    listed = send(monkeypatch, list_switches, "GET /staff/switches").json["switches"]
    disabled = {one["switch"]: one for one in listed if not one["on"]}
    assert set(disabled) == {"checkout"}
    assert (disabled["checkout"]["actor"], disabled["checkout"]["reason"]) == (
        "ada",
        "the provider is down",
    )
    route = "GET /staff/switch-changes"
    first_page = send(monkeypatch, list_switch_changes, route, query="limit=2").json
    assert [(c["switch"], c["on"]) for c in first_page["changes"]] == [
        ("shop", True),
        ("shop", False),
    ]
    second_page = send(
        monkeypatch, list_switch_changes, route, query=f"cursor={first_page['cursor']}"
    ).json
    assert [(c["switch"], c["actor"]) for c in second_page["changes"]] == [("checkout", "ada")]
    for bad in ("cursor=nonsense", "cursor=eyJiZWZvcmUiOiAieCJ9", "limit=0"):
        assert send(monkeypatch, list_switch_changes, route, query=bad).status == 400
