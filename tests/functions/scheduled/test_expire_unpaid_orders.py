"""The expiry sweep of orders that the workflow missed; it may run twice."""

from datetime import UTC, datetime, timedelta

import pytest

from functions.scheduled import expire_unpaid_orders
from shop.orders.model import OrderStatus
from tests.kit.aws_call_counter import count_calls
from tests.kit.order_fixtures import order_fixture
from tests.kit.orders import WINDOW, make_order
from tests.kit.shop import Context

pytestmark = pytest.mark.usefixtures("cloud")


def sweep() -> dict[str, int]:
    result: dict[str, int] = expire_unpaid_orders.handler({}, Context())
    return result


def place(minutes_ago: int, order_id: str) -> None:
    at = datetime.now(UTC) - timedelta(minutes=minutes_ago)
    order_fixture().place(make_order(order_id, (1, 1), placed_at=at, pay_by=at + WINDOW))


def test_overdue_order_expires_once() -> None:
    place(31, "ord_old")
    place(29, "ord_new")
    assert sweep() == {"overdue": 1, "expired": 1}
    assert sweep() == {"overdue": 0, "expired": 0}
    fixture = order_fixture()
    assert fixture.orders.get_by_id("ord_old").status is OrderStatus.CANCELLED
    assert fixture.orders.get_by_id("ord_new").status is OrderStatus.PLACED
    assert fixture.reserved() == (1, 1)


def test_overdue_order_that_was_paid_is_confirmed() -> None:
    place(31, "ord_old")
    fixture = order_fixture()
    order = fixture.pay(fixture.orders.get_by_id("ord_old"), "tok_pending")
    fixture.provider.settle(order.payment.reference)
    assert sweep() == {"overdue": 1, "expired": 1}
    assert fixture.orders.get_by_id("ord_old").status is OrderStatus.CONFIRMED


def test_run_without_orders_queries_two_days_of_shards_only() -> None:
    place(1, "ord_new")
    with count_calls() as calls:
        sweep()
    assert calls.operations == {"Query": 32}
