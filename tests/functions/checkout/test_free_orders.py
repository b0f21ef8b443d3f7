"""Checkouts with a total of zero: no instrument is needed and no provider is called."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest

from functions.orders import get_order
from functions.staff_orders import cancel_order
from functions.staff_orders import get_order as get_for_staff
from shop.credits.store.repository import DynamoCreditAccountRepository
from shop.inventory.store import DynamoStockRepository, counter_shards
from shop.orders.actions.expiry import expire_order
from shop.orders.actions.order_writes import OrderWrites
from shop.orders.actions.payments import capture_payment, refund_excess_payment
from shop.orders.model import Order, OrderStatus
from shop.orders.store import DynamoOrderRepository
from shop.payments.gateway.sandbox import SandboxProvider
from shop.payments.model import PaymentStatus
from shop.pricing.store.usage_counters import DynamoUsageCounters
from shop.storage.transactions import DynamoUnitOfWork
from tests.functions.checkout.test_customer_prices import asking, staff
from tests.functions.checkout.test_discounts import run
from tests.functions.checkout.test_price_change_messages import new_checkout, total
from tests.functions.credits.steps import balance, credit, gift_card, money, pay
from tests.kit.products import mug, publish_with_stock
from tests.kit.ucp_validator import assert_valid_ucp

PROVIDER_CALLS = ("authorize", "capture", "cancel", "refund", "find_by_order", "get_payment")


@pytest.fixture(autouse=True)
def _free_goods_and_shipping(cloud: None) -> Iterator[None]:
    """Reduce goods and shipping to zero, and make every provider call fail the test."""
    publish_with_stock(mug(), pieces=5)
    run(id="all", effect={"kind": "order_percent", "off_ppm": 1_000_000})
    run(id="free", effect={"kind": "shipping_off", "off_ppm": 1_000_000})
    with ExitStack() as stack:
        for name in PROVIDER_CALLS:
            stack.enter_context(patch.object(SandboxProvider, name, _called))
        yield


def _called(*_: Any, **__: Any) -> Any:
    raise AssertionError("a provider must not be called for a total of zero")


def order_of(body: dict[str, Any]) -> Order:
    return DynamoOrderRepository().get_by_id(body["order"]["id"])


def available() -> int:
    return DynamoStockRepository().levels(["MUG-RED"])["MUG-RED"].available


@pytest.mark.parametrize("instruments", [(), (money(),)])
def test_free_checkout_completes_without_charging_an_instrument(
    instruments: tuple[dict[str, Any], ...],
) -> None:
    checkout = new_checkout()
    assert (total(checkout), checkout["status"]) == (0, "ready_for_complete")
    completed = pay(checkout, *instruments, guest=True).json
    assert_valid_ucp("checkout", completed)
    assert completed["status"] == "completed"
    order = order_of(completed)
    assert (order.status, order.paid, order.total, available()) == (
        OrderStatus.CONFIRMED,
        True,
        0,
        3,
    )
    assert all("amount" not in instrument for instrument in completed["payment"]["instruments"])
    shown = asking(get_order, "GET /orders/{id}", id=order.id)
    assert shown.status == 200, shown.text
    assert_valid_ucp("order", shown.json)


def test_free_checkout_completes_with_an_empty_body() -> None:
    from functions.checkout import complete_checkout
    from tests.kit.shop import call

    route = "POST /checkout-sessions/{id}/complete"
    assert call(complete_checkout.handler, route, {}, id=new_checkout()["id"]).json["status"] == (
        "completed"
    )


def test_unused_gift_card_keeps_its_balance() -> None:
    code = gift_card(1_000)
    completed = pay(new_checkout(), credit("gift_card", code), guest=True).json
    assert (completed["status"], order_of(completed).credits, balance(code)) == (
        "completed",
        (),
        1_000,
    )


def test_cancelled_free_order_releases_stock_without_refund() -> None:
    order = order_of(pay(new_checkout(), guest=True).json)
    route = "POST /staff/orders/{id}/cancel"
    assert staff(cancel_order, route, {"reason": "changed mind"}, id=order.id).status == 200
    orders, at = DynamoOrderRepository(), datetime.now(UTC)
    provider = SandboxProvider(
        shop_url="http://shop.test", schedule_settlement=lambda reference: None
    )
    settled = refund_excess_payment(order.id, at=at, orders=orders, provider=provider)
    assert (settled.status, settled.payment.total_of("refunded"), available()) == (
        OrderStatus.CANCELLED,
        0,
        5,
    )
    assert settled.payment.status is PaymentStatus.CAPTURED
    capture_payment(order.id, at=at, orders=orders, provider=provider)
    shown = staff(get_for_staff, "GET /staff/orders/{id}", id=order.id).json
    assert (shown["status"], shown["payment"]["status"]) == ("cancelled", "cancelled")


def test_interrupted_free_order_expires_without_provider_call() -> None:
    from shop.checkout.actions import complete

    # Given a free order whose process crashed right after the placement
    checkout = new_checkout()
    with (
        patch.object(complete, "continue_placement", side_effect=KeyboardInterrupt),
        pytest.raises(KeyboardInterrupt),
    ):
        pay(checkout, guest=True)
    orders = DynamoOrderRepository()
    (order_id,) = orders.list_awaiting_payment(datetime.now(UTC) + timedelta(hours=1), 10)
    assert (orders.get_by_id(order_id).status, available()) == (OrderStatus.PLACED, 3)

    # When it expires
    order = expire_order(
        order_id,
        at=datetime.now(UTC),
        writes=OrderWrites(
            orders=orders,
            stock=DynamoStockRepository(),
            usage=DynamoUsageCounters(counter_shards(), DynamoCreditAccountRepository()),
            uow=DynamoUnitOfWork(),
        ),
        provider=SandboxProvider(
            shop_url="http://shop.test", schedule_settlement=lambda reference: None
        ),
    )

    # Then its stock is released
    assert (order.status, available()) == (OrderStatus.CANCELLED, 5)
