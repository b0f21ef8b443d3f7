"""The UCP validator of the tests detects planted faults, with both of its sources."""

import copy
from typing import Any

import pytest

from tests.kit.ucp_validator import VERSION, assert_valid_ucp, ucp_problems

TOTALS = [{"type": "subtotal", "amount": 2500}, {"type": "total", "amount": 2500}]


def envelope(*capabilities: str, **more: Any) -> dict[str, Any]:
    return {
        "version": VERSION,
        "status": "success",
        "capabilities": {f"dev.ucp.shopping.{c}": [{"version": VERSION}] for c in capabilities},
        **more,
    }


CART: dict[str, Any] = {
    "ucp": envelope("cart"),
    "id": "cart_1",
    "line_items": [
        {
            "id": "li_1",
            "item": {"id": "v1", "title": "Red T-Shirt", "price": 2500},
            "quantity": 1,
            "totals": TOTALS,
        }
    ],
    "currency": "USD",
    "totals": TOTALS,
}
CHECKOUT: dict[str, Any] = {
    **CART,
    "ucp": envelope("checkout", "fulfillment", payment_handlers={}),
    "status": "incomplete",
    "links": [],
    "fulfillment": {"methods": []},
}
ERROR: dict[str, Any] = {
    "ucp": {"version": VERSION, "status": "error"},
    "messages": [
        {"type": "error", "code": "not_found", "content": "gone", "severity": "unrecoverable"}
    ],
}


@pytest.mark.parametrize(
    ("kind", "body"), [("cart", CART), ("checkout", CHECKOUT), ("error", ERROR)]
)
def test_valid_body_is_returned(kind: str, body: Any) -> None:
    assert assert_valid_ucp(kind, body) is body


def without_member(body: Any, *path: Any) -> Any:
    body = copy.deepcopy(body)
    node = body
    for part in path[:-1]:
        node = node[part]
    del node[path[-1]]
    return body


def with_value(body: Any, value: Any, *path: Any) -> Any:
    body = copy.deepcopy(body)
    node = body
    for part in path[:-1]:
        node = node[part]
    node[path[-1]] = value
    return body


INVALID = [
    ("cart", without_member(CART, "id")),
    ("cart", without_member(CART, "ucp")),
    ("cart", with_value(CART, "2500", "totals", 0, "amount")),
    ("cart", with_value(CART, 2.5, "line_items", 0, "quantity")),
    ("cart", without_member(CART, "line_items", 0, "item", "price")),
    ("cart", with_value(CART, "25-08-2026", "ucp", "version")),
    ("cart", with_value(CART, "tomorrow", "expires_at")),
    ("cart", []),
    ("checkout", without_member(CHECKOUT, "links")),
    ("checkout", with_value(CHECKOUT, "done", "status")),
    ("checkout", without_member(CHECKOUT, "ucp", "payment_handlers")),
    ("checkout", with_value(CHECKOUT, [{"id": 1, "type": "shipping"}], "fulfillment", "methods")),
    ("error", with_value(ERROR, [], "messages")),
    ("error", with_value(ERROR, "bad", "messages", 0, "severity")),
    ("error", with_value(ERROR, "more", "code")),
    ("error", with_value(ERROR, "success", "ucp", "status")),
]


@pytest.mark.parametrize(("kind", "body"), INVALID)
def test_package_and_schema_detect_a_planted_fault(kind: str, body: Any) -> None:
    sources = {line.split(":")[0] for line in ucp_problems(kind, body)}
    assert {"package", "schema"} <= sources, ucp_problems(kind, body)
    with pytest.raises(AssertionError, match="invalid UCP"):
        assert_valid_ucp(kind, body)


def test_all_faults_are_reported_at_once() -> None:
    body = without_member(with_value(CART, "x", "currency"), "id")
    body["totals"] = "none"
    report = "\n".join(ucp_problems("cart", body))
    assert "id" in report
    assert "totals" in report


@pytest.mark.parametrize(
    ("kind", "body", "message"),
    [
        ("cart", with_value(CART, "2026-01-23", "ucp", "version"), "instead of"),
        ("cart", with_value(CART, {}, "ucp", "capabilities"), "lacks"),
        ("cart", with_value(CART, envelope("cart", "order"), "ucp"), "of another kind"),
        ("checkout", with_value(CHECKOUT, "requires_escalation", "status"), "continue_url"),
    ],
)
def test_rules_outside_the_schema_are_checked(kind: str, body: Any, message: str) -> None:
    (line,) = ucp_problems(kind, body)
    assert message in line


def test_unknown_kind_raises_key_error() -> None:
    with pytest.raises(KeyError):
        ucp_problems("carts", CART)
