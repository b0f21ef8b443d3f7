"""The whole life of orders in memory: the deployed state machine, the reactions, a bus that may
tell things late, twice and in any order, and a clock that tests turn.

The steps are the doors' actions; the state machine is the one infra writes for Step Functions.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from functions.manifest import Step, Undo
from functions.reactions.manifest import FEATURE as REACTIONS
from functions.workflows.manifest import FEATURE as WORKFLOWS
from infra.constructs.workflow import definition
from shop.inventory.model import StockLevel
from shop.kernel.errors import Unavailable
from shop.kernel.events import Event
from shop.orders.actions import calling_off, delivering
from shop.orders.actions.batches import move_batches
from shop.orders.actions.paying import capture_when_possible
from shop.orders.actions.shipping import allocate_order
from shop.orders.actions.telling import confirm_by_mail
from shop.orders.actions.waiting import advance, wait_for
from shop.orders.model import CALLED_OFF, Order, Status
from shop.orders.ports import Letter
from shop.payments.model import PaymentStatus
from tests.doubles.inventory import MemoryLedger, MemoryStock
from tests.doubles.orders import MemoryOrders
from tests.doubles.workflow import MemoryWorkflow
from tests.kit.sold import SKUS
from tests.unit.orders.room import Room

LISTENING = {line.module: line.on for line in REACTIONS.functions if hasattr(line, "on")}
"""Which reaction hears which events, from the manifest."""


class House(Room):
    """Orders, and everything that drives them on."""

    def __init__(self) -> None:
        super().__init__(MemoryOrders(), MemoryStock(), MemoryLedger())
        steps = [
            replace(line, deadline=1800) if line.deadline == "payment_window" else line
            for line in WORKFLOWS.functions
            if isinstance(line, Step)
        ]
        undos = {line.module: line for line in WORKFLOWS.functions if isinstance(line, Undo)}
        machine = definition(steps, undos, lambda module: module)
        self.workflow = MemoryWorkflow(machine, self._tasks())
        self.undelivered: list[tuple[str, Event]] = []
        self._read = 0

    # The doors

    def _tasks(self) -> dict[str, Callable[[dict[str, Any]], dict[str, Any]]]:
        def await_payment(said: dict[str, Any]) -> dict[str, Any]:
            return self._wait("payment", said)

        def await_shipment(said: dict[str, Any]) -> dict[str, Any]:
            allocate_order(said["order_id"], at=self.now, orders=self.orders)
            return self._wait("shipment", said)

        def await_delivery(said: dict[str, Any]) -> dict[str, Any]:
            capture_when_possible(
                said["order_id"], at=self.now, orders=self.orders, provider=self.provider
            )
            return self._wait("delivery", said)

        def complete_order(said: dict[str, Any]) -> dict[str, Any]:
            self.capture(self.orders.by_id(said["order_id"]))
            delivering.complete_order(said["order_id"], at=self.now, orders=self.orders)
            return said

        def expire_order(said: dict[str, Any]) -> dict[str, Any]:
            order = self.expire(self.orders.by_id(said["order_id"]))
            return {"goes_on": order.status is Status.CONFIRMED, "again": False}

        def release_allocation(said: dict[str, Any]) -> dict[str, Any]:
            order = calling_off.release_allocation(said["order_id"], at=self.now, **self.books)
            return {"goes_on": order.status is Status.CONFIRMED, "again": False}

        def give_up_delivery(said: dict[str, Any]) -> dict[str, Any]:
            late = said["failure"]["Error"] == "States.Timeout"
            order = delivering.give_up_delivery(
                said["order_id"], late=late, at=self.now, orders=self.orders
            )
            return {"goes_on": order.status not in CALLED_OFF, "again": False}

        steps = (
            await_payment,
            await_shipment,
            await_delivery,
            complete_order,
            expire_order,
            release_allocation,
            give_up_delivery,
        )
        return {f"workflows.{step.__name__}": step for step in steps}

    def _wait(self, step: str, said: dict[str, Any]) -> dict[str, Any]:
        wait_for(
            said["order_id"],
            step,
            said["token"],
            at=self.now,
            orders=self.orders,
            waits=self.waits,
            workflow=self.workflow,
        )
        return said

    def _react(self, module: str, event: Event) -> None:
        if module == "reactions.start_workflow":
            self.workflow.start(event.subject)
        elif module == "reactions.advance_workflow":
            advance(event.subject, orders=self.orders, waits=self.waits, workflow=self.workflow)
        elif module == "reactions.move_stock":
            move_batches(event.subject, orders=self.orders, stock=self.stock, ledger=self.ledger)
        elif module == "reactions.settle_payment":
            self.settle(self.orders.by_id(event.subject))
        elif module == "reactions.confirm_by_mail":
            confirm_by_mail(
                event.subject,
                letter=lambda order: Letter(order.id, "", ""),
                at=self.now,
                orders=self.orders,
                letters=self.letters,
                mail=self.mail,
            )

    # The bus

    def publish(self) -> None:
        """Hand what was written since to everybody who listens."""
        for event in self.orders.outbox[self._read :]:
            self.undelivered += [(m, event) for m, on in LISTENING.items() if event.type in on]
        self._read = len(self.orders.outbox)

    def deliver(self, place: int, *, keep: bool = False) -> None:
        """Deliver one of the events under way; ``keep`` it to be delivered once more.

        One that its reaction fails on stays to be delivered again.
        """
        self.publish()
        if self.undelivered:
            at = place % len(self.undelivered)
            told = self.undelivered[at]
            self._react(*told)
            if not keep:
                self.undelivered.remove(told)

    def come_to_rest(self) -> None:
        """Deliver all there is, and what follows from it; what fails, a minute later again."""
        self.publish()
        failures = 0
        while self.undelivered:
            try:
                self.deliver(0)
            except Unavailable:
                if (failures := failures + 1) > 50:
                    raise
                self.later(minutes=1)
                self.undelivered.append(self.undelivered.pop(0))
            self.publish()

    # What must hold

    def check(self) -> None:
        """What holds at every moment."""
        held = dict.fromkeys(SKUS, 0)
        assert self.used() == sum(c.units for o in self.orders.all() for c in o.uses)
        shipped = dict.fromkeys(SKUS, 0)
        for order in self.orders.all():
            for hold in order.holds:
                held[hold.sku] += hold.quantity
            for line in order.lines:
                shipped[line.sku] += line.shipped
                assert 0 <= line.delivered <= line.shipped <= line.quantity
                assert line.active >= 0
            assert bool(order.uses) == (order.status is not Status.CANCELLED)
            if order.status in CALLED_OFF | {Status.COMPLETED}:
                assert order.holds == ()
            assert 0 <= order.due <= order.total
            self._charged_right(order)
        for sku in SKUS:
            level: StockLevel = self.stock.level(sku)
            assert level.reserved == held[sku]
            assert level.on_hand == 10 - shipped[sku]
        ids = [event.id for event in self.orders.outbox]
        assert len(ids) == len(set(ids))

    def _charged_right(self, order: Order) -> None:
        report = self.provider.truth(order.id)
        if report is not None:
            assert report.refunded <= report.captured <= order.total

    def check_at_rest(self) -> None:
        """What holds once every event was delivered and every deadline has passed."""
        self.check()
        for order in self.orders.all():
            assert order.status not in (Status.PLACED, Status.CONFIRMED), order
            run = self.workflow.runs[order.id]
            assert run.status == "SUCCEEDED", run
            report = self.provider.truth(order.id)
            kept = 0 if report is None else report.captured - report.refunded
            assert kept == order.due
            assert order.settled
            if report is not None and order.due == 0:
                assert report.status is not PaymentStatus.AUTHORISED
            if order.status is Status.COMPLETED:
                assert order.delivered
                assert kept > 0
        confirmed = [e.subject for e in self.orders.outbox if e.type == "OrderConfirmed"]
        assert len(confirmed) == len(set(confirmed))
        written = [letter.subject for _, letter in self.mail.letters]
        assert len(written) == len(set(written))
        assert set(written) <= set(confirmed)
