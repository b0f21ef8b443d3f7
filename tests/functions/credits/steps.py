"""Steps of the credits tests: staff and Ann call the handlers, as API Gateway does."""

from datetime import UTC, datetime
from typing import Any

import pytest

from functions.checkout import complete_checkout, create_checkout
from functions.credits import (
    adjust_credits,
    get_gift_card_balance,
    issue_gift_card,
    settle_order_credits,
    void_gift_card,
)
from functions.staff_orders import cancel_order
from shop.credits.model.account_names import points_account
from shop.credits.store.repository import DynamoCreditAccountRepository
from tests.kit.order_fixtures import signed_in
from tests.kit.products import checkout_body
from tests.kit.shop import ApiResponse, Context, call
from tests.kit.ucp_validator import assert_valid_ucp

ANN_ID = "a2b9c1de-0000-4000-8000-00000000a001"
ANN, STAFF = signed_in(ANN_ID), signed_in("staff-1", "staff")
BALANCE = "POST /gift-cards/balance"
ISSUE = "POST /staff/gift-cards"
GOODS = 2 * 1299
TOTAL = GOODS + 599
"""Two mugs and their shipping."""


def as_staff(
    function: Any, route: str, body: Any = None, key: str | None = None, **path: str
) -> ApiResponse:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACCESS", "staff")
        patch.setenv("ACCESS_GROUPS", "staff")
        return call(function.handler, route, body, key=key, headers=None, claims=STAFF, **path)


def as_buyer(
    function: Any, route: str, body: Any = None, *, guest: bool = False, **path: str
) -> ApiResponse:
    """Call as Ann, or as a guest."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACCESS", "shopper" if guest else "customer")
        claims = None if guest else ANN
        return call(function.handler, route, body, headers=None, claims=claims, **path)


def adjust(
    amount: int, kind: str = "points", *, key: str | None = None, to: str = ANN_ID, **fields: Any
) -> ApiResponse:
    """Grant or withdraw by hand."""
    body = {"kind": kind, "amount": amount, "reason": "goodwill", **fields}
    route = "POST /staff/customers/{id}/credits"
    return as_staff(adjust_credits, route, body, key=key, id=to)


def issue(amount: int, *, key: str | None = None, **fields: Any) -> ApiResponse:
    body = {"amount": amount, "currency": "USD", "reason": "sold at the counter", **fields}
    return as_staff(issue_gift_card, ISSUE, body, key=key)


def gift_card(amount: int) -> str:
    """Issue a gift card and return its code."""
    response = issue(amount)
    assert response.status == 201, response.text
    return str(response.json["code"])


def void(code: str, *, key: str | None = None, reason: str = "stolen") -> ApiResponse:
    body = {"code": code, "currency": "USD", "reason": reason}
    return as_staff(void_gift_card, "POST /staff/gift-cards/void", body, key=key)


def look_up(code: str) -> ApiResponse:
    return call(get_gift_card_balance.handler, BALANCE, {"code": code, "currency": "USD"})


def balance(code: str) -> int:
    return int(look_up(code).json["balance"])


def points() -> int:
    """The points that Ann may spend now."""
    return DynamoCreditAccountRepository().get(points_account(ANN_ID)).available(datetime.now(UTC))


def credit(type: str, token: str | None = None, **fields: Any) -> dict[str, Any]:
    """An instrument of UCP's payment."""
    instrument: dict[str, Any] = {
        "id": f"i-{type}",
        "handler_id": "credits",
        "type": type,
        **fields,
    }
    if token is not None:
        instrument["credential"] = {"type": type, "token": token}
    return instrument


def money(token: str = "tok_success", **fields: Any) -> dict[str, Any]:
    return {
        "id": "money",
        "handler_id": "sandbox",
        "type": "token",
        "credential": {"type": "token", "token": token},
        **fields,
    }


def begin(*, guest: bool = False) -> dict[str, Any]:
    """Create a checkout of two mugs."""
    body = checkout_body(("mug.1", 2))
    response = as_buyer(create_checkout, "POST /checkout-sessions", body, guest=guest)
    assert_valid_ucp("checkout", response.json)
    return dict(response.json)


def pay(checkout: dict[str, Any], *instruments: dict[str, Any], guest: bool = False) -> ApiResponse:
    body = {"payment": {"instruments": list(instruments)}}
    route = "POST /checkout-sessions/{id}/complete"
    return as_buyer(complete_checkout, route, body, guest=guest, id=checkout["id"])


def amounts(response: ApiResponse) -> dict[str, int | None]:
    """Instrument id → the amount that it paid."""
    return {i["id"]: i.get("amount") for i in response.json["payment"]["instruments"]}


def cancel(order_id: str) -> None:
    route = "POST /staff/orders/{id}/cancel"
    as_staff(cancel_order, route, {"reason": "changed mind"}, id=order_id)


def publish(event_type: str, order_id: str) -> None:
    """Deliver an event of the order to the settlement of credits."""
    detail = {"id": "e", "subject": order_id, "at": "2026-11-22T12:00:00+00:00", "data": {}}
    settle_order_credits.handler({"detail-type": event_type, "detail": detail}, Context())
