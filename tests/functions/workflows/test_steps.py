"""The steps of the order workflow and their undos, through the doors: each bears to run twice."""

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


class Answers:
    """Step Functions, as far as a step talks to it."""

    def __init__(self) -> None:
        self.resumed: list[str] = []
        self.aborted: list[tuple[str, str, str]] = []

    def resume(self, token: str, result: dict[str, Any]) -> None:
        assert result == {"order_id": "ord_1"}
        self.resumed.append(token)

    def abort(self, token: str, error: str, cause: str) -> None:
        self.aborted.append((token, error, cause))


@pytest.fixture(autouse=True)
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    answers = Answers()
    for door in WAITING:
        monkeypatch.setattr(door, "workflow", answers)
    return answers


def run(door: Any, token: str = "t1", **more: Any) -> Any:
    return door.handler({"order_id": "ord_1", "token": token, **more}, Context())


def undo(door: Any, failure: dict[str, str] = LATE) -> bool:
    answer = door.handler({"order_id": "ord_1", "failure": failure}, Context())
    assert answer["order_id"] == "ord_1"
    goes_on: bool = answer["goes_on"]
    return goes_on


def shipped(lines: Any = None) -> OrderFixture:
    room = order_fixture()
    room.ship(room.sold(order_placed_today()), lines=lines)
    return room


def test_every_step_and_undo_of_the_manifest_is_a_door() -> None:
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


# Waiting


def test_an_unpaid_order_is_waited_for(answers: Answers) -> None:
    room = order_fixture()
    room.place(order_placed_today())
    run(await_payment)
    assert (answers.resumed, answers.aborted) == ([], [])
    assert room.waits.get_many("ord_1", ["payment"]) == {"payment": "t1"}


def test_a_later_attempt_waits_with_its_own_token(answers: Answers) -> None:
    room = order_fixture()
    room.place(order_placed_today())
    run(await_payment, "t1")
    run(await_payment, "t2")
    assert room.waits.get_many("ord_1", ["payment"]) == {"payment": "t2"}


def test_an_order_that_is_paid_already_goes_on_at_once(answers: Answers) -> None:
    room = order_fixture()
    room.pay(room.place(order_placed_today()))
    run(await_payment)
    assert answers.resumed == ["t1"]


@pytest.mark.parametrize("door", WAITING)
def test_an_order_called_off_already_is_not_waited_for(door: Any, answers: Answers) -> None:
    room = order_fixture()
    room.cancel(room.place(order_placed_today()), "ordered twice")
    run(door)
    assert (answers.resumed, answers.aborted) == ([], [("t1", "OrderTerminated", "ordered twice")])


def test_an_order_is_allocated_and_waited_for(answers: Answers) -> None:
    room = order_fixture()
    room.pay(room.place(order_placed_today()))
    run(await_shipment)
    run(await_shipment)
    assert room.orders.get_by_id("ord_1").allocation == {"li_1": "main", "li_2": "main"}
    assert answers.resumed == []
    room.ship(room.orders.get_by_id("ord_1"))
    run(await_shipment, "t3")
    assert answers.resumed == ["t3"]


def test_the_money_is_taken_once_and_the_parcel_waited_for(answers: Answers) -> None:
    room = shipped()
    run(await_delivery)
    run(await_delivery)
    order = room.orders.get_by_id("ord_1")
    assert order.payment.net_captured == order.total
    assert answers.resumed == []
    room.hear("delivered")
    run(await_delivery, "t3")
    assert answers.resumed == ["t3"]


def test_a_parcel_that_is_lost_already_is_not_waited_for(answers: Answers) -> None:
    room = shipped()
    room.hear("lost")
    run(await_delivery)
    assert [error for _, error, _ in answers.aborted] == ["OrderTerminated"]


def test_an_order_that_arrived_is_closed_once() -> None:
    room = shipped()
    with pytest.raises(Conflict):
        run(complete_order)
    room.hear("delivered")
    run(complete_order)
    order = room.orders.get_by_id("ord_1")
    assert (order.status, order.payment.net_captured) == (OrderStatus.COMPLETED, order.total)
    run(complete_order)
    assert room.orders.get_by_id("ord_1") == order


@pytest.mark.parametrize("door", [*WAITING, complete_order])
def test_a_step_for_an_order_nobody_placed_fails(door: Any) -> None:
    with pytest.raises(NotFound):
        run(door)


# Undoing


def test_an_unpaid_order_is_called_off_at_its_deadline() -> None:
    room = order_fixture()
    room.pay(room.place(order_placed_today()), "tok_never")
    assert (undo(compensate_payment), undo(compensate_payment)) == (False, False)
    order = room.orders.get_by_id("ord_1")
    assert (order.status, order.cancel_reason) == (OrderStatus.CANCELLED, "payment_expired")
    assert order.payment.status is PaymentStatus.CANCELLED
    assert room.reserved() == (0, 0)


def test_a_payment_that_proves_certain_goes_on() -> None:
    room = order_fixture()
    order = room.pay(room.place(order_placed_today()), "tok_pending")
    room.provider.settle(order.payment.reference)
    assert undo(compensate_payment)
    assert room.orders.get_by_id("ord_1").status is OrderStatus.CONFIRMED


def test_what_was_not_shipped_in_time_is_called_off() -> None:
    room = order_fixture()
    room.sold(order_placed_today())
    assert (undo(compensate_shipment), undo(compensate_shipment)) == (False, False)
    assert room.orders.get_by_id("ord_1").cancel_reason == "not_shipped"
    assert room.reserved() == (0, 0)
    assert not undo(compensate_payment)


def test_what_was_shipped_in_part_goes_on_with_that() -> None:
    room = shipped({"li_1": 1})
    assert (undo(compensate_shipment), undo(compensate_shipment)) == (True, True)
    order = room.orders.get_by_id("ord_1")
    assert [line.cancelled for line in order.lines] == [1, 1]
    assert room.reserved() == (0, 0)
    run(await_delivery)
    assert room.orders.get_by_id("ord_1").payment.net_captured == order.due


def test_a_delivery_is_given_up_when_it_is_late_or_has_failed() -> None:
    room = shipped()
    assert (undo(compensate_delivery), undo(compensate_delivery)) == (False, False)
    assert room.orders.get_by_id("ord_1").status is OrderStatus.RETURNED


def test_what_broke_on_the_way_is_no_reason_to_give_a_delivery_up() -> None:
    room = shipped()
    with pytest.raises(Conflict):
        undo(compensate_delivery, BROKEN)
    assert room.orders.get_by_id("ord_1").status is OrderStatus.CONFIRMED
    room.hear("delivered")
    assert undo(compensate_delivery, BROKEN)


@pytest.mark.parametrize("door", [compensate_payment, compensate_shipment, compensate_delivery])
def test_undoing_what_never_came_to_pass_changes_nothing(door: Any) -> None:
    room = order_fixture()
    order = room.cancel(room.place(order_placed_today()))
    assert not undo(door)
    assert room.orders.get_by_id("ord_1") == order
