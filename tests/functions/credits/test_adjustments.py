"""Points and store credit that staff grant and withdraw by hand, and their expiry."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.credits import expire_credits, get_credits, get_my_credits
from shop.credits.model.account_names import points_account
from shop.credits.store.repository import DynamoCreditAccountRepository
from shop.storage.transactions import DynamoUnitOfWork
from tests.functions.credits.steps import (
    ANN_ID,
    adjust,
    as_buyer,
    as_staff,
    begin,
    credit,
    issue,
    money,
    pay,
    points,
)
from tests.kit.shop import Context

STAFF_CREDITS = "GET /staff/customers/{id}/credits"


def test_staff_grant_and_withdraw_units_with_a_reason() -> None:
    granted = adjust(500, key="one")
    assert (granted.status, granted.json["available"]) == (201, 500)
    assert adjust(500, key="one").json["available"] == 500
    assert adjust(501, key="one").json["code"] == "idempotency_key_reused"
    assert adjust(-200).json["available"] == 300
    too_much = adjust(-301)
    assert (too_much.status, too_much.json["code"]) == (409, "credit_insufficient")
    assert adjust(0).status == 400
    assert adjust(1000, "store_credit").json["errors"][0]["path"] == "$.currency"


def test_customer_sees_the_movements_without_staff_names_and_reasons() -> None:
    # Given points and store credit that staff granted
    adjust(500)
    adjust(-200)
    adjust(1000, "store_credit", currency="EUR")

    # When the customer reads them, then they have no reference
    own = as_buyer(get_my_credits, "GET /account/credits").json
    assert own["points"]["available"] == 300
    assert [(m["kind"], m["amount"]) for m in own["points"]["movements"]] == [
        ("withdraw", -200),
        ("grant", 500),
    ]
    assert {m["reference"] for m in own["points"]["movements"]} == {""}
    ((currency, euros),) = own["store_credit"].items()
    assert (currency, euros["available"], euros["currency"]) == ("EUR", 1000, "EUR")

    # When staff read them, then they have reasons and names, and are the same otherwise
    staff_view = as_staff(get_credits, STAFF_CREDITS, id=ANN_ID).json
    assert {m["reference"] for m in staff_view["points"]["movements"]} == {"goodwill (by staff-1)"}
    for account in (staff_view["points"], staff_view["store_credit"]["EUR"]):
        for movement in account["movements"]:
            movement["reference"] = ""
    assert staff_view == own


@pytest.mark.parametrize("customer", ["ann", "guest", f"{ANN_ID}0", "00000000-0000-4000-8000"])
def test_customer_id_must_have_the_form_of_a_user_pool_subject(customer: str) -> None:
    for response in (
        adjust(500, to=customer),
        as_staff(get_credits, STAFF_CREDITS, id=customer),
    ):
        assert (response.status, response.json["code"]) == (404, "customer_unknown")
    assert points() == 0


def test_pasted_customer_id_is_the_account() -> None:
    pasted = f" {ANN_ID.upper()}".replace("-", "‑")
    assert adjust(500, to=pasted).status == 201
    assert points() == 500


def test_points_have_no_currency_and_no_credit_expires_in_the_past() -> None:
    past = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    for response, path in (
        (adjust(500, currency="USD"), "$.currency"),
        (adjust(500, expires=past), "$.expires"),
        (issue(500, expires=past), "$.expires"),
    ):
        assert (response.status, response.json["errors"][0]["path"]) == (400, path)
    assert points() == 0


def test_expired_credit_pays_nothing_before_and_after_it_is_moved_out() -> None:
    # Given points of which the last second has passed
    now, hour = datetime.now(UTC), timedelta(hours=1)
    repository, name = DynamoCreditAccountRepository(), points_account(ANN_ID)
    empty = repository.get(name)
    account = empty.grant("g", 700, now - 2 * hour, expires=now - hour)
    DynamoUnitOfWork().commit(repository.append_op(empty, account))
    assert account.available(now - 2 * hour) == 700
    assert points() == 0

    # When Ann pays with them, then the payment is rejected
    response = pay(begin(), credit("loyalty"), money())
    assert (response.status, response.json["messages"][0]["code"]) == (400, "credit_insufficient")

    # When they are moved out, then this happens once
    assert expire_credits.handler({"time": now.isoformat()}, Context())["swept"] == 1
    assert repository.get(name).balances() == {"shop": -700, name: 0, "expired": 700}
    assert expire_credits.handler({"time": now.isoformat()}, Context())["swept"] == 0


@pytest.mark.parametrize(
    "other",
    [
        {"amount": 501},
        {"amount": -500},
        {"reason": "another reason"},
        {"kind": "store_credit", "currency": "USD"},
        {"expires": "2027-12-31T00:00:00Z"},
    ],
)
def test_key_of_an_adjustment_belongs_to_one_request(other: dict[str, Any]) -> None:
    # Given a grant, and a client that uses its key again by mistake
    request: dict[str, Any] = {"amount": 500, "kind": "points"}
    first = adjust(**request, key="one")

    # When the key comes with another request
    again = adjust(**{**request, **other}, key="one")

    # Then nothing is granted, and the first request still gets its response
    assert (again.status, again.json["code"]) == (409, "idempotency_key_reused")
    retry = adjust(**request, key="one")
    assert (retry.status, retry.text) == (201, first.text)
    account = DynamoCreditAccountRepository().get(points_account(ANN_ID))
    assert len(account.entries) == 1
