"""The life cycle of orders in memory: the deployed state machine, event handlers and event bus.

The bus may deliver events late, twice and in any order, and tests advance the clock. The tasks of
the state machine call the handlers' use cases; its definition is the one that infra deploys.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from functions.event_handlers.manifest import FEATURE as EVENT_HANDLERS
from functions.manifest import Compensation, Step
from functions.workflows.manifest import FEATURE as WORKFLOWS
from infra.constructs.workflow import definition
from shop.inventory.model import StockLevel
from shop.kernel.errors import Unavailable
from shop.kernel.events import Event
from shop.orders.actions import cancellation, delivery
from shop.orders.actions.batched_placement import process_queued_batches
from shop.orders.actions.notifications import (
    PublishedEvent,
    send_order_confirmation,
    send_order_notice,
)
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

SUBSCRIPTIONS = {
    line.module: line.event_types
    for line in EVENT_HANDLERS.functions
    if hasattr(line, "event_types")
}
"""Event types of each event handler, from the manifest."""
_NOTICES = {"OrderCancelled": "cancelled", "OrderReturned": "returned", "OrderRefunded": "refunded"}
"""The notice that each of these events causes."""


def _notice(event: Event) -> str:
    return _NOTICES[event.type] if event.data.get("sent_back", True) else "not_delivered"


class OrderSimulation(OrderFixture):
    """Orders with their workflow, event handlers and event bus."""

    def __init__(self) -> None:
        super().__init__(MemoryOrderRepository(), MemoryStockRepository(), MemoryUnitOfWork())
        steps = [
            replace(line, deadline=1800) if line.deadline == "payment_window" else line
            for line in WORKFLOWS.functions
            if isinstance(line, Step)
        ]
        compensations = {
            line.module: line for line in WORKFLOWS.functions if isinstance(line, Compensation)
        }
        machine = definition(steps, compensations, lambda module: module)
        self.workflow = MemoryWorkflow(machine, self._tasks())
        self.undelivered: list[tuple[str, Event]] = []
        self._published = 0

    # Tasks and event handlers

    def _tasks(self) -> dict[str, Callable[[dict[str, Any]], dict[str, Any]]]:
        def await_payment(task: dict[str, Any]) -> dict[str, Any]:
            return self._wait("payment", task)

        def await_shipment(task: dict[str, Any]) -> dict[str, Any]:
            allocate_order(task["order_id"], at=self.now, orders=self.orders)
            return self._wait("shipment", task)

        def await_delivery(task: dict[str, Any]) -> dict[str, Any]:
            capture_when_possible(
                task["order_id"], at=self.now, orders=self.orders, provider=self.provider
            )
            return self._wait("delivery", task)

        def complete_order(task: dict[str, Any]) -> dict[str, Any]:
            self.capture(self.orders.get_by_id(task["order_id"]))
            delivery.complete_order(task["order_id"], at=self.now, orders=self.orders)
            return task

        def compensate_payment(task: dict[str, Any]) -> dict[str, Any]:
            order = self.expire(self.orders.get_by_id(task["order_id"]))
            return {"succeeded": order.status is OrderStatus.CONFIRMED, "still_pending": False}

        def compensate_shipment(task: dict[str, Any]) -> dict[str, Any]:
            order = cancellation.cancel_unshipped(task["order_id"], at=self.now, writes=self.writes)
            return {"succeeded": order.status is OrderStatus.CONFIRMED, "still_pending": False}

        def compensate_delivery(task: dict[str, Any]) -> dict[str, Any]:
            late = task["failure"]["Error"] == "States.Timeout"
            order = delivery.abandon_delivery(
                task["order_id"], late=late, at=self.now, orders=self.orders
            )
            return {"succeeded": order.status not in TERMINATED, "still_pending": False}

        tasks = (
            await_payment,
            await_shipment,
            await_delivery,
            complete_order,
            compensate_payment,
            compensate_shipment,
            compensate_delivery,
        )
        return {f"workflows.{task.__name__}": task for task in tasks}

    def _wait(self, step: str, task: dict[str, Any]) -> dict[str, Any]:
        wait_for_step(
            task["order_id"],
            step,
            task["token"],
            at=self.now,
            orders=self.orders,
            tokens=self.tokens,
            workflow=self.workflow,
        )
        return task

    def _handle(self, module: str, event: Event) -> None:
        """Call the use case of an event handler."""
        if module == "event_handlers.start_workflow":
            self.workflow.start(event.subject)
        elif module == "event_handlers.advance_workflow":
            advance_workflow(
                event.subject, orders=self.orders, tokens=self.tokens, workflow=self.workflow
            )
        elif module == "event_handlers.apply_parked_events":
            self.apply_parked(event.data["tracking_number"], event.data["carrier"])
        elif module == "event_handlers.move_batched_stock":
            process_queued_batches(event.subject, writes=self.writes)
        elif module == "event_handlers.refund_excess_payment":
            self.refund_excess(self.orders.get_by_id(event.subject))
        elif module == "event_handlers.send_order_confirmation":
            send_order_confirmation(
                event.subject,
                build_email=lambda order: Email(order.id, "", ""),
                at=self.now,
                orders=self.orders,
                sent_emails=self.sent_emails,
                email_sender=self.email_sender,
            )
        elif module == "event_handlers.send_order_notice":
            send_order_notice(
                event.subject,
                PublishedEvent(event.id, event.type, event.data),
                build_email=lambda order, notice: Email(f"{order.id} {notice.kind}", "", ""),
                at=self.now,
                orders=self.orders,
                sent_emails=self.sent_emails,
                email_sender=self.email_sender,
            )

    # The event bus

    def publish(self) -> None:
        """Queue events that were written since the last call for each subscribed handler."""
        for event in self.orders.outbox[self._published :]:
            self.undelivered += [
                (module, event)
                for module, event_types in SUBSCRIPTIONS.items()
                if event.type in event_types
            ]
        self._published = len(self.orders.outbox)

    def deliver(self, index: int, *, keep: bool = False) -> None:
        """Deliver one queued event; with ``keep`` it is delivered once more later.

        An event whose handler raises stays queued.
        """
        self.publish()
        if self.undelivered:
            delivery_ = self.undelivered[index % len(self.undelivered)]
            self._handle(*delivery_)
            if not keep:
                self.undelivered.remove(delivery_)

    def deliver_all(self) -> None:
        """Deliver all events and the events that follow; retry failures a minute later."""
        self.publish()
        failures = 0
        while self.undelivered:
            try:
                self.deliver(0)
            except Unavailable:
                if (failures := failures + 1) > 50:
                    raise
                self.advance(minutes=1)
                self.undelivered.append(self.undelivered.pop(0))
            self.publish()

    # Invariants

    def check(self) -> None:
        """Assert what holds at every moment."""
        reserved = dict.fromkeys(SKUS, 0)
        assert self.usage_counted() == sum(
            count.units for order in self.orders.list_all() for count in order.usage
        )
        shipped = dict.fromkeys(SKUS, 0)
        for order in self.orders.list_all():
            for reservation in order.reservations:
                reserved[reservation.sku] += reservation.quantity
            for line in order.lines:
                shipped[line.sku] += line.shipped
                assert 0 <= line.delivered <= line.shipped <= line.quantity
                assert line.delivered + line.returned <= line.shipped
                assert line.active_quantity >= 0
            for returned in order.returns:
                for unit in order.restocked_units(returned):
                    shipped[unit.sku] -= unit.quantity
            assert bool(order.usage) == (order.status is not OrderStatus.CANCELLED)
            if order.status in TERMINATED | {OrderStatus.COMPLETED}:
                assert order.reservations == ()
            assert 0 <= order.due <= order.total
            assert 0 <= order.refundable <= order.total
            self._check_charges(order)
        for sku in SKUS:
            level: StockLevel = self.stock.level(sku)
            assert level.reserved == reserved[sku]
            assert level.on_hand == 10 - shipped[sku]
        ids = [event.id for event in self.orders.outbox]
        assert len(ids) == len(set(ids))

    def _check_charges(self, order: Order) -> None:
        state = self.provider.truth(order.id)
        if state is not None:
            assert state.refunded <= state.captured <= order.total

    def check_at_rest(self) -> None:
        """Assert what holds after every event is delivered and every deadline has passed."""
        self.check()
        for order in self.orders.list_all():
            assert order.status not in (OrderStatus.PLACED, OrderStatus.CONFIRMED), order
            execution = self.workflow.executions[order.id]
            assert execution.status == "SUCCEEDED", execution
            state = self.provider.truth(order.id)
            net_captured = 0 if state is None else state.captured - state.refunded
            assert net_captured == order.due
            assert order.settled
            if state is not None and order.due == 0:
                assert state.status is not PaymentStatus.AUTHORIZED
            if order.status is OrderStatus.COMPLETED:
                assert order.delivered
                has_goods = any(line.active_quantity for line in order.lines)
                assert (net_captured > 0) == has_goods or order.refunds
        confirmed = [e.subject for e in self.orders.outbox if e.type == "OrderConfirmed"]
        assert len(confirmed) == len(set(confirmed))
        emailed = [email.subject for _, email in self.email_sender.sent]
        confirmations = [subject for subject in emailed if " " not in subject]
        assert len(confirmations) == len(set(confirmations))
        # Nobody hears of an order that was never confirmed.
        assert {subject.partition(" ")[0] for subject in emailed} <= set(confirmed)
        late = [subject for subject in emailed if subject.endswith(" delayed")]
        assert len(late) == len(set(late))
        # One notice per cancelled order, and one per return and refund.
        endings = tuple(f" {kind}" for kind in (*_NOTICES.values(), "not_delivered"))
        ended = [subject for subject in emailed if subject.endswith(endings)]
        expected = Counter(
            f"{event.subject} {_notice(event)}"
            for event in self.orders.outbox
            if event.type in _NOTICES and self.orders.get_by_id(event.subject).was_confirmed
        )
        assert Counter(ended) == expected
