"""A checkout that costs nothing is bought with nothing: no instrument, no word to a provider."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest

from functions.orders import get_order
from functions.staff_orders import cancel_order
from functions.staff_orders import get_order as get_for_staff
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
from tests.functions.checkout.test_customers import asking, staff
from tests.functions.checkout.test_discounts import run
from tests.functions.checkout.test_price_change_messages import begin, total
from tests.functions.credits.test_credits import balance, card, credit, money, pay
from tests.kit.products import mug, publish_with_stock
from tests.kit.ucp_validator import assert_valid_ucp

WORK = ("authorise", "capture", "cancel", "refund", "find_by_order", "get_payment")


@pytest.fixture(autouse=True)
def _all_for_nothing(cloud: None) -> Iterator[None]:
    """Goods and shipping for nothing, and a provider that breaks where it is asked for anything."""
    publish_with_stock(mug(), pieces=5)
    run(id="all", effect={"kind": "order_percent", "basis_points": 10_000})
    run(id="free", effect={"kind": "shipping_off", "basis_points": 10_000})
    with ExitStack() as stack:
        for name in WORK:
            stack.enter_context(patch.object(SandboxProvider, name, _asked))
        yield


def _asked(*_: Any, **__: Any) -> Any:
    raise AssertionError("a provider is not asked about nothing")


def order_of(body: dict[str, Any]) -> Order:
    return DynamoOrderRepository().get_by_id(body["order"]["id"])


def left() -> int:
    return DynamoStockRepository().levels(["MUG-RED"])["MUG-RED"].available


@pytest.mark.parametrize("instruments", [(), (money(),)])
def test_it_is_bought_with_no_instrument_and_with_one_nothing_is_asked_of_it(
    instruments: tuple[dict[str, Any], ...],
) -> None:
    begun = begin()
    assert (total(begun), begun["status"]) == (0, "ready_for_complete")
    done = pay(begun, *instruments, ann=False).json
    assert_valid_ucp("checkout", done)
    assert done["status"] == "completed"
    order = order_of(done)
    assert (order.status, order.paid, order.total, left()) == (OrderStatus.CONFIRMED, True, 0, 3)
    assert all("amount" not in one for one in done["payment"]["instruments"])
    shown = asking(get_order, "GET /orders/{id}", ann=False, id=order.id)
    assert shown.status == 200, shown.text
    assert_valid_ucp("order", shown.json)


def test_a_body_without_a_word_of_payment_will_do() -> None:
    from functions.checkout import complete_checkout
    from tests.kit.shop import call

    route = "POST /checkout-sessions/{id}/complete"
    assert call(complete_checkout.handler, route, {}, id=begin()["id"]).json["status"] == (
        "completed"
    )


def test_a_gift_card_that_was_not_needed_keeps_what_it_has() -> None:
    code = card(1_000)
    done = pay(begin(), credit("gift_card", code), ann=False).json
    assert (done["status"], order_of(done).credits, balance(code)) == ("completed", (), 1_000)


def test_its_goods_go_back_to_sale_when_it_is_called_off_and_no_money_is_looked_for() -> None:
    order = order_of(pay(begin(), ann=False).json)
    route = "POST /staff/orders/{id}/cancel"
    assert staff(cancel_order, route, {"reason": "changed mind"}, id=order.id).status == 200
    orders, at = DynamoOrderRepository(), datetime.now(UTC)
    provider = SandboxProvider(shop_url="http://shop.test", later=lambda reference: None)
    settled = refund_excess_payment(order.id, at=at, orders=orders, provider=provider)
    assert (settled.status, settled.payment.total_of("refunded"), left()) == (
        OrderStatus.CANCELLED,
        0,
        5,
    )
    assert settled.payment.status is PaymentStatus.CAPTURED
    capture_payment(order.id, at=at, orders=orders, provider=provider)
    shown = staff(get_for_staff, "GET /staff/orders/{id}", id=order.id).json
    assert (shown["status"], shown["payment"]["status"]) == ("cancelled", "cancelled")


def test_one_that_was_cut_off_before_it_was_sure_expires_without_asking_a_provider() -> None:
    from shop.checkout.actions import complete

    begun = begin()
    with (
        patch.object(complete, "resume_placement", side_effect=KeyboardInterrupt),
        pytest.raises(KeyboardInterrupt),
    ):
        pay(begun, ann=False)
    orders = DynamoOrderRepository()
    (order_id,) = orders.list_awaiting_payment(datetime.now(UTC) + timedelta(hours=1), 10)
    assert (orders.get_by_id(order_id).status, left()) == (OrderStatus.PLACED, 3)
    order = expire_order(
        order_id,
        at=datetime.now(UTC),
        writes=OrderWrites(
            orders=orders,
            stock=DynamoStockRepository(),
            usage=DynamoUsageCounters(counter_shards()),
            uow=DynamoUnitOfWork(),
        ),
        provider=SandboxProvider(shop_url="http://shop.test", later=lambda reference: None),
    )
    assert (order.status, left()) == (OrderStatus.CANCELLED, 5)
