"""Payments with lost webhooks are found by asking the provider."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from functions.scheduled import reconcile_payments
from shop.kernel.errors import Unavailable
from shop.orders.model import Order, OrderStatus
from shop.payments.model import Credential
from tests.doubles.stripe_server import StripeServer
from tests.kit.aws_call_counter import count_calls
from tests.kit.order_fixtures import order_fixture
from tests.kit.orders import WINDOW, make_order
from tests.kit.shop import Context
from tests.unit.orders.order_fixture import OrderFixture
from tests.unit.payments.conftest import gateway

pytestmark = pytest.mark.usefixtures("cloud")


def reconcile() -> dict[str, int]:
    result: dict[str, int] = reconcile_payments.handler({}, Context())
    return result


def place(fixture: OrderFixture, minutes_ago: float = 3, order_id: str = "ord_1") -> Order:
    at = datetime.now(UTC) - timedelta(minutes=minutes_ago)
    order: Order = fixture.place(make_order(order_id, (1, 1), placed_at=at, pay_by=at + WINDOW))
    return order


def test_payment_with_lost_webhook_confirms_its_order() -> None:
    fixture = order_fixture()
    order = fixture.pay(place(fixture), "tok_pending")
    fixture.provider.settle(order.payment.reference)  # without a webhook
    assert fixture.orders.get_by_id("ord_1").status is OrderStatus.PLACED
    assert reconcile() == {"waiting": 1, "settled": 1}
    assert fixture.orders.get_by_id("ord_1").status is OrderStatus.CONFIRMED
    assert reconcile() == {"waiting": 0, "settled": 0}


def test_declined_payment_with_lost_webhook_cancels_the_order() -> None:
    fixture = order_fixture()
    order = fixture.pay(place(fixture), "tok_pending_declined")
    fixture.provider.settle(order.payment.reference)
    assert reconcile() == {"waiting": 1, "settled": 1}
    after = fixture.orders.get_by_id("ord_1")
    assert (after.status, after.cancel_reason) == (OrderStatus.CANCELLED, "card_declined")
    assert fixture.reserved() == (0, 0)


def test_payment_with_lost_response_is_found_by_its_order() -> None:
    """The provider authorized the payment; the process crashed before it stored the response."""
    fixture = order_fixture()
    order = place(fixture)
    credential = Credential("sandbox", "token", "tok_success")
    fixture.provider.authorize(order.id, order.amount, credential, key=order.id)
    assert reconcile() == {"waiting": 1, "settled": 1}
    assert fixture.orders.get_by_id("ord_1").status is OrderStatus.CONFIRMED


def test_pending_payment_is_not_written() -> None:
    fixture = order_fixture()
    pending = fixture.pay(place(fixture), "tok_never")
    unpaid = place(fixture, order_id="ord_2")
    assert reconcile() == {"waiting": 2, "settled": 0}
    assert fixture.orders.get_by_id("ord_1") == pending
    assert fixture.orders.get_by_id("ord_2").version == unpaid.version


def test_order_within_its_grace_period_is_skipped() -> None:
    fixture = order_fixture()
    order = fixture.pay(place(fixture, 1), "tok_pending")
    fixture.provider.settle(order.payment.reference)
    assert reconcile() == {"waiting": 0, "settled": 0}


def test_unavailable_provider_is_asked_once_per_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fixture = order_fixture()
    for n in range(3):
        fixture.pay(place(fixture, order_id=f"ord_{n}"), "tok_pending")
    requested = []

    def down(reference: str) -> None:
        requested.append(reference)
        raise Unavailable("down")

    with monkeypatch.context() as patched:
        patched.setattr(reconcile_payments.provider, "get_payment", down)
        assert reconcile() == {"waiting": 1, "settled": 0}
    assert len(requested) == 1
    assert reconcile() == {"waiting": 3, "settled": 0}


def test_run_without_orders_queries_two_days_of_shards_only() -> None:
    with count_calls() as calls:
        reconcile()
    assert calls.operations == {"Query": 32}


@pytest.fixture
def server() -> Iterator[StripeServer]:
    server = StripeServer()
    yield server
    server.close()


def test_order_without_payment_is_not_written(
    server: StripeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    fixture = order_fixture()
    monkeypatch.setattr(reconcile_payments, "provider", gateway(server))
    order = place(fixture)
    assert reconcile() == {"waiting": 1, "settled": 0}
    assert fixture.orders.get_by_id("ord_1") == order


def test_lost_stripe_webhook_is_reconciled(
    server: StripeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    fixture = order_fixture()
    fixture.provider = gateway(server)
    monkeypatch.setattr(reconcile_payments, "provider", fixture.provider)
    pending, lost_response = place(fixture), place(fixture, order_id="ord_2")
    for order, lost in ((pending, False), (lost_response, True)):
        server.account.faults.extend([None, "lost", "lost"] if lost else [])
        card = "pm_card_visa" if lost else "pm_card_authenticationRequired"
        credential = Credential("stripe", "payment_method", card)
        try:
            state = fixture.provider.authorize(order.id, order.amount, credential, key=order.id)
        except Unavailable:
            continue
        fixture.record(order, state)
        server.account.settle(state.reference)
    assert reconcile() == {"waiting": 2, "settled": 2}
    assert {fixture.orders.get_by_id(o).status for o in ("ord_1", "ord_2")} == {
        OrderStatus.CONFIRMED
    }
