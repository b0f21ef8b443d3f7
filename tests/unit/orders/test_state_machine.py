"""The life of orders, driven at random: every event late, twice, in any order; every deadline at
any time; the provider up and down. Whatever happens, it ends well.
"""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from shop.kernel.errors import Conflict, InvalidRequest, NotFound, Unavailable
from shop.kernel.events import Event
from shop.kernel.unit_of_work import ConditionFailed
from shop.orders.actions.expiry import expire_overdue_orders
from shop.orders.model import Order, OrderStatus, ShipmentStatus
from shop.payments.model import PaymentStatus
from tests.kit.orders import WINDOW, make_order
from tests.unit.orders.order_simulation import OrderSimulation

pytestmark = pytest.mark.slow

TOKENS = ("tok_success", "tok_declined", "tok_pending", "tok_challenge", "tok_captured")
SELDOM = st.sampled_from([False, False, False, False, True])
REFUSALS = (Conflict, InvalidRequest, NotFound, Unavailable)


# The happy road, and each way off it, in order


def bought(house: OrderSimulation, token: str = "tok_success") -> Order:
    order_id = house.pay(house.place(), token).id
    house.come_to_rest()
    order: Order = house.orders.get_by_id(order_id)
    return order


def test_an_order_that_meets_no_trouble_takes_four_transitions() -> None:
    house = OrderSimulation()
    order = bought(house)
    house.ship(order)
    house.come_to_rest()
    house.hear("delivered")
    house.come_to_rest()
    run = house.workflow.runs[order.id]
    assert run.path == ["AwaitPayment", "AwaitShipment", "AwaitDelivery", "CompleteOrder"]
    house.check_at_rest()


def test_an_unpaid_order_expires_and_the_run_is_no_failure() -> None:
    house = OrderSimulation()
    order = bought(house, "tok_pending")
    house.workflow.deadline(order.id)
    house.come_to_rest()
    run = house.workflow.runs[order.id]
    assert run.path == ["AwaitPayment", "ExpireOrder", "ExpireOrderOrGoOn", "OrderTerminated"]
    assert house.orders.get_by_id(order.id).cancel_reason == "payment_expired"
    house.check_at_rest()


def test_a_payment_that_proves_certain_at_the_deadline_goes_on_to_shipping() -> None:
    house = OrderSimulation()
    order = bought(house, "tok_pending")
    house.provider.settle(f"pay_{order.id}")
    house.workflow.deadline(order.id)
    assert house.workflow.waiting(order.id) == "AwaitShipment"
    house.ship(order)
    house.come_to_rest()
    house.hear("delivered")
    house.come_to_rest()
    house.check_at_rest()


def test_what_staff_call_off_leaves_the_workflow() -> None:
    house = OrderSimulation()
    order = bought(house)
    house.cancel(order)
    house.come_to_rest()
    run = house.workflow.runs[order.id]
    assert run.path[-3:] == ["ExpireOrder", "ExpireOrderOrGoOn", "OrderTerminated"]
    assert "ReleaseAllocation" in run.path
    house.check_at_rest()


def test_what_is_not_shipped_in_time_is_called_off_and_the_rest_goes_on() -> None:
    house = OrderSimulation()
    order = house.ship(bought(house), lines={"li_1": 1})
    house.come_to_rest()
    house.workflow.deadline(order.id)
    assert house.workflow.waiting(order.id) == "AwaitDelivery"
    house.come_to_rest()
    house.hear("delivered")
    house.come_to_rest()
    done = house.orders.get_by_id(order.id)
    assert (done.status, done.payment.net_captured) == (
        OrderStatus.COMPLETED,
        order.total - 2 * 1080,
    )
    house.check_at_rest()


def test_a_parcel_that_is_lost_is_paid_back() -> None:
    house = OrderSimulation()
    order = house.ship(bought(house))
    house.come_to_rest()
    house.hear("lost")
    house.come_to_rest()
    done = house.orders.get_by_id(order.id)
    assert (done.status, done.payment.net_captured) == (OrderStatus.RETURNED, 0)
    house.check_at_rest()


def test_a_provider_that_is_down_when_goods_leave_is_asked_again_at_the_end() -> None:
    house = OrderSimulation()
    order = house.ship(bought(house))
    house.provider.down = True
    house.come_to_rest()
    assert house.workflow.waiting(order.id) == "AwaitDelivery"
    house.provider.down = False
    house.hear("delivered")
    house.come_to_rest()
    house.check_at_rest()


def test_a_provider_that_stays_down_leaves_the_order_to_a_person() -> None:
    house = OrderSimulation()
    order = house.ship(bought(house))
    house.provider.down = True
    house.come_to_rest()
    house.hear("delivered")
    house.come_to_rest()
    assert house.workflow.runs[order.id].status == "FAILED"
    assert house.orders.get_by_id(order.id).status is OrderStatus.CONFIRMED


def test_a_payment_before_the_workflow_has_begun_does_not_stall_it() -> None:
    house = OrderSimulation()
    order = house.pay(house.place())
    house.publish()
    events = house.undelivered
    house.undelivered = [e for e in events if e[0] == "event_handlers.advance_workflow"] + [
        e for e in events if e[0] != "event_handlers.advance_workflow"
    ]
    house.come_to_rest()
    assert house.workflow.waiting(order.id) == "AwaitShipment"


# Everything at random


class Life(RuleBasedStateMachine):
    """Up to four orders at once."""

    def __init__(self) -> None:
        super().__init__()
        self.house = OrderSimulation()
        self.numbers: list[str] = []

    orders = st.integers(0, 3)

    def _order(self, which: int) -> Order | None:
        placed = self.house.orders.list_all()
        return placed[which % len(placed)] if placed else None

    @rule(pieces=st.tuples(st.integers(1, 4), st.integers(1, 4)), token=st.sampled_from(TOKENS))
    def buy(self, pieces: tuple[int, int], token: str) -> None:
        placed = self.house.orders.list_all()
        if len(placed) == 4:
            return
        at = self.house.later(seconds=1)
        order = make_order(f"ord_{len(placed)}", pieces, placed_at=at, pay_by=at + WINDOW)
        try:
            self.house.place(order)
            self.house.pay(order, token)
        except (ConditionFailed, Unavailable):
            return

    @rule(which=orders, token=st.sampled_from(TOKENS))
    def pay_late(self, which: int, token: str) -> None:
        order = self._order(which)
        if order is not None:
            self._try(lambda: self.house.pay(order, token))

    @rule(which=orders, approved=st.booleans())
    def webhook(self, which: int, approved: bool) -> None:
        order = self._order(which)
        if order is not None:

            def told() -> None:
                reference = f"pay_{order.id}"
                self.house.provider.settle(reference, approved)
                order_id, report = self.house.provider.get_payment(reference)
                self.house.record(self.house.orders.get_by_id(order_id), report)

            self._try(told)

    @rule(which=orders, really=SELDOM)
    def cancelled_at_the_provider(self, which: int, really: bool) -> None:
        order = self._order(which)
        if order is None or not really or any(line.shipped for line in order.lines):
            return
        report = self.house.provider._payments.get(f"pay_{order.id}")
        if report is not None and report[2].status is not PaymentStatus.CAPTURED:

            def told() -> None:
                self.house.record(
                    order, self.house.provider.cancel(f"pay_{order.id}", key="by hand")
                )

            self._try(told)

    @rule(which=orders, really=SELDOM)
    def cancel(self, which: int, really: bool) -> None:
        order = self._order(which)
        if order is not None and really:
            self._try(lambda: self.house.cancel(order))

    @rule(
        which=orders, line=st.sampled_from(["li_1", "li_2", None, None]), pieces=st.integers(1, 4)
    )
    def ship(self, which: int, line: str | None, pieces: int) -> None:
        order = self._order(which)
        if order is not None:
            number = f"1Z{len(self.numbers)}"
            lines = None if line is None else {line: pieces}
            if self._try(lambda: self.house.ship(order, number, lines=lines)):
                self.numbers.append(number)

    @rule(
        which=st.integers(0, 20),
        status=st.sampled_from([*ShipmentStatus, *[ShipmentStatus.DELIVERED] * 5]),
        ago=st.integers(0, 5000),
        event=st.integers(0, 5),
    )
    def carrier(self, which: int, status: ShipmentStatus, ago: int, event: int) -> None:
        if self.numbers:
            number = self.numbers[which % len(self.numbers)]
            at = self.house.now - timedelta(seconds=ago)
            self.house.hear(status, number, event=f"e{event}", at=at)

    @rule(places=st.lists(st.integers(0, 30), min_size=1, max_size=8), keep=SELDOM)
    def deliver(self, places: list[int], keep: bool) -> None:
        for place in places:
            self._try(lambda place=place: self.house.deliver(place, keep=keep))

    @rule(which=orders, really=SELDOM)
    def deadline(self, which: int, really: bool) -> None:
        order = self._order(which)
        if order is not None and really:
            self.house.workflow.deadline(order.id)

    @rule(minutes=st.sampled_from([1, 1, 1, 1, 31]))
    def sweep(self, minutes: int) -> None:
        self.house.later(minutes=minutes)
        expire_overdue_orders(
            at=self.house.now, provider=self.house.provider, writes=self.house.writes
        )

    @rule(down=SELDOM)
    def provider(self, down: bool) -> None:
        self.house.provider.down = down

    def _try(self, what: object) -> bool:
        try:
            what()  # type: ignore[operator]
        except REFUSALS:
            return False
        return True

    @invariant()
    def books_balance(self) -> None:
        self.house.check()

    def teardown(self) -> None:
        """Everything is delivered and every deadline passes: now it must have ended well.

        What Step Functions gave up on while the provider was down is left to a person: here the
        person starts that run anew.
        """
        house = self.house
        house.provider.down = False
        for _ in range(12):
            house.come_to_rest()
            for order in house.orders.list_all():
                run = house.workflow.runs.get(order.id)
                if run is not None and run.status == "FAILED":
                    del house.workflow.runs[order.id]
                    house.workflow.start(order.id)
                house.workflow.deadline(order.id)
        house.check_at_rest()


def live(machine: type[Life], examples: int, steps: int, *, shrink: bool = True) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            # What is planted must be found, so the same lives are tried every time.
            derandomize=not shrink,
            phases=[Phase.generate, Phase.shrink] if shrink else [Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_whatever_happens_it_ends_well() -> None:
    live(Life, 400, 50)


class Forgetful(OrderSimulation):
    """A shop that forgets to give money back."""

    def settle(self, order: Order) -> Order:
        return order


class Greedy(OrderSimulation):
    """A shop that writes to the buyer whenever it hears of a confirmation."""

    def __init__(self) -> None:
        super().__init__()
        self.letters.claim = lambda *_: True


class Deaf(OrderSimulation):
    """A workflow that is never told what happened to its order."""

    def _react(self, module: str, event: Event) -> None:
        if module != "event_handlers.advance_workflow":
            super()._react(module, event)


@pytest.mark.parametrize("house", [Forgetful, Greedy, Deaf])
def test_a_shop_that_does_it_wrong_is_noticed(house: type[OrderSimulation]) -> None:
    class Broken(Life):
        def __init__(self) -> None:
            super().__init__()
            self.house = house()

        def teardown(self) -> None:
            if house is Deaf:
                self.house.provider.down = False
                self.house.come_to_rest()
                for order in self.house.orders.list_all():
                    if (
                        order.status is OrderStatus.CANCELLED
                        and order.id in self.house.workflow.runs
                    ):
                        assert self.house.workflow.waiting(order.id) is None
            super().teardown()

    with pytest.raises((AssertionError, BaseExceptionGroup)):
        live(Broken, 300, 40, shrink=False)
