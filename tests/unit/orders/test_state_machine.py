"""The order life cycle under random sequences of events.

Events arrive late, twice and in any order, deadlines pass at any time, and the provider is down at
times. Every sequence must keep the invariants and end consistently.
"""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from shop.kernel.errors import Conflict, InvalidRequest, NotFound, Unavailable
from shop.kernel.events import Event
from shop.kernel.unit_of_work import ConditionFailed
from shop.orders.actions.delays import announce_delays
from shop.orders.actions.expiry import expire_overdue_orders
from shop.orders.actions.payments import abandon_unanswered_payment, is_unanswered
from shop.orders.model import Order, OrderStatus, ShipmentStatus
from shop.payments.model import PaymentStatus
from tests.kit.orders import WINDOW, make_order
from tests.unit.orders.order_simulation import OrderSimulation

pytestmark = pytest.mark.slow

TOKENS = ("tok_success", "tok_declined", "tok_pending", "tok_challenge", "tok_captured")
RARELY = st.sampled_from([False, False, False, False, True])
EXPECTED_ERRORS = (Conflict, InvalidRequest, NotFound, Unavailable)


# One path each, in order


def placed_and_paid(simulation: OrderSimulation, token: str = "tok_success") -> Order:
    order_id = simulation.pay(simulation.place(), token).id
    simulation.deliver_all()
    order: Order = simulation.orders.get_by_id(order_id)
    return order


def test_order_without_incidents_takes_four_steps() -> None:
    simulation = OrderSimulation()
    order = placed_and_paid(simulation)
    simulation.ship(order)
    simulation.deliver_all()
    simulation.track("delivered")
    simulation.deliver_all()
    execution = simulation.workflow.executions[order.id]
    assert execution.path == ["AwaitPayment", "AwaitShipment", "AwaitDelivery", "CompleteOrder"]
    simulation.check_at_rest()


def test_expired_order_ends_its_execution_as_succeeded() -> None:
    simulation = OrderSimulation()
    order = placed_and_paid(simulation, "tok_pending")
    simulation.workflow.deadline(order.id)
    simulation.deliver_all()
    execution = simulation.workflow.executions[order.id]
    assert execution.path == [
        "AwaitPayment",
        "CompensatePayment",
        "AfterCompensatePayment",
        "OrderTerminated",
    ]
    assert simulation.orders.get_by_id(order.id).cancel_reason == "payment_expired"
    simulation.check_at_rest()


def test_payment_certain_at_deadline_continues_to_shipping() -> None:
    simulation = OrderSimulation()
    order = placed_and_paid(simulation, "tok_pending")
    simulation.provider.settle(f"pay_{order.id}")
    simulation.workflow.deadline(order.id)
    assert simulation.workflow.waiting(order.id) == "AwaitShipment"
    simulation.ship(order)
    simulation.deliver_all()
    simulation.track("delivered")
    simulation.deliver_all()
    simulation.check_at_rest()


def test_cancelled_order_leaves_the_workflow() -> None:
    simulation = OrderSimulation()
    order = placed_and_paid(simulation)
    simulation.cancel(order)
    simulation.deliver_all()
    execution = simulation.workflow.executions[order.id]
    assert execution.path[-3:] == ["CompensatePayment", "AfterCompensatePayment", "OrderTerminated"]
    assert "CompensateShipment" in execution.path
    simulation.check_at_rest()


def test_unshipped_pieces_are_cancelled_and_the_order_continues() -> None:
    simulation = OrderSimulation()
    order = simulation.ship(placed_and_paid(simulation), lines={"li_1": 1})
    simulation.deliver_all()
    simulation.workflow.deadline(order.id)
    assert simulation.workflow.waiting(order.id) == "AwaitDelivery"
    simulation.deliver_all()
    simulation.track("delivered")
    simulation.deliver_all()
    after = simulation.orders.get_by_id(order.id)
    assert (after.status, after.payment.net_captured) == (
        OrderStatus.COMPLETED,
        order.total - 2 * 1080,
    )
    simulation.check_at_rest()


def test_lost_shipment_is_refunded() -> None:
    simulation = OrderSimulation()
    order = simulation.ship(placed_and_paid(simulation))
    simulation.deliver_all()
    simulation.track("lost")
    simulation.deliver_all()
    after = simulation.orders.get_by_id(order.id)
    assert (after.status, after.payment.net_captured) == (OrderStatus.RETURNED, 0)
    simulation.check_at_rest()


def test_capture_is_repeated_at_completion_after_an_outage() -> None:
    simulation = OrderSimulation()
    order = simulation.ship(placed_and_paid(simulation))
    simulation.provider.down = True
    simulation.deliver_all()
    assert simulation.workflow.waiting(order.id) == "AwaitDelivery"
    simulation.provider.down = False
    simulation.track("delivered")
    simulation.deliver_all()
    simulation.check_at_rest()


def test_capture_outage_at_completion_fails_the_execution() -> None:
    simulation = OrderSimulation()
    order = simulation.ship(placed_and_paid(simulation))
    simulation.provider.down = True
    simulation.deliver_all()
    simulation.track("delivered")
    simulation.deliver_all()
    assert simulation.workflow.executions[order.id].status == "FAILED"
    assert simulation.orders.get_by_id(order.id).status is OrderStatus.CONFIRMED


def test_payment_before_the_workflow_starts_does_not_stall_it() -> None:
    simulation = OrderSimulation()
    order = simulation.pay(simulation.place())
    simulation.publish()
    events = simulation.undelivered
    simulation.undelivered = [e for e in events if e[0] == "event_handlers.advance_workflow"] + [
        e for e in events if e[0] != "event_handlers.advance_workflow"
    ]
    simulation.deliver_all()
    assert simulation.workflow.waiting(order.id) == "AwaitShipment"


# Random sequences


class OrderLifeCycle(RuleBasedStateMachine):
    """Random steps of up to four orders at once."""

    def __init__(self) -> None:
        super().__init__()
        self.simulation = OrderSimulation()
        self.tracking_numbers: list[str] = []

    orders = st.integers(0, 3)

    def _order(self, index: int) -> Order | None:
        placed = self.simulation.orders.list_all()
        return placed[index % len(placed)] if placed else None

    @rule(pieces=st.tuples(st.integers(1, 4), st.integers(1, 4)), token=st.sampled_from(TOKENS))
    def buy(self, pieces: tuple[int, int], token: str) -> None:
        placed = self.simulation.orders.list_all()
        if len(placed) == 4:
            return
        at = self.simulation.advance(seconds=1)
        order = make_order(f"ord_{len(placed)}", pieces, placed_at=at, pay_by=at + WINDOW)
        try:
            self.simulation.place(order)
            self.simulation.pay(order, token)
        except (ConditionFailed, Unavailable):
            return

    @rule(index=orders, token=st.sampled_from(TOKENS))
    def pay_late(self, index: int, token: str) -> None:
        order = self._order(index)
        if order is not None:
            self._try(lambda: self.simulation.pay(order, token))

    @rule(index=orders, approved=st.booleans())
    def payment_webhook(self, index: int, approved: bool) -> None:
        order = self._order(index)
        if order is not None:

            def settle_and_record() -> None:
                reference = f"pay_{order.id}"
                self.simulation.provider.settle(reference, approved)
                order_id, state = self.simulation.provider.get_payment(reference)
                self.simulation.record(self.simulation.orders.get_by_id(order_id), state)

            self._try(settle_and_record)

    @rule(index=orders, enabled=RARELY)
    def cancel_at_provider(self, index: int, enabled: bool) -> None:
        order = self._order(index)
        if order is None or not enabled or any(line.shipped for line in order.lines):
            return
        payment = self.simulation.provider._payments.get(f"pay_{order.id}")
        if payment is not None and payment[2].status is not PaymentStatus.CAPTURED:

            def cancel_and_record() -> None:
                self.simulation.record(
                    order, self.simulation.provider.cancel(f"pay_{order.id}", key="by hand")
                )

            self._try(cancel_and_record)

    @rule(index=orders, enabled=RARELY)
    def cancel(self, index: int, enabled: bool) -> None:
        order = self._order(index)
        if order is not None and enabled:
            self._try(lambda: self.simulation.cancel(order))

    @rule(
        index=orders, line=st.sampled_from(["li_1", "li_2", None, None]), pieces=st.integers(1, 4)
    )
    def ship(self, index: int, line: str | None, pieces: int) -> None:
        order = self._order(index)
        if order is not None:
            number = f"1Z{len(self.tracking_numbers)}"
            lines = None if line is None else {line: pieces}
            if self._try(lambda: self.simulation.ship(order, number, lines=lines)):
                self.tracking_numbers.append(number)

    @rule(
        index=st.integers(0, 20),
        status=st.sampled_from([*ShipmentStatus, *[ShipmentStatus.DELIVERED] * 5]),
        ago=st.integers(0, 5000),
        event=st.integers(0, 5),
    )
    def tracking_event(self, index: int, status: ShipmentStatus, ago: int, event: int) -> None:
        if self.tracking_numbers:
            number = self.tracking_numbers[index % len(self.tracking_numbers)]
            at = self.simulation.now - timedelta(seconds=ago)
            self.simulation.track(status, number, event=f"e{event}", at=at)

    @rule(
        index=orders,
        line=st.sampled_from(["li_1", "li_2"]),
        pieces=st.integers(1, 4),
        restock=st.booleans(),
    )
    def send_back(self, index: int, line: str, pieces: int, restock: bool) -> None:
        order = self._order(index)
        if order is not None:
            self.simulation.advance(seconds=1)
            self._try(lambda: self.simulation.return_goods(order, {line: pieces}, restock=restock))

    @rule(index=orders, amount=st.integers(1, 2_000), enabled=RARELY)
    def grant_refund(self, index: int, amount: int, enabled: bool) -> None:
        order = self._order(index)
        if order is not None and enabled:
            self._try(lambda: self.simulation.refund(order, amount))

    @rule(indexes=st.lists(st.integers(0, 30), min_size=1, max_size=8), keep=RARELY)
    def deliver(self, indexes: list[int], keep: bool) -> None:
        for index in indexes:
            self._try(lambda index=index: self.simulation.deliver(index, keep=keep))

    @rule(index=orders, enabled=RARELY)
    def deadline(self, index: int, enabled: bool) -> None:
        order = self._order(index)
        if order is not None and enabled:
            self.simulation.workflow.deadline(order.id)

    @rule(minutes=st.sampled_from([1, 1, 1, 1, 31]))
    def sweep(self, minutes: int) -> None:
        self.simulation.advance(minutes=minutes)
        expire_overdue_orders(
            at=self.simulation.now, provider=self.simulation.provider, writes=self.simulation.writes
        )

    @rule(index=orders)
    def other_card(self, index: int) -> None:
        """The buyer sends another card, because the payment request has no answer."""
        order = self._order(index)
        if order is not None and is_unanswered(order):
            self._try(
                lambda: abandon_unanswered_payment(
                    order,
                    at=self.simulation.now,
                    writes=self.simulation.writes,
                    provider=self.simulation.provider,
                )
            )

    @rule(days=st.sampled_from([0, 0, 0, 8]))
    def announce_late_orders(self, days: int) -> None:
        self.simulation.advance(days=days)
        announce_delays(at=self.simulation.now, orders=self.simulation.orders)

    @rule(down=RARELY)
    def provider(self, down: bool) -> None:
        self.simulation.provider.down = down

    def _try(self, step: object) -> bool:
        try:
            step()  # type: ignore[operator]
        except EXPECTED_ERRORS:
            return False
        return True

    @invariant()
    def invariants_hold(self) -> None:
        self.simulation.check()

    def teardown(self) -> None:
        """Deliver every event, let every deadline pass, and check the final state.

        An execution that failed while the provider was down needs a person, who starts it again.
        """
        simulation = self.simulation
        simulation.provider.down = False
        for _ in range(12):
            simulation.deliver_all()
            for order in simulation.orders.list_all():
                execution = simulation.workflow.executions.get(order.id)
                if execution is not None and execution.status == "FAILED":
                    del simulation.workflow.executions[order.id]
                    simulation.workflow.start(order.id)
                simulation.workflow.deadline(order.id)
        simulation.check_at_rest()


def run_sequences(
    machine: type[OrderLifeCycle], examples: int, steps: int, *, shrink: bool = True
) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            # A planted fault must be found, so its run tries the same sequences every time.
            derandomize=not shrink,
            phases=[Phase.generate, Phase.shrink] if shrink else [Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_any_sequence_of_events_ends_consistently() -> None:
    run_sequences(OrderLifeCycle, 400, 50)


class WithoutRefunds(OrderSimulation):
    """A simulation that never refunds."""

    def refund_excess(self, order: Order) -> Order:
        return order


class WithRepeatedEmails(OrderSimulation):
    """A simulation that sends an email for each delivery of a confirmation."""

    def __init__(self) -> None:
        super().__init__()
        self.sent_emails.claim = lambda *_: True


class WithoutWorkflowEvents(OrderSimulation):
    """A simulation whose workflow never learns of changes of its order."""

    def _handle(self, module: str, event: Event) -> None:
        if module != "event_handlers.advance_workflow":
            super()._handle(module, event)


@pytest.mark.parametrize("simulation", [WithoutRefunds, WithRepeatedEmails, WithoutWorkflowEvents])
def test_faulty_simulations_are_detected(simulation: type[OrderSimulation]) -> None:
    class FaultyLifeCycle(OrderLifeCycle):
        def __init__(self) -> None:
            super().__init__()
            self.simulation = simulation()

        def teardown(self) -> None:
            if simulation is WithoutWorkflowEvents:
                self.simulation.provider.down = False
                self.simulation.deliver_all()
                for order in self.simulation.orders.list_all():
                    if (
                        order.status is OrderStatus.CANCELLED
                        and order.id in self.simulation.workflow.executions
                    ):
                        assert self.simulation.workflow.waiting(order.id) is None
            super().teardown()

    with pytest.raises((AssertionError, BaseExceptionGroup)):
        run_sequences(FaultyLifeCycle, 300, 40, shrink=False)
