"""Credits after a purchase: points, cancellations and returns."""

from dataclasses import replace

import pytest

from functions.credits import get_my_credits
from shop.credits.model.account_names import gift_card_account
from shop.orders.model import OrderStatus
from shop.orders.store import DynamoOrderRepository
from tests.functions.credits.steps import (
    ANN_ID,
    TOTAL,
    adjust,
    amounts,
    as_buyer,
    balance,
    begin,
    cancel,
    credit,
    gift_card,
    money,
    pay,
    points,
    publish,
)


def test_cancellation_reverses_the_spent_credits_once() -> None:
    # Given an order that points, a gift card and money pay
    code = gift_card(1_000)
    adjust(700)
    done = pay(begin(), credit("loyalty"), credit("gift_card", code), money())
    assert done.json["status"] == "completed", done.text
    assert amounts(done) == {"i-loyalty": 700, "i-gift_card": 1_000, "money": TOTAL - 1_700}
    assert (points(), balance(code)) == (0, 0)

    # When it is cancelled twice
    order_id = done.json["order"]["id"]
    for _ in range(2):
        cancel(order_id)

    # Then the credits are back once, and the customer sees the order as their reference
    assert (points(), balance(code)) == (700, 1_000)
    movements = as_buyer(get_my_credits, "GET /account/credits").json["points"]["movements"]
    assert [m["reference"] for m in movements] == [order_id, order_id, ""]


def test_points_are_booked_on_completion_and_reversed_with_returns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given an order that is forecast to earn 25 points
    checkout = begin()
    (program,) = checkout["loyalty"].values()
    assert program["rewards"][0]["earning_forecast"] == {"amount": 25}
    order_id = pay(checkout, money()).json["order"]["id"]
    order = DynamoOrderRepository().get(ANN_ID, order_id)

    def settle(status: OrderStatus, returned: int = 0) -> None:
        lines = tuple(replace(line, returned=returned) for line in order.lines)
        changed = replace(order, status=status, lines=lines)
        monkeypatch.setattr(DynamoOrderRepository, "get_by_id", lambda self, order_id: changed)
        publish("OrderCompleted", order_id)

    # When it is confirmed, completed, and returned mug by mug, with repeated events
    settle(OrderStatus.CONFIRMED)
    assert points() == 0
    for _ in range(2):
        settle(OrderStatus.COMPLETED)
    assert points() == 25
    for _ in range(2):
        settle(OrderStatus.COMPLETED, returned=1)
    assert points() == 12
    settle(OrderStatus.RETURNED, returned=2)
    assert points() == 0


def test_return_refunds_money_first_and_then_the_credit(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given an order of two mugs, of which a gift card paid 25.00
    code = gift_card(2_500)
    done = pay(begin(), credit("gift_card", code), money())
    order = DynamoOrderRepository().get(ANN_ID, done.json["order"]["id"])
    assert order.due == TOTAL - 2_500

    # When one mug is returned
    lines = tuple(replace(line, shipped=2, returned=1) for line in order.lines)
    returned = replace(order, lines=lines)
    excess = 2_500 + 1_299 - TOTAL
    assert returned.due == 0
    assert returned.excess_credits == ((gift_card_account(code, "USD"), excess),)
    monkeypatch.setattr(DynamoOrderRepository, "get_by_id", lambda self, order_id: returned)
    for _ in range(2):
        publish("OrderReturned", order.id)

    # Then what the money did not cover is back on the card
    assert balance(code) == excess
