"""Refunds that are granted while a capture or another refund is at the provider.

The provider processes a request at some moment, and its answer is recorded later, twice or never.
Whatever happens between the two, captured money minus refunded money is what the buyer owes.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shop.kernel.errors import Conflict, InvalidRequest, Unavailable
from shop.kernel.money import Money
from shop.orders.actions.cancellation import cancel_unshipped
from shop.orders.actions.payments import MAX_REFUND_ATTEMPTS
from shop.orders.model import Order, OrderStatus
from shop.payments.model import PaymentStatus, ProviderPaymentState
from tests.doubles.payments import MemoryProvider
from tests.kit.invariants import violations
from tests.kit.orders import BLACK_FRIDAY, authorized, captured, make_order
from tests.kit.system_state import Charge, SystemState
from tests.unit.orders.order_simulation import OrderSimulation

Step = Callable[[], Any]
REFUND_HANDLER = "event_handlers.refund_excess_payment"
EXPECTED_ERRORS = (Conflict, InvalidRequest, Unavailable)


@dataclass
class SlowProvider(MemoryProvider):
    """A provider that is slow: other steps run before it acts, and before its answer arrives.

    ``before`` and ``after`` hold the steps of the next calls, ``lost`` whether their answers are
    lost. Calls made by such a step are not interrupted themselves.
    """

    before: list[Step] = field(default_factory=list)
    after: list[Step] = field(default_factory=list)
    lost: list[bool] = field(default_factory=list)
    calls: list[tuple[str, int]] = field(default_factory=list)
    _busy: bool = False

    def capture(self, reference: str, amount: Money, *, key: str) -> ProviderPaymentState:
        def call() -> ProviderPaymentState:
            return MemoryProvider.capture(self, reference, amount, key=key)

        return self._slowly("capture", amount.minor, call)

    def refund(self, reference: str, amount: Money, *, key: str) -> ProviderPaymentState:
        def call() -> ProviderPaymentState:
            return MemoryProvider.refund(self, reference, amount, key=key)

        return self._slowly("refund", amount.minor, call)

    def cancel(self, reference: str, *, key: str) -> ProviderPaymentState:
        def call() -> ProviderPaymentState:
            return MemoryProvider.cancel(self, reference, key=key)

        return self._slowly("cancel", 0, call)

    def _slowly(
        self, name: str, amount: int, call: Callable[[], ProviderPaymentState]
    ) -> ProviderPaymentState:
        self.calls.append((name, amount))
        if self._busy:
            return call()
        self._run(self.before)
        state = call()
        self._run(self.after)
        if self.lost and self.lost.pop(0):
            raise Unavailable("The answer is lost.", code="payment_provider_down")
        return state

    def _run(self, steps: list[Step]) -> None:
        if not steps:
            return
        self._busy = True
        try:
            steps.pop(0)()
        finally:
            self._busy = False


class SlowSimulation(OrderSimulation):
    """A simulation with one confirmed order, whose provider is slow."""

    def __init__(self) -> None:
        super().__init__()
        self.provider = SlowProvider()
        self.pay(self.place())
        self.deliver_all()

    @property
    def order(self) -> Order:
        return self.orders.get_by_id("ord_1")  # type: ignore[no-any-return]

    def webhook(self, state: ProviderPaymentState | None = None) -> None:
        """Record a report of the provider: its present state, or an older one."""
        state = state or self.provider.truth("ord_1")
        assert state is not None
        self.record(self.order, state)

    def pay_refunds(self) -> None:
        """Deliver the queued events that refund excess money, and no others."""
        self.publish()
        while events := [each for each in self.undelivered if each[0] == REFUND_HANDLER]:
            self.undelivered.remove(events[0])
            self.refund_excess(self.order)
            self.publish()

    def refund_and_pay(self, amount: int = 500) -> None:
        self.refund(self.order, amount)
        self.pay_refunds()

    def finish(self) -> None:
        """Let all parcels arrive, deliver every event, and let every deadline pass."""
        for _ in range(6):
            self.deliver_all()
            self.workflow.deadline("ord_1")
            execution = self.workflow.executions["ord_1"]
            if execution.status == "FAILED":
                # Staff start it again after the outage.
                del self.workflow.executions["ord_1"]
                self.workflow.start("ord_1")
        self.deliver_all()

    def check_money(self) -> None:
        """Assert that the provider holds what is due, and that the order knows it."""
        state = self.provider.truth("ord_1")
        assert state is not None
        assert state.captured - state.refunded == self.order.due
        charge = Charge(
            "ord_1",
            self.order.total,
            state.status,
            state.authorized,
            state.captured,
            state.refunded,
        )
        system = SystemState(orders=[self.order], charges={"ord_1": [charge]})
        found = [str(each) for each in violations(system) if each.rule == "I3"]
        assert found == []


# Examples


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("answer", ["arrives", "is lost"])
def test_refund_during_a_capture_is_paid(moment: str, answer: str) -> None:
    # Given a capture that is at the provider, and a refund that is granted meanwhile
    simulation = SlowSimulation()
    getattr(simulation.provider, moment).append(simulation.refund_and_pay)
    simulation.provider.lost = [answer == "is lost"]
    # When the order is shipped and completed
    simulation.ship(simulation.order)
    simulation.deliver_all()
    simulation.track("delivered")
    simulation.finish()
    # Then the buyer has the refund
    assert simulation.order.status is OrderStatus.COMPLETED
    assert simulation.order.due == simulation.order.total - 500
    simulation.check_money()


def test_return_during_a_capture_is_paid() -> None:
    # Two parcels: the second one, which starts the capture, is shipped after the first arrived.
    simulation = SlowSimulation()
    simulation.ship(simulation.order, "1Z1", lines={"li_1": 2})
    simulation.deliver_all()
    simulation.track("delivered", "1Z1")

    def send_back() -> None:
        simulation.return_goods(simulation.order, {"li_1": 1})
        simulation.pay_refunds()

    simulation.provider.before.append(send_back)
    simulation.ship(simulation.order, "1Z2")
    simulation.deliver_all()
    assert simulation.order.due == simulation.order.total - 1080
    simulation.check_money()


def test_capture_known_by_webhook_first_pays_the_refund() -> None:
    simulation = SlowSimulation()

    def refund_then_report() -> None:
        simulation.refund(simulation.order, 500)
        simulation.webhook()
        simulation.webhook()

    simulation.provider.after.append(refund_then_report)
    simulation.ship(simulation.order)
    simulation.deliver_all()
    simulation.check_money()


def test_capture_after_a_lost_request_asks_for_what_is_due_then() -> None:
    """Providers reject a key that comes again with another amount, so the key names the amount."""
    simulation = SlowSimulation()
    keys: list[str] = []
    capture = simulation.provider.capture

    def recorded(reference: str, amount: Money, *, key: str) -> ProviderPaymentState:
        keys.append(key)
        if len(keys) == 1:
            raise Unavailable("The request is lost.", code="payment_provider_down")
        state: ProviderPaymentState = capture(reference, amount, key=key)
        return state

    simulation.provider.capture = recorded
    simulation.ship(simulation.order)
    simulation.deliver_all()
    simulation.refund(simulation.order, 500)
    simulation.track("delivered")
    simulation.deliver_all()
    assert len(set(keys)) == 2
    simulation.check_money()


def test_capture_that_lost_a_race_is_recorded() -> None:
    """Stripe rejects a second capture; the order records what the first one did."""
    simulation = SlowSimulation()
    simulation.ship(simulation.order)

    def rejected(reference: str, amount: Money, *, key: str) -> ProviderPaymentState:
        MemoryProvider.capture(simulation.provider, reference, amount, key=key)
        raise Conflict("Stripe rejected the change.", code="payment_state")

    simulation.provider.capture = rejected
    simulation.capture(simulation.order)
    assert simulation.order.payment.status is PaymentStatus.CAPTURED


def test_rejected_capture_of_an_open_authorization_is_an_error() -> None:
    simulation = SlowSimulation()
    simulation.ship(simulation.order)

    def rejected(reference: str, amount: Money, *, key: str) -> ProviderPaymentState:
        raise Conflict("Stripe rejected the change.", code="payment_state")

    simulation.provider.capture = rejected
    with pytest.raises(Conflict):
        simulation.capture(simulation.order)
    assert simulation.order.payment.status is PaymentStatus.AUTHORIZED


@pytest.mark.parametrize("moment", ["before", "after"])
def test_two_refunds_at_once_are_each_paid_once(moment: str) -> None:
    """The handlers of two refunds read the same balance before either has refunded."""
    simulation = SlowSimulation()
    simulation.ship(simulation.order)
    simulation.deliver_all()
    simulation.refund(simulation.order, 500)

    def second() -> None:
        simulation.refund(simulation.order, 300)
        simulation.refund_excess(simulation.order)

    getattr(simulation.provider, moment).append(second)
    simulation.refund_excess(simulation.order)
    simulation.deliver_all()
    assert simulation.order.due == simulation.order.total - 800
    simulation.check_money()


def test_refund_that_never_wins_is_tried_again_later() -> None:
    simulation = SlowSimulation()
    simulation.ship(simulation.order)
    simulation.deliver_all()
    simulation.refund(simulation.order, 500)

    def rejected(reference: str, amount: Money, *, key: str) -> ProviderPaymentState:
        simulation.provider.calls.append(("rejected", amount.minor))
        raise Conflict("Another refund is running.", code="refund_exceeds_payment")

    refund = simulation.provider.refund
    simulation.provider.refund = rejected
    with pytest.raises(Unavailable):
        simulation.refund_excess(simulation.order)
    assert simulation.provider.calls.count(("rejected", 500)) == MAX_REFUND_ATTEMPTS
    simulation.provider.refund = refund
    simulation.deliver_all()
    simulation.check_money()


def test_capture_of_more_than_is_due_is_published_as_late_money() -> None:
    order, _ = make_order().with_payment(authorized(make_order()), BLACK_FRIDAY, "memory")
    order, _ = order.with_refund(500, "late", BLACK_FRIDAY, "wanda")
    order, events = order.with_payment(captured(order), BLACK_FRIDAY, "memory")
    assert [event.type for event in events] == ["PaymentCaptured", "PaymentReceivedLate"]
    # A repeated report publishes nothing.
    assert order.with_payment(captured(order), BLACK_FRIDAY, "memory") == (order, ())


def test_capture_of_what_is_due_publishes_no_late_money() -> None:
    order, _ = make_order().with_payment(authorized(make_order()), BLACK_FRIDAY, "memory")
    _, events = order.with_payment(captured(order), BLACK_FRIDAY, "memory")
    assert [event.type for event in events] == ["PaymentCaptured"]


# Property

CHANGES = ("refund", "refund", "return", "webhook", "old_webhook", "handle", "cancel_rest", "track")
changes = st.lists(st.tuples(st.sampled_from(CHANGES), st.integers(1, 1_500)), max_size=4)


class Sequence:
    """Random steps before, during and after the calls of the provider."""

    def __init__(self) -> None:
        self.simulation = SlowSimulation()
        self.reports = [self.simulation.provider.truth("ord_1")]
        self.numbers: list[str] = []

    def ship(self, line: str | None) -> None:
        number = f"1Z{len(self.numbers)}"
        lines = None if line is None else {line: 1}
        self.simulation.ship(self.simulation.order, number, lines=lines)
        self.numbers.append(number)

    def run(self, steps: list[tuple[str, int]]) -> None:
        for name, amount in steps:
            try:
                self._step(name, amount)
            except EXPECTED_ERRORS:
                continue

    def _step(self, name: str, amount: int) -> None:
        simulation = self.simulation
        simulation.advance(seconds=1)
        simulation.publish()
        if name == "refund":
            simulation.refund(simulation.order, amount)
        elif name == "return":
            simulation.return_goods(simulation.order, {"li_1": 1})
        elif name == "webhook":
            self.reports.append(simulation.provider.truth("ord_1"))
            simulation.webhook()
        elif name == "old_webhook":
            simulation.webhook(self.reports[amount % len(self.reports)])
        elif name == "handle":
            # Also twice: the events stay queued, and are delivered again at the end.
            if any(module == REFUND_HANDLER for module, _ in simulation.undelivered):
                simulation.refund_excess(simulation.order)
        elif name == "cancel_rest":
            cancel_unshipped("ord_1", at=simulation.now, writes=simulation.writes)
        elif name == "track" and self.numbers:
            simulation.track("delivered", self.numbers[amount % len(self.numbers)])


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(
    before_capture=changes,
    before=st.lists(changes, max_size=4),
    after=st.lists(changes, max_size=4),
    lost=st.lists(st.booleans(), max_size=4),
    end=changes,
    parts=st.booleans(),
)
def test_buyer_pays_what_is_due_in_any_order_of_events(
    before_capture: list[tuple[str, int]],
    before: list[list[tuple[str, int]]],
    after: list[list[tuple[str, int]]],
    lost: list[bool],
    end: list[tuple[str, int]],
    parts: bool,
) -> None:
    sequence = Sequence()
    simulation = sequence.simulation
    if parts:
        sequence.ship("li_1")
        simulation.deliver_all()
        sequence._step("track", 0)
    sequence.run(before_capture)
    simulation.provider.before = [lambda steps=steps: sequence.run(steps) for steps in before]
    simulation.provider.after = [lambda steps=steps: sequence.run(steps) for steps in after]
    simulation.provider.lost = list(lost)
    try:
        sequence.ship(None)
    except EXPECTED_ERRORS:
        assert simulation.order.status is not OrderStatus.CONFIRMED or simulation.order.shipped
    simulation.deliver_all()
    sequence.run(end)
    for number in sequence.numbers:
        simulation.track("delivered", number)
    simulation.finish()
    simulation.check_money()
    if simulation.order.payment.status is PaymentStatus.AUTHORIZED:
        pytest.fail("The authorization is neither captured nor voided.")
    simulation.check()
