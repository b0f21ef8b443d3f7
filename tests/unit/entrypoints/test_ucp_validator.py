"""The judge of UCP answers can say no, with either half of it."""

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
def test_a_good_answer_is_given_back(kind: str, body: Any) -> None:
    assert assert_valid_ucp(kind, body) is body


def without(body: Any, *path: Any) -> Any:
    body = copy.deepcopy(body)
    node = body
    for part in path[:-1]:
        node = node[part]
    del node[path[-1]]
    return body


def having(body: Any, value: Any, *path: Any) -> Any:
    body = copy.deepcopy(body)
    node = body
    for part in path[:-1]:
        node = node[part]
    node[path[-1]] = value
    return body


BAD = [
    ("cart", without(CART, "id")),
    ("cart", without(CART, "ucp")),
    ("cart", having(CART, "2500", "totals", 0, "amount")),
    ("cart", having(CART, 2.5, "line_items", 0, "quantity")),
    ("cart", without(CART, "line_items", 0, "item", "price")),
    ("cart", having(CART, "25-08-2026", "ucp", "version")),
    ("cart", having(CART, "tomorrow", "expires_at")),
    ("cart", []),
    ("checkout", without(CHECKOUT, "links")),
    ("checkout", having(CHECKOUT, "done", "status")),
    ("checkout", without(CHECKOUT, "ucp", "payment_handlers")),
    ("checkout", having(CHECKOUT, [{"id": 1, "type": "shipping"}], "fulfillment", "methods")),
    ("error", having(ERROR, [], "messages")),
    ("error", having(ERROR, "bad", "messages", 0, "severity")),
    ("error", having(ERROR, "more", "code")),
    ("error", having(ERROR, "success", "ucp", "status")),
]


@pytest.mark.parametrize(("kind", "body"), BAD)
def test_both_halves_see_a_planted_fault(kind: str, body: Any) -> None:
    halves = {line.split(":")[0] for line in ucp_problems(kind, body)}
    assert {"package", "schema"} <= halves, ucp_problems(kind, body)
    with pytest.raises(AssertionError, match="invalid UCP"):
        assert_valid_ucp(kind, body)


def test_all_faults_are_told_at_once() -> None:
    body = without(having(CART, "x", "currency"), "id")
    body["totals"] = "none"
    told = "\n".join(ucp_problems("cart", body))
    assert "id" in told
    assert "totals" in told


@pytest.mark.parametrize(
    ("kind", "body", "told"),
    [
        (
            "cart",
            having(CART, "2026-01-23", "ucp", "version"),
            "instead of",
        ),
        ("cart", having(CART, {}, "ucp", "capabilities"), "lacks"),
        ("cart", having(CART, envelope("cart", "order"), "ucp"), "of another kind"),
        ("checkout", having(CHECKOUT, "requires_escalation", "status"), "continue_url"),
    ],
)
def test_what_only_the_prose_says_is_judged_too(kind: str, body: Any, told: str) -> None:
    (line,) = ucp_problems(kind, body)
    assert told in line


def test_a_kind_that_nobody_knows_is_no_answer() -> None:
    with pytest.raises(KeyError):
        ucp_problems("carts", CART)
