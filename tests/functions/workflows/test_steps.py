"""Steps and compensations of the order workflow, through the handlers; each may run twice."""

from typing import Any

import pytest

from functions.workflows import (
    await_delivery,
    await_payment,
    await_shipment,
    compensate_delivery,
    compensate_payment,
    compensate_shipment,
    complete_order,
)
from functions.workflows.manifest import FEATURE
from shop.kernel.errors import Conflict, NotFound
from shop.orders.model import OrderStatus
from shop.payments.model import PaymentStatus
from tests.kit.order_fixtures import order_fixture, order_placed_today
from tests.kit.shop import Context
from tests.unit.orders.order_fixture import OrderFixture

pytestmark = pytest.mark.usefixtures("cloud")

LATE = {"Error": "States.Timeout", "Cause": ""}
BROKEN = {"Error": "Lambda.Unknown", "Cause": ""}
WAITING = (await_payment, await_shipment, await_delivery)


class RecordedAnswers:
    """Step Functions as far as a step calls it: records resumed and aborted tokens."""

    def __init__(self) -> None:
        self.resumed: list[str] = []
        self.aborted: list[tuple[str, str, str]] = []

    def resume(self, token: str, result: dict[str, Any]) -> None:
        assert result == {"order_id": "ord_1"}
        self.resumed.append(token)

    def abort(self, token: str, error: str, cause: str) -> None:
        self.aborted.append((token, error, cause))


@pytest.fixture(autouse=True)
def answers(monkeypatch: pytest.MonkeyPatch) -> RecordedAnswers:
    answers = RecordedAnswers()
    for step in WAITING:
        monkeypatch.setattr(step, "workflow", answers)
    return answers


def run(step: Any, token: str = "t1", **more: Any) -> Any:
    return step.handler({"order_id": "ord_1", "token": token, **more}, Context())


def compensate(step: Any, failure: dict[str, str] = LATE) -> bool:
    result = step.handler({"order_id": "ord_1", "failure": failure}, Context())
    assert result["order_id"] == "ord_1"
    succeeded: bool = result["succeeded"]
    return succeeded


def shipped(lines: Any = None) -> OrderFixture:
    fixture = order_fixture()
    fixture.ship(fixture.place_allocated(order_placed_today()), lines=lines)
    return fixture


def test_every_step_and_compensation_has_a_handler() -> None:
    assert [line.module for line in FEATURE.functions] == [
        f"workflows.{name}"
        for name in (
            "await_payment",
            "compensate_payment",
            "await_shipment",
            "compensate_shipment",
            "await_delivery",
            "compensate_delivery",
            "complete_order",
        )
    ]


# Steps


def test_unpaid_order_waits_with_its_token(answers: RecordedAnswers) -> None:
    fixture = order_fixture()
    fixture.place(order_placed_today())
    run(await_payment)
    assert (answers.resumed, answers.aborted) == ([], [])
    assert fixture.tokens.get_many("ord_1", ["payment"]) == {"payment": "t1"}


def test_later_attempt_replaces_the_token(answers: RecordedAnswers) -> None:
    fixture = order_fixture()
    fixture.place(order_placed_today())
    run(await_payment, "t1")
    run(await_payment, "t2")
    assert fixture.tokens.get_many("ord_1", ["payment"]) == {"payment": "t2"}


def test_paid_order_resumes_at_once(answers: RecordedAnswers) -> None:
    fixture = order_fixture()
    fixture.pay(fixture.place(order_placed_today()))
    run(await_payment)
    assert answers.resumed == ["t1"]


@pytest.mark.parametrize("step", WAITING)
def test_cancelled_order_aborts_at_once(step: Any, answers: RecordedAnswers) -> None:
    fixture = order_fixture()
    fixture.cancel(fixture.place(order_placed_today()), "ordered twice")
    run(step)
    assert (answers.resumed, answers.aborted) == ([], [("t1", "OrderTerminated", "ordered twice")])


def test_await_shipment_allocates_and_waits(answers: RecordedAnswers) -> None:
    fixture = order_fixture()
    fixture.pay(fixture.place(order_placed_today()))
    run(await_shipment)
    run(await_shipment)
    assert fixture.orders.get_by_id("ord_1").allocation == {"li_1": "main", "li_2": "main"}
    assert answers.resumed == []
    fixture.ship(fixture.orders.get_by_id("ord_1"))
    run(await_shipment, "t3")
    assert answers.resumed == ["t3"]


def test_await_delivery_captures_once_and_waits(answers: RecordedAnswers) -> None:
    fixture = shipped()
    run(await_delivery)
    run(await_delivery)
    order = fixture.orders.get_by_id("ord_1")
    assert order.payment.net_captured == order.total
    assert answers.resumed == []
    fixture.track("delivered")
    run(await_delivery, "t3")
    assert answers.resumed == ["t3"]


def test_lost_shipment_aborts_at_once(answers: RecordedAnswers) -> None:
    fixture = shipped()
    fixture.track("lost")
    run(await_delivery)
    assert [error for _, error, _ in answers.aborted] == ["OrderTerminated"]


def test_complete_order_runs_once() -> None:
    fixture = shipped()
    with pytest.raises(Conflict):
        run(complete_order)
    fixture.track("delivered")
    run(complete_order)
    order = fixture.orders.get_by_id("ord_1")
    assert (order.status, order.payment.net_captured) == (OrderStatus.COMPLETED, order.total)
    run(complete_order)
    assert fixture.orders.get_by_id("ord_1") == order


@pytest.mark.parametrize("step", [*WAITING, complete_order])
def test_step_for_unknown_order_fails(step: Any) -> None:
    with pytest.raises(NotFound):
        run(step)


# Compensation


def test_compensate_payment_cancels_an_unpaid_order() -> None:
    fixture = order_fixture()
    fixture.pay(fixture.place(order_placed_today()), "tok_never")
    assert (compensate(compensate_payment), compensate(compensate_payment)) == (False, False)
    order = fixture.orders.get_by_id("ord_1")
    assert (order.status, order.cancel_reason) == (OrderStatus.CANCELLED, "payment_expired")
    assert order.payment.status is PaymentStatus.CANCELLED
    assert fixture.reserved() == (0, 0)


def test_compensate_payment_continues_with_a_certain_payment() -> None:
    fixture = order_fixture()
    order = fixture.pay(fixture.place(order_placed_today()), "tok_pending")
    fixture.provider.settle(order.payment.reference)
    assert compensate(compensate_payment)
    assert fixture.orders.get_by_id("ord_1").status is OrderStatus.CONFIRMED


def test_compensate_shipment_cancels_an_unshipped_order() -> None:
    fixture = order_fixture()
    fixture.place_allocated(order_placed_today())
    assert (compensate(compensate_shipment), compensate(compensate_shipment)) == (False, False)
    assert fixture.orders.get_by_id("ord_1").cancel_reason == "not_shipped"
    assert fixture.reserved() == (0, 0)
    assert not compensate(compensate_payment)


def test_compensate_shipment_continues_with_shipped_pieces() -> None:
    fixture = shipped({"li_1": 1})
    assert (compensate(compensate_shipment), compensate(compensate_shipment)) == (True, True)
    order = fixture.orders.get_by_id("ord_1")
    assert [line.cancelled for line in order.lines] == [1, 1]
    assert fixture.reserved() == (0, 0)
    run(await_delivery)
    assert fixture.orders.get_by_id("ord_1").payment.net_captured == order.due


def test_compensate_delivery_runs_when_late_or_failed() -> None:
    fixture = shipped()
    assert (compensate(compensate_delivery), compensate(compensate_delivery)) == (False, False)
    assert fixture.orders.get_by_id("ord_1").status is OrderStatus.RETURNED


def test_compensate_delivery_rejects_other_failures() -> None:
    fixture = shipped()
    with pytest.raises(Conflict):
        compensate(compensate_delivery, BROKEN)
    assert fixture.orders.get_by_id("ord_1").status is OrderStatus.CONFIRMED
    fixture.track("delivered")
    assert compensate(compensate_delivery, BROKEN)


@pytest.mark.parametrize("step", [compensate_payment, compensate_shipment, compensate_delivery])
def test_compensation_without_effect_changes_nothing(step: Any) -> None:
    fixture = order_fixture()
    order = fixture.cancel(fixture.place(order_placed_today()))
    assert not compensate(step)
    assert fixture.orders.get_by_id("ord_1") == order
