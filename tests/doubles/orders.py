"""Doubles of the order ports, in memory. They pass the port tests."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from shop.kernel.errors import InvalidRequest, NotFound, Unavailable, VersionConflict
from shop.kernel.events import Event
from shop.kernel.notifications import CLAIM_TIMEOUT
from shop.kernel.pagination import Page, from_cursor, to_cursor
from shop.kernel.unit_of_work import WriteOperation
from shop.orders.actions.finding import summary_of
from shop.orders.model import Order, OrderStatus, ParkedEvent, ReservationBatch
from shop.orders.model.finding import OrderSearch, OrderSums
from shop.orders.ports import Email, OrderSummaryItem
from tests.doubles.inventory import MemoryUnitOfWork


class MemoryOrderRepository:
    """See :class:`shop.orders.ports.OrderRepository`. ``outbox`` has every event, in order."""

    def __init__(self) -> None:
        self._orders: dict[str, Order] = {}
        self._tracking_numbers: dict[str, tuple[str, str]] = {}
        self._batches: dict[str, dict[str, ReservationBatch]] = {}
        self._placing: dict[str, bool] = {}
        self.outbox: list[Event] = []

    def list_all(self) -> tuple[Order, ...]:
        return tuple(self._orders.values())

    def get(self, owner: str, order_id: str) -> Order:
        order = self._orders.get(order_id)
        if order is None or order.owner != owner:
            raise NotFound("No order has this id. Check the id.")
        return order

    def get_by_id(self, order_id: str) -> Order:
        if order_id not in self._orders:
            raise NotFound("No order has this id. Check the id.")
        return self._orders[order_id]

    def condition_key(self, order_id: str) -> str:
        return f"ORDER#{order_id}"

    def place_op(self, order: Order, events: Sequence[Event]) -> WriteOperation:
        return lambda transaction: transaction.add(
            self.condition_key(order.id),
            lambda: order.id not in self._orders,
            lambda: self._put(order, events),
        )

    def update_op(self, before: Order, after: Order, events: Sequence[Event]) -> WriteOperation:
        saved = replace(after, version=before.version + 1)
        return lambda transaction: transaction.add(
            self.condition_key(before.id),
            lambda: self._is_current(before),
            lambda: self._put(saved, events),
        )

    def save(self, before: Order, after: Order, events: Sequence[Event]) -> Order:
        with MemoryUnitOfWork._lock:
            if not self._is_current(before):
                raise VersionConflict("This order was changed at the same time.")
            saved = replace(after, version=before.version + 1)
            self._put(saved, events)
            return saved

    def _is_current(self, before: Order) -> bool:
        stored = self._orders.get(before.id)
        return (
            stored is not None and stored.owner == before.owner and stored.version == before.version
        )

    def _put(self, order: Order, events: Sequence[Event]) -> None:
        self._orders[order.id] = order
        self.outbox += events

    def list_awaiting_stock(self) -> Sequence[str]:
        waiting = [order for order in self.list_all() if order.is_awaiting_stock]
        return [order.id for order in sorted(waiting, key=lambda each: (each.placed_at, each.id))]

    def list_batches(self, order_id: str) -> tuple[bool | None, Sequence[ReservationBatch]]:
        batches = self._batches.get(order_id, {})
        return self._placing.get(order_id), [batches[name] for name in sorted(batches)]

    def open_batches(self, order_id: str) -> WriteOperation:
        return self._conditional(
            order_id,
            lambda: order_id not in self._placing,
            lambda: self._placing.update({order_id: True}),
        )

    def reverse_batches(self, order_id: str) -> WriteOperation:
        return self._conditional(
            order_id,
            lambda: self._placing.get(order_id) is True,
            lambda: self._placing.update({order_id: False}),
        )

    def close_batches(self, order_id: str, *, placing: bool) -> WriteOperation:
        return self._conditional(
            order_id,
            lambda: self._placing.get(order_id) is placing,
            lambda: self._placing.pop(order_id),
        )

    def record_batch(self, order_id: str, batch: ReservationBatch) -> WriteOperation:
        return self._insert_batch(order_id, batch, lambda: self._placing.get(order_id) is True)

    def enqueue_batch(self, order_id: str, batch: ReservationBatch) -> WriteOperation:
        return self._insert_batch(order_id, batch, lambda: True)

    def _insert_batch(
        self, order_id: str, batch: ReservationBatch, condition: Callable[[], bool]
    ) -> WriteOperation:
        batches = self._batches.setdefault(order_id, {})
        return self._conditional(
            order_id,
            lambda: condition() and batch.name not in batches,
            lambda: batches.update({batch.name: batch}),
        )

    def finish_batch(self, order_id: str, batch: ReservationBatch) -> WriteOperation:
        batches = self._batches.setdefault(order_id, {})
        return self._conditional(
            order_id, lambda: batch.name in batches, lambda: batches.pop(batch.name)
        )

    def _conditional(
        self, order_id: str, condition: Callable[[], bool], action: Callable[[], object]
    ) -> WriteOperation:
        return lambda transaction: transaction.add(self.condition_key(order_id), condition, action)

    def list_by_customer(
        self, customer: str, *, cursor: str | None, limit: int
    ) -> Page[OrderSummaryItem]:
        orders = [o for o in self.list_all() if o.owner == customer and not o.never_placed]
        return self._page(orders, cursor, limit)

    def _page(self, orders: list[Order], cursor: str | None, limit: int) -> Page[OrderSummaryItem]:
        key = from_cursor(cursor)
        if key is not None and not isinstance(key.get("before"), list):
            raise InvalidRequest(
                "The cursor is invalid. Use the cursor of the previous page unchanged.",
                code="cursor_invalid",
                path="cursor",
            )

        def sort_key(order: Order) -> tuple[str, str]:
            return order.placed_at.isoformat(timespec="microseconds"), order.id

        newest = sorted(orders, key=sort_key, reverse=True)
        if key is not None:
            newest = [order for order in newest if sort_key(order) < tuple(key["before"])]
        has_more = len(newest) > limit
        newest = newest[:limit]
        next_cursor = to_cursor({"before": list(sort_key(newest[-1]))}) if has_more else None
        return Page(tuple(summary_of(order) for order in newest), next_cursor)

    def list_overdue(self, at: datetime, max_results: int) -> Sequence[str]:
        due = int(at.timestamp())
        unpaid = [
            o
            for o in self._placed_before(at, OrderStatus.PLACING, OrderStatus.PLACED)
            if int(o.pay_by.timestamp()) <= due
        ]
        return [order.id for order in unpaid][:max_results]

    def list_awaiting_payment(self, before: datetime, max_results: int) -> Sequence[str]:
        return [order.id for order in self._placed_before(before, OrderStatus.PLACED)][:max_results]

    def _placed_before(self, before: datetime, *statuses: OrderStatus) -> list[Order]:
        days = {f"{before:%Y-%m-%d}", f"{before - timedelta(days=1):%Y-%m-%d}"}
        found = [
            order
            for order in self.list_all()
            if order.status in statuses
            and f"{order.placed_at:%Y-%m-%d}" in days
            and order.placed_at < before
        ]
        return sorted(found, key=lambda order: order.placed_at)

    def list_late(self, before: datetime, max_results: int) -> Sequence[str]:
        late = [
            order
            for order in self.list_all()
            if order.status is OrderStatus.CONFIRMED
            and not order.delay_announced
            and order.promised_pieces
            and int(order.shipping_option.latest.timestamp()) <= int(before.timestamp())
            and before.date() - order.placed_at.date() <= timedelta(days=60)
        ]
        late.sort(key=lambda order: order.placed_at)
        return [order.id for order in late][:max_results]

    def find_shipment(self, carrier: str, tracking_number: str) -> tuple[str, str]:
        try:
            return self._tracking_numbers[self._tracking_key(carrier, tracking_number)]
        except KeyError:
            raise NotFound("No parcel has this tracking number. Check the number.") from None

    def register_tracking_op(
        self, carrier: str, tracking_number: str, order_id: str, shipment_id: str
    ) -> WriteOperation:
        name = self._tracking_key(carrier, tracking_number)
        return lambda transaction: transaction.add(
            name,
            lambda: name not in self._tracking_numbers,
            lambda: self._tracking_numbers.__setitem__(name, (order_id, shipment_id)),
        )

    def _tracking_key(self, carrier: str, tracking_number: str) -> str:
        return f"TRACK#{carrier.casefold()}#{tracking_number}"


class MemoryOrderFinder:
    """See :class:`shop.orders.ports.OrderFinder`: compares every order with the search."""

    def __init__(self, orders: MemoryOrderRepository) -> None:
        self._orders = orders

    def find(
        self, search: OrderSearch, *, cursor: str | None, limit: int
    ) -> Page[OrderSummaryItem]:
        return self._orders._page(self._matching(search), cursor, limit)

    def sum_up(self, search: OrderSearch) -> OrderSums:
        return OrderSums.of(summary_of(order) for order in self._matching(search))

    def _matching(self, search: OrderSearch) -> list[Order]:
        return [order for order in self._orders.list_all() if search.matches(order)]


class MemoryParkedEvents:
    """See :class:`shop.orders.ports.ParkedEvents`."""

    def __init__(self, orders: MemoryOrderRepository) -> None:
        self._orders = orders
        self._events: dict[tuple[str, str, str], ParkedEvent] = {}

    def park(self, parked: ParkedEvent) -> bool:
        with MemoryUnitOfWork._lock:
            try:
                self._orders.find_shipment(parked.carrier, parked.tracking_number)
            except NotFound:
                self._events[_parked_key(parked)] = parked
                return True
            return False

    def list_of(self, carrier: str, tracking_number: str) -> Sequence[ParkedEvent]:
        number = (carrier.casefold(), tracking_number)
        return [self._events[key] for key in sorted(self._events) if key[:2] == number]

    def remove(self, parked: ParkedEvent) -> None:
        self._events.pop(_parked_key(parked), None)

    def list_all(self, *, cursor: str | None, limit: int) -> Page[ParkedEvent]:
        after = from_cursor(cursor)
        keys = sorted(
            key for key in self._events if after is None or list(key) > list(after["after"])
        )
        next_cursor = to_cursor({"after": list(keys[limit - 1])}) if len(keys) > limit else None
        return Page(tuple(self._events[key] for key in keys[:limit]), next_cursor)


def _parked_key(parked: ParkedEvent) -> tuple[str, str, str]:
    return parked.carrier.casefold(), parked.tracking_number, parked.event.id


class MemoryWorkflowTokens:
    """See :class:`shop.orders.ports.WorkflowTokens`."""

    def __init__(self) -> None:
        self._tokens: dict[tuple[str, str], str] = {}

    def save(self, order_id: str, step: str, token: str, at: datetime) -> None:
        self._tokens[order_id, step] = token

    def get_many(self, order_id: str, steps: Iterable[str]) -> dict[str, str]:
        known = ((step, self._tokens.get((order_id, step))) for step in steps)
        return {step: token for step, token in known if token is not None}


class MemorySentEmails:
    """See :class:`shop.orders.ports.SentEmails`."""

    def __init__(self) -> None:
        self._claimed: dict[tuple[str, str], datetime] = {}
        self._sent: set[tuple[str, str]] = set()

    def claim(self, order_id: str, kind: str, at: datetime) -> bool:
        name = (order_id, kind)
        if name in self._sent:
            return False
        before = self._claimed.get(name)
        if before is not None and before > at - CLAIM_TIMEOUT:
            raise Unavailable("Another process is sending this email.")
        self._claimed[name] = at
        return True

    def mark_sent(self, order_id: str, kind: str, at: datetime) -> None:
        self._sent.add((order_id, kind))


@dataclass
class MemoryEmailSender:
    """See :class:`shop.orders.ports.EmailSender`. ``down`` simulates an outage."""

    sent: list[tuple[str, Email]] = field(default_factory=list)
    down: bool = False

    def send(self, to: str, email: Email) -> None:
        if self.down:
            raise Unavailable("The email service is unavailable.")
        self.sent.append((to, email))
