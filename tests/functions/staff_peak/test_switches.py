"""Switches at the doors: every route of a part that is off says so, and writes nothing."""

from importlib import import_module
from typing import Any

import pytest

from functions.all import FEATURES
from functions.manifest import Access, Endpoint
from functions.staff_peak import list_switch_changes, list_switches, set_switch
from functions.staff_stock import create_stock_movement
from shop.storage import kill_switches as board
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
CLOSED = [(line, switch) for line in LINES for switch in line.switches]

pytestmark = pytest.mark.usefixtures("cloud")


def ask(
    monkeypatch: pytest.MonkeyPatch, door: Any, route: str, body: Any = None, **more: Any
) -> ApiResponse:
    monkeypatch.setenv("ACCESS", "staff")
    monkeypatch.setenv("ACCESS_GROUPS", "admin")
    monkeypatch.delenv("SWITCHES", raising=False)
    return call(door.handler, route, body, claims=more.pop("claims", CLAIMS), **more)


def turn(monkeypatch: pytest.MonkeyPatch, switch: str, on: bool, **more: Any) -> ApiResponse:
    body = {"on": on, "reason": "the provider is down", "retry_after": 120}
    route = "PUT /staff/switches/{switch}"
    return ask(monkeypatch, set_switch, route, body, switch=switch, **more)


def visit(monkeypatch: pytest.MonkeyPatch, line: Endpoint) -> ApiResponse:
    """Call a route as a shopper would, with nothing sensible in the body."""
    access = Access.SHOPPER if line.access is Access.CUSTOMER else line.access
    monkeypatch.setenv("ACCESS", access.value)
    monkeypatch.setenv("SWITCHES", ",".join(line.switches))
    names = [part[1:-1] for part in line.path.split("/") if part.startswith("{")]
    body: dict[str, Any] | None = None if line.method == "GET" else {}
    if line.module == "mcp.handle_mcp":
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    door = import_module(f"functions.{line.module}")
    path: dict[str, Any] = dict.fromkeys(names, "some_thing")
    return call(door.handler, line.route, body, **path)


def test_disabled_switches_block_customer_changes() -> None:
    shoppers = [
        line
        for feature in FEATURES
        for line in feature.functions
        if isinstance(line, Endpoint) and line.shopper_facing
    ]
    assert [x.route for x in shoppers if x.method != "GET" and not x.switch] == []
    unsafe = [x for x in shoppers if x.unsafe]
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
    turn(monkeypatch, "shop", False)
    switch_cache().clear()
    monkeypatch.setenv("SWITCHES", ",".join(line.switches))
    with count_calls() as calls:
        said = call(create_stock_movement.handler, line.route, {}, claims=CLAIMS)
    assert (said.status, said.json["code"]) == (503, "read_only")
    assert not set(calls.operations) & WRITES
    assert turn(monkeypatch, "shop", True).status == 200


@pytest.mark.parametrize(
    ("line", "switch"), CLOSED, ids=[f"{line.module}-{switch}" for line, switch in CLOSED]
)
def test_disabled_route_returns_retry_after_and_writes_nothing(
    line: Endpoint, switch: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board, "SWITCH_CACHE_SECONDS", 3600.0)  # however slow this machine is
    assert visit(monkeypatch, line).status != 503
    assert turn(monkeypatch, switch, False).status == 200
    switch_cache().clear()
    with count_calls() as calls:
        said = visit(monkeypatch, line)
    assert (said.status, said.headers["Retry-After"]) == (503, "120"), said.text
    assert set(calls.operations) <= {"GetItem"}
    assert not set(calls.operations) & WRITES
    assert "the provider is down" not in said.text
    if line.capability:
        (message,) = said.json["messages"]
        assert (message["type"], message["severity"]) == ("error", "recoverable")
        assert said.json["ucp"]["status"] == "error"
    elif line.module != "mcp.handle_mcp":
        assert said.headers["Content-Type"] == "application/problem+json"
    with count_calls() as calls:
        assert visit(monkeypatch, line).status == 503
    assert calls.names == []  # the board is in memory
    turn(monkeypatch, switch, True)
    switch_cache().clear()
    assert visit(monkeypatch, line).status != 503


def test_only_admins_set_switches(monkeypatch: pytest.MonkeyPatch) -> None:
    staff = {**CLAIMS, "cognito:groups": "[staff catalogue]"}
    assert turn(monkeypatch, "shop", False, claims=staff).status == 403
    assert turn(monkeypatch, "everything", False).status == 404
    nothing = ask(
        monkeypatch,
        set_switch,
        "PUT /staff/switches/{switch}",
        {"on": False, "reason": "", "retry_after": 0},
        switch="shop",
    )
    assert nothing.status == 400
    assert {e["path"] for e in nothing.json["errors"]} == {"$.reason", "$.retry_after"}


def test_staff_see_disabled_switches_and_their_actor(monkeypatch: pytest.MonkeyPatch) -> None:
    turn(monkeypatch, "checkout", False)
    turn(monkeypatch, "shop", False)
    turn(monkeypatch, "shop", True)
    listed = ask(monkeypatch, list_switches, "GET /staff/switches").json["switches"]
    off = {one["switch"]: one for one in listed if not one["on"]}
    assert set(off) == {"checkout"}
    assert (off["checkout"]["actor"], off["checkout"]["reason"]) == ("ada", "the provider is down")
    route = "GET /staff/switch-changes"
    page = ask(monkeypatch, list_switch_changes, route, query="limit=2").json
    assert [(c["switch"], c["on"]) for c in page["changes"]] == [("shop", True), ("shop", False)]
    rest = ask(monkeypatch, list_switch_changes, route, query=f"cursor={page['cursor']}").json
    assert [(c["switch"], c["actor"]) for c in rest["changes"]] == [("checkout", "ada")]
    for bad in ("cursor=nonsense", "cursor=eyJiZWZvcmUiOiAieCJ9", "limit=0"):
        assert ask(monkeypatch, list_switch_changes, route, query=bad).status == 400
