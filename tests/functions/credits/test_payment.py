"""Credits pay a checkout, in part or whole."""

from typing import Any

import pytest

from functions.checkout import create_checkout, get_checkout
from functions.orders import get_order
from shop.credits.model.account_names import gift_card_account
from shop.credits.store.repository import DynamoCreditAccountRepository
from shop.orders.model import OrderStatus
from shop.orders.store import DynamoOrderRepository
from tests.functions.credits.steps import (
    ANN_ID,
    TOTAL,
    amounts,
    as_buyer,
    balance,
    begin,
    credit,
    gift_card,
    money,
    pay,
)
from tests.kit.products import checkout_body
from tests.kit.ucp_validator import assert_valid_ucp


def test_gift_card_pays_a_part_and_money_the_rest() -> None:
    code = gift_card(1_000)
    checkout = begin(guest=True)
    assert {t["type"]: t["amount"] for t in checkout["totals"]}["total"] == TOTAL

    done = pay(checkout, credit("gift_card", code), money(), guest=True)

    assert_valid_ucp("checkout", done.json)
    assert done.json["status"] == "completed", done.text
    assert amounts(done) == {"i-gift_card": 1_000, "money": TOTAL - 1_000}
    order = DynamoOrderRepository().get("guest", done.json["order"]["id"])
    assert (order.total, order.amount.minor) == (TOTAL, TOTAL - 1_000)
    assert order.payment.total_of("authorized") == TOTAL - 1_000
    assert balance(code) == 0


def test_gift_card_that_covers_the_total_keeps_the_rest() -> None:
    code = gift_card(10_000)

    done = pay(begin(guest=True), credit("gift_card", code), guest=True)

    assert_valid_ucp("checkout", done.json)
    assert done.json["status"] == "completed", done.text
    assert amounts(done) == {"i-gift_card": TOTAL}
    assert balance(code) == 10_000 - TOTAL
    order = DynamoOrderRepository().get("guest", done.json["order"]["id"])
    assert (order.status, order.amount.minor, order.paid) == (OrderStatus.CONFIRMED, 0, True)
    shown = as_buyer(get_order, "GET /orders/{id}", guest=True, id=order.id)
    assert_valid_ucp("order", shown.json)


def test_completed_checkout_reports_the_split() -> None:
    code = gift_card(1_000)

    done = pay(begin(guest=True), credit("gift_card", code), money(), guest=True)

    assert_valid_ucp("checkout", done.json)
    (message,) = done.json["messages"]
    assert (message["type"], message["code"]) == ("info", "payment_split")
    assert "10.00 USD" in message["content"]
    assert f"{(TOTAL - 1_000) / 100:.2f} USD" in message["content"]
    money_only = pay(begin(guest=True), money(), guest=True)
    assert "messages" not in money_only.json


def test_other_payment_does_not_replace_an_empty_card() -> None:
    code = gift_card(1_000)
    first = pay(begin(guest=True), credit("gift_card", code), money(), guest=True)
    assert first.json["status"] == "completed"

    rejected = pay(begin(guest=True), credit("gift_card", code), money(), guest=True)

    assert_valid_ucp("error", rejected.json)
    (message,) = rejected.json["messages"]
    assert (rejected.status, message["code"]) == (400, "credit_insufficient")
    assert message["path"] == "$.payment.instruments[0]"
    assert f"This credit has 0, and {TOTAL} is due." in message["content"]


def test_credit_that_another_purchase_spends_meanwhile_is_rejected() -> None:
    # Given a purchase that reads the card just before another one spends a part of it
    code, first, second = gift_card(1_000), begin(guest=True), begin(guest=True)
    get = DynamoCreditAccountRepository.get

    def get_before_other_purchase(self: DynamoCreditAccountRepository, account_name: str) -> Any:
        account = get(self, account_name)
        patch.setattr(DynamoCreditAccountRepository, "get", get)
        other = pay(first, credit("gift_card", code, amount=400), money(), guest=True)
        assert other.json["status"] == "completed", other.text
        return account

    # When it completes
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DynamoCreditAccountRepository, "get", get_before_other_purchase)
        rejected = pay(second, credit("gift_card", code), money(), guest=True)

    # Then it is rejected, and may be paid with money
    assert (rejected.status, rejected.json["messages"][0]["code"]) == (400, "credit_insufficient")
    assert balance(code) == 600
    assert pay(second, money(), guest=True).json["status"] == "completed"


def test_declined_card_releases_the_credit_at_once() -> None:
    code = gift_card(1_000)
    checkout = begin(guest=True)

    declined = pay(checkout, credit("gift_card", code), money("tok_declined"), guest=True)

    assert declined.json["status"] == "incomplete"
    assert [m["code"] for m in declined.json["messages"]] == ["payment_failed"]
    assert amounts(declined) == {"i-gift_card": None, "money": None}
    assert balance(code) == 1_000
    done = pay(checkout, credit("gift_card", code), money(), guest=True)
    assert amounts(done) == {"i-gift_card": 1_000, "money": TOTAL - 1_000}


def test_instruments_must_add_up_to_the_total() -> None:
    code = gift_card(1_000)
    checkout = begin()

    short = pay(checkout, credit("gift_card", code))
    assert short.json["status"] == "incomplete"
    assert [m["code"] for m in short.json["messages"]] == ["payment_failed"]
    assert (balance(code), DynamoOrderRepository().has_ordered(ANN_ID)) == (1_000, False)

    too_much = pay(checkout, credit("gift_card", code), money(amount=TOTAL))
    assert [m["code"] for m in too_much.json["messages"]] == ["payment_amount_invalid"]

    exact = pay(checkout, credit("gift_card", code, amount=400), money(amount=TOTAL - 400))
    assert amounts(exact) == {"i-gift_card": 400, "money": TOTAL - 400}
    assert balance(code) == 600


CARD = "CARD"
"""Stands for the code of a card with 10.00; in small letters, for the code in small letters."""


@pytest.mark.parametrize(
    ("instruments", "guest", "error"),
    [
        pytest.param(
            [credit("gift_card", "0000-0000-0000-0000"), money()],
            False,
            "gift_card_unknown",
            id="unknown card",
        ),
        pytest.param(
            [credit("gift_card", CARD, amount=1_001), money()],
            False,
            "credit_insufficient",
            id="more than the balance",
        ),
        pytest.param(
            [credit("gift_card", CARD), {**credit("gift_card", "card"), "id": "b"}, money()],
            False,
            "duplicate",
            id="one card twice",
        ),
        pytest.param(
            [credit("loyalty"), money()], True, "sign_in_required", id="points of a guest"
        ),
        pytest.param([credit("bitcoin"), money()], False, "value_unknown", id="unknown type"),
        pytest.param(
            [money(), credit("gift_card", CARD)],
            False,
            "payment_instruments_invalid",
            id="money first",
        ),
        pytest.param(
            [money(), {**money(), "id": "other"}],
            False,
            "payment_instruments_invalid",
            id="two other instruments",
        ),
        pytest.param([credit("gift_card"), money()], False, "missing", id="card without a code"),
    ],
)
def test_rejected_instruments_take_nothing(
    instruments: list[dict[str, Any]], guest: bool, error: str
) -> None:
    # Given a card with 10.00
    code = gift_card(1_000)
    codes = {CARD: code, CARD.lower(): code.lower()}
    sent = [
        {**one, "credential": {**one["credential"], "token": codes[one["credential"]["token"]]}}
        if one.get("credential", {}).get("token") in codes
        else one
        for one in instruments
    ]
    checkout = begin(guest=guest)

    # When the instruments are sent
    rejected = pay(checkout, *sent, guest=guest)

    # Then nothing is taken, and the checkout may still be completed
    assert rejected.status == 400
    assert_valid_ucp("error", rejected.json)
    assert rejected.json["messages"][0]["code"] == error
    assert balance(code) == 1_000
    route = "GET /checkout-sessions/{id}"
    shown = as_buyer(get_checkout, route, guest=guest, id=checkout["id"]).json
    assert shown["status"] == "ready_for_complete"


@pytest.mark.usefixtures("one_window")
def test_unknown_gift_cards_and_discount_codes_share_one_limit() -> None:
    # Given nine unknown gift cards of a guest; known ones in between do not count
    code, checkout = gift_card(10_000), begin(guest=True)
    for number in range(9):
        unknown = credit("gift_card", f"0000-0000-0000-{number:04d}")
        attempt = pay(checkout, unknown, guest=True)
        assert (attempt.status, attempt.json["messages"][0]["code"]) == (400, "gift_card_unknown")
        known = pay(checkout, credit("gift_card", code, amount=1), money(amount=1), guest=True)
        assert known.json["status"] == "incomplete"

    # When the tenth unknown code is a discount code
    body = {**checkout_body(("mug.1", 1)), "discounts": {"codes": ["GUESS"]}}
    response = as_buyer(create_checkout, "POST /checkout-sessions", body, guest=True)
    assert response.status == 201

    # Then no gift card of this guest is looked up any more
    limited = pay(checkout, credit("gift_card", code), guest=True)
    assert_valid_ucp("error", limited.json)
    (message,) = limited.json["messages"]
    assert (limited.status, message["code"]) == (429, "too_many_codes")
    assert message["path"] == "$.payment.instruments[0]"
    account = DynamoCreditAccountRepository().get(gift_card_account(code, "USD"))
    assert account.balance == 10_000

    # And other callers and other instruments are not affected
    assert pay(begin(), credit("gift_card", code)).json["status"] == "completed"
    assert pay(checkout, money(), guest=True).json["status"] == "completed"
