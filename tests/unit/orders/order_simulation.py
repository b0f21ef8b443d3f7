"""The whole life of orders in memory: the deployed state machine, the reactions, a bus that may
tell things late, twice and in any order, and a clock that tests turn.

The steps are the doors' actions; the state machine is the one infra writes for Step Functions.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from functions.event_handlers.manifest import FEATURE as REACTIONS
from functions.manifest import Compensation, Step
from functions.workflows.manifest import FEATURE as WORKFLOWS
from infra.parts.workflow import definition
from shop.inventory.model import StockLevel
from shop.kernel.errors import Unavailable
from shop.kernel.events import Event
from shop.orders.actions import cancellation, delivery
from shop.orders.actions.batched_placement import process_queued_batches
from shop.orders.actions.notifications import send_order_confirmation
from shop.orders.actions.payments import capture_when_possible
from shop.orders.actions.shipments import allocate_order
from shop.orders.actions.workflow_tokens import advance_workflow, wait_for_step
from shop.orders.model import TERMINATED, Order, OrderStatus
from shop.orders.ports import Email
from shop.payments.model import PaymentStatus
from tests.doubles.inventory import MemoryStockRepository, MemoryUnitOfWork
from tests.doubles.orders import MemoryOrderRepository
from tests.doubles.workflow import MemoryWorkflow
from tests.kit.orders import SKUS
from tests.unit.orders.order_fixture import OrderFixture

LISTENING = {
    line.module: line.event_types for line in REACTIONS.functions if hasattr(line, "event_types")
}
"""Which reaction hears which events, from the manifest."""


class OrderSimulation(OrderFixture):
    """Orders, and everything that drives them on."""

    def __init__(self) -> None:
        super().__init__(MemoryOrderRepository(), MemoryStockRepository(), MemoryUnitOfWork())
        steps = [
            replace(line, deadline=1800) if line.deadline == "payment_window" else line
            for line in WORKFLOWS.functions
            if isinstance(line, Step)
        ]
        undos = {
            line.module: line for line in WORKFLOWS.functions if isinstance(line, Compensation)
        }
        machine = definition(steps, undos, lambda module: module)
        self.workflow = MemoryWorkflow(machine, self._tasks())
        self.undelivered: list[tuple[str, Event]] = []
        self._read = 0

    # The doors

    def _tasks(self) -> dict[str, Callable[[dict[str, Any]], dict[str, Any]]]:
        def await_payment(response: dict[str, Any]) -> dict[str, Any]:
            return self._wait("payment", response)

        def await_shipment(response: dict[str, Any]) -> dict[str, Any]:
            allocate_order(response["order_id"], at=self.now, orders=self.orders)
            return self._wait("shipment", response)

        def await_delivery(response: dict[str, Any]) -> dict[str, Any]:
            capture_when_possible(
                response["order_id"], at=self.now, orders=self.orders, provider=self.provider
            )
            return self._wait("delivery", response)

        def complete_order(response: dict[str, Any]) -> dict[str, Any]:
            self.capture(self.orders.get_by_id(response["order_id"]))
            delivery.complete_order(response["order_id"], at=self.now, orders=self.orders)
            return response

        def compensate_payment(response: dict[str, Any]) -> dict[str, Any]:
            order = self.expire(self.orders.get_by_id(response["order_id"]))
            return {"succeeded": order.status is OrderStatus.CONFIRMED, "still_pending": False}

        def compensate_shipment(response: dict[str, Any]) -> dict[str, Any]:
            order = cancellation.cancel_unshipped(response["order_id"], at=self.now, **self.books)
            return {"succeeded": order.status is OrderStatus.CONFIRMED, "still_pending": False}

        def compensate_delivery(response: dict[str, Any]) -> dict[str, Any]:
            late = response["failure"]["Error"] == "States.Timeout"
            order = delivery.abandon_delivery(
                response["order_id"], late=late, at=self.now, orders=self.orders
            )
            return {"succeeded": order.status not in TERMINATED, "still_pending": False}

        steps = (
            await_payment,
            await_shipment,
            await_delivery,
            complete_order,
            compensate_payment,
            compensate_shipment,
            compensate_delivery,
        )
        return {f"workflows.{step.__name__}": step for step in steps}

    def _wait(self, step: str, response: dict[str, Any]) -> dict[str, Any]:
        wait_for_step(
            response["order_id"],
            step,
            response["token"],
            at=self.now,
            orders=self.orders,
            waits=self.waits,
            workflow=self.workflow,
        )
        return response

    def _react(self, module: str, event: Event) -> None:
        if module == "event_handlers.start_workflow":
            self.workflow.start(event.subject)
        elif module == "event_handlers.advance_workflow":
            advance_workflow(
                event.subject, orders=self.orders, waits=self.waits, workflow=self.workflow
            )
        elif module == "event_handlers.move_batched_stock":
            process_queued_batches(
                event.subject, orders=self.orders, reservations=self.stock, uow=self.ledger
            )
        elif module == "event_handlers.refund_excess_payment":
            self.settle(self.orders.get_by_id(event.subject))
        elif module == "event_handlers.send_order_confirmation":
            send_order_confirmation(
                event.subject,
                build_email=lambda order: Email(order.id, "", ""),
                at=self.now,
                orders=self.orders,
                sent_emails=self.letters,
                email_sender=self.mail,
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
        assert self.used() == sum(c.units for o in self.orders.list_all() for c in o.usage)
        shipped = dict.fromkeys(SKUS, 0)
        for order in self.orders.list_all():
            for hold in order.reservations:
                held[hold.sku] += hold.quantity
            for line in order.lines:
                shipped[line.sku] += line.shipped
                assert 0 <= line.delivered <= line.shipped <= line.quantity
                assert line.active_quantity >= 0
            assert bool(order.usage) == (order.status is not OrderStatus.CANCELLED)
            if order.status in TERMINATED | {OrderStatus.COMPLETED}:
                assert order.reservations == ()
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
        for order in self.orders.list_all():
            assert order.status not in (OrderStatus.PLACED, OrderStatus.CONFIRMED), order
            run = self.workflow.runs[order.id]
            assert run.status == "SUCCEEDED", run
            report = self.provider.truth(order.id)
            kept = 0 if report is None else report.captured - report.refunded
            assert kept == order.due
            assert order.settled
            if report is not None and order.due == 0:
                assert report.status is not PaymentStatus.AUTHORISED
            if order.status is OrderStatus.COMPLETED:
                assert order.delivered
                assert kept > 0
        confirmed = [e.subject for e in self.orders.outbox if e.type == "OrderConfirmed"]
        assert len(confirmed) == len(set(confirmed))
        written = [letter.subject for _, letter in self.mail.letters]
        assert len(written) == len(set(written))
        assert set(written) <= set(confirmed)
