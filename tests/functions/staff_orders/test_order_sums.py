"""GET /staff/order-sums: what was sold, cancelled, refunded and kept, by currency."""

from dataclasses import replace
from typing import Any

import pytest

from functions.staff_orders import get_order, list_orders, sum_orders
from shop.orders.actions.delivery import abandon_delivery, complete_order
from shop.orders.model import Order
from shop.orders.model.order_state import OrderCredit
from shop.payments.model import PaymentStatus, ProviderPaymentState
from tests.kit.order_fixtures import order_fixture, order_placed_today, put_secrets, signed_in
from tests.kit.shop import call
from tests.unit.orders.order_fixture import OrderFixture
from tests.unit.orders.test_price_calculation import stored_order

WANDA = signed_in("wanda", "fulfilment")

pytestmark = pytest.mark.usefixtures("cloud")


@pytest.fixture(autouse=True)
def _as_staff(cloud: None, monkeypatch: pytest.MonkeyPatch) -> None:
    put_secrets()
    for module in (list_orders, sum_orders):
        module.secret._read_at = None
    monkeypatch.setenv("ACCESS", "staff")
    monkeypatch.setenv("ACCESS_GROUPS", "staff,fulfilment")


@pytest.fixture
def fixture() -> OrderFixture:
    return order_fixture()


def read(route: str, handler: Any, **request: Any) -> Any:
    response = call(handler, route, claims=WANDA, **request)
    assert response.status == 200, response.text
    return response.json


def sums(query: str = "") -> list[dict[str, Any]]:
    response = read("GET /staff/order-sums", sum_orders.handler, query=query)
    assert response["complete"]
    return list(response["sums"])


def sale(fixture: OrderFixture, order_id: str, **changes: Any) -> Order:
    """Place two mugs (19 %) and two books (7 %) at 10.00 EUR each, with shipping of 4.95 EUR."""
    now = order_placed_today(order_id)
    order = replace(stored_order("DE"), id=order_id, placed_at=now.placed_at, pay_by=now.pay_by)
    return fixture.place(order, **changes)


def report(fixture: OrderFixture, order: Order, *, refunded: int = 0) -> Order:
    """Record the report of a payment that is captured for the amount charged."""
    amount = order.amount.minor
    return fixture.record(
        order,
        ProviderPaymentState(f"pay_{order.id}", PaymentStatus.CAPTURED, amount, amount, refunded),
    )


def deliver(fixture: OrderFixture, order: Order, number: str) -> None:
    fixture.ship(order, number)
    fixture.track("delivered", number)
    complete_order(order.id, at=fixture.now, orders=fixture.orders)


def declined(fixture: OrderFixture) -> None:
    fixture.pay(sale(fixture, "ord_declined"), "tok_declined")


def partly_cancelled(fixture: OrderFixture) -> None:
    order = report(fixture, sale(fixture, "ord_partly"))
    fixture.ship(order, "1Z1", lines={"li_1": 1})
    fixture.cancel(order, allow_partial=True)


def partly_refunded(fixture: OrderFixture) -> None:
    fixture.refund(report(fixture, sale(fixture, "ord_late")), 500)


def fully_returned(fixture: OrderFixture) -> None:
    order = report(fixture, sale(fixture, "ord_back"))
    deliver(fixture, order, "1Z2")
    fixture.return_goods(order, {"li_1": 2}, restock=True)
    fixture.return_goods(order, {"li_2": 2}, restock=True)


def refunded_outside(fixture: OrderFixture) -> None:
    report(fixture, sale(fixture, "ord_outside"), refunded=700)


def paid_by_credits(fixture: OrderFixture) -> None:
    order = report(
        fixture, sale(fixture, "ord_card", credits=(OrderCredit("card/hash", 3_000, "i_1"),))
    )
    deliver(fixture, order, "1Z3")
    fixture.return_goods(order, {"li_1": 2}, restock=True)


def lost(fixture: OrderFixture) -> None:
    order = report(fixture, sale(fixture, "ord_lost"))
    fixture.ship(order, "1Z4")
    fixture.track("lost", "1Z4")
    abandon_delivery("ord_lost", late=False, at=fixture.now, orders=fixture.orders)


def unpaid(fixture: OrderFixture) -> None:
    sale(fixture, "ord_open")


DAY = (
    declined,
    partly_cancelled,
    partly_refunded,
    fully_returned,
    refunded_outside,
    paid_by_credits,
    lost,
    unpaid,
)


def held_by(order: Order) -> int:
    """Return what the ledger of an order says: money after refunds, and credits that stay used."""
    if order.status == "placed":
        return order.total
    reversed_credits = sum(amount for _, amount in order.excess_credits)
    return order.payment.net_captured + order.paid_by_credits - reversed_credits


def settle(fixture: OrderFixture, order_id: str) -> Order:
    """Record the refund of what the provider holds beyond the amount due."""
    order: Order = fixture.orders.get_by_id(order_id)
    if order.settled:
        return order
    return report(fixture, order, refunded=order.payment.total_of("captured") - order.due)


def entries(query: str = "") -> dict[str, Any]:
    response = read("GET /staff/orders", list_orders.handler, query=query)
    return {entry["id"]: entry for entry in response["orders"]}


def test_sums_are_the_money_and_credits_that_the_shop_holds(fixture: OrderFixture) -> None:
    # Given a day with every kind of cancellation, return and refund
    for event in DAY:
        event(fixture)
    (before,) = sums()
    orders = [settle(fixture, order_id) for order_id in entries()]
    assert len(orders) == len(DAY)

    # Then the sums are those of the ledgers to the cent, and equal before the refunds are paid
    (eur,) = sums()
    assert eur == before
    assert eur["net"] == sum(map(held_by, orders))
    assert eur["gross"] == sum(order.total for order in orders) == 8 * 4_495
    assert eur["gross"] - eur["cancelled"] - eur["refunded"] == eur["net"]
    assert (eur["count"], eur["cancelled_count"], eur["returned_count"]) == (8, 1, 2)
    assert eur["unpaid"] == 4_495


def test_list_order_and_sums_show_the_same_amounts(fixture: OrderFixture) -> None:
    for event in DAY:
        event(fixture)
    listed = entries()
    (eur,) = sums()
    assert sum(entry["net"] for entry in listed.values()) == eur["net"]
    for order_id, entry in listed.items():
        order = read("GET /staff/orders/{id}", get_order.handler, id=order_id)
        for name in ("status", "net", "active_pieces", "total"):
            assert entry[name] == order[name], (order_id, name)
        (one,) = sums(f"number={order_id}")
        assert (one["net"], one["gross"]) == (entry["net"], entry["total"])


NOTHING_LEFT = {"net": 0, "tax": 0, "shipping": 0}


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (declined, {"cancelled": 4_495, "refunded": 0, **NOTHING_LEFT}),
        # Of 20.00, 3.19 are tax; the first mug took 1.60, so 1.59 stay, and 0.56 of the shipping.
        (
            partly_cancelled,
            {"cancelled": 3_000, "refunded": 0, "net": 1_495, "tax": 215, "shipping": 495},
        ),
        # Half of the goods is at 19 %, so 2.50 contain 0.40, and 2.50 at 7 % contain 0.16.
        (
            partly_refunded,
            {"cancelled": 0, "refunded": 500, "net": 3_995, "tax": 506 - 56, "shipping": 495},
        ),
        (fully_returned, {"cancelled": 0, "refunded": 4_495, **NOTHING_LEFT, "returned_count": 1}),
        (
            refunded_outside,
            {"cancelled": 0, "refunded": 700, "net": 3_795, "tax": 506 - 79, "shipping": 495},
        ),
        (paid_by_credits, {"refunded": 2_000, "net": 2_495, "tax": 506 - 319, "shipping": 495}),
        (lost, {"cancelled": 0, "refunded": 4_495, **NOTHING_LEFT, "returned_count": 1}),
        (unpaid, {"net": 4_495, "unpaid": 4_495, "tax": 506, "shipping": 495}),
    ],
)
def test_sums_name_what_became_of_an_order(
    fixture: OrderFixture, event: Any, expected: dict[str, int]
) -> None:
    event(fixture)
    (eur,) = sums()
    assert {name: eur[name] for name in expected} == expected


def test_order_that_was_sent_back_whole_stays_completed_everywhere(fixture: OrderFixture) -> None:
    # Given an order that arrived and came back, and one that never arrived
    fully_returned(fixture)
    lost(fixture)

    # Then `returned` finds only the one that never arrived, and the buyer keeps no piece of either
    states = {key: (each["status"], each["active_pieces"]) for key, each in entries().items()}
    assert states == {"ord_back": ("completed", 0), "ord_lost": ("returned", 0)}
    assert list(entries("status=returned")) == ["ord_lost"]
    assert sums("status=returned")[0]["returned_count"] == 1
    assert sums("status=completed")[0]["returned_count"] == 1
