"""Orders with their stock, payments and emails, for tests of use cases and ports."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

from shop.inventory.model import MAIN_LOCATION
from shop.inventory.model.allocation import Location
from shop.inventory.model.locations import UNKNOWN_POSITION, Locations
from shop.kernel.money import Money
from shop.kernel.unit_of_work import UnitOfWork
from shop.orders.actions.cancellation import cancel_order
from shop.orders.actions.delivery import (
    apply_parked_events,
    record_or_park,
    record_tracking_event,
)
from shop.orders.actions.expiry import expire_order
from shop.orders.actions.order_writes import OrderWrites
from shop.orders.actions.payments import capture_payment, record_payment, refund_excess_payment
from shop.orders.actions.retry import commit_or_raise, retry_on_conflict
from shop.orders.actions.returns import ReturnInput, ReturnLineInput, stage_return
from shop.orders.actions.shipments import allocate_order, create_shipment
from shop.orders.model import (
    Order,
    ParkedEvent,
    ShipmentInput,
    ShipmentStatus,
    TrackingEvent,
)
from shop.payments.model import Credential
from tests.doubles.orders import (
    MemoryEmailSender,
    MemoryParkedEvents,
    MemorySentEmails,
    MemoryWorkflowTokens,
)
from tests.doubles.payments import MemoryProvider
from tests.doubles.pricing import MemoryUsageCounters
from tests.kit.orders import BLACK_FRIDAY, SKUS, make_order


@dataclass
class OrderFixture:
    """The repositories and gateways of an order, and the use cases that act on it.

    Ten units of each SKU are in stock. ``now`` is the clock; tests advance it.
    """

    orders: Any
    stock: Any
    uow: UnitOfWork
    usage_counters: Any = field(default_factory=MemoryUsageCounters)
    tokens: Any = field(default_factory=MemoryWorkflowTokens)
    sent_emails: Any = field(default_factory=MemorySentEmails)
    email_sender: MemoryEmailSender = field(default_factory=MemoryEmailSender)
    provider: Any = field(default_factory=MemoryProvider)
    now: datetime = BLACK_FRIDAY
    locations: Any = field(
        default_factory=lambda: SimpleNamespace(
            get=lambda: Locations(
                {name: Location(name, UNKNOWN_POSITION) for name in (MAIN_LOCATION, "outlet")}
            )
        )
    )
    """The main location and an outlet, to read only."""
    parked_events: Any = None
    """By default the double over ``orders``."""

    def __post_init__(self) -> None:
        self.parked_events = self.parked_events or MemoryParkedEvents(self.orders)
        self.stock.create_levels(
            dict.fromkeys(SKUS, 10), actor="test", reason="opening", at=BLACK_FRIDAY
        )

    @property
    def writes(self) -> OrderWrites:
        return OrderWrites(
            orders=self.orders, stock=self.stock, usage=self.usage_counters, uow=self.uow
        )

    def advance(self, **time: float) -> datetime:
        """Advance the clock and return the new time."""
        self.now += timedelta(**time)
        return self.now

    def place(self, order: Order | None = None, **changes: Any) -> Order:
        """Place an order: its item, its stock and its usage in one transaction."""
        order, events = replace(order or make_order(), **changes).place()
        self.uow.commit(
            self.orders.place_op(order, events),
            lambda transaction: self.stock.reserve(transaction, order.reservations),
            self.usage_counters.consume(order.usage),
        )
        return order

    def pay(self, order: Order, token: str = "tok_success") -> Order:
        credential = Credential(self.provider.name, "token", token)
        amount = Money(order.total, order.currency)
        state = self.provider.authorize(order.id, amount, credential, key=order.id)
        return self.record(order, state)

    def record(self, order: Order, state: Any, **options: Any) -> Order:
        """Record a provider's report."""
        return record_payment(
            order.id, state, at=self.now, actor="memory", writes=self.writes, **options
        )

    def place_allocated(self, order: Order | None = None, **changes: Any) -> Order:
        """Place, pay and allocate an order."""
        order = self.pay(self.place(order, **changes))
        return allocate_order(order.id, at=self.now, orders=self.orders)

    def ship(self, order: Order, number: str = "1Z999", **details: Any) -> Order:
        """Create a shipment of all pieces, unless ``lines`` are given."""
        shipment = ShipmentInput(tracking_number=number, **{"carrier": "ups", **details})
        return create_shipment(
            order.id, shipment, at=self.advance(seconds=1), actor="wanda", writes=self.writes
        )

    def track(
        self,
        status: str | ShipmentStatus,
        number: str = "1Z999",
        *,
        event: str | None = None,
        at: datetime | None = None,
        carrier: str = "ups",
    ) -> Order:
        """Record a carrier's tracking event."""
        tracking_event = TrackingEvent(
            event or f"{number}.{status}", at or self.now, ShipmentStatus(status)
        )
        return record_tracking_event(
            carrier, number, tracking_event, at=self.now, orders=self.orders
        )

    def report(
        self, status: str, number: str, *, at: datetime | None = None, carrier: str = "ups"
    ) -> bool:
        """Receive a carrier's tracking event; return whether it is parked."""
        event = TrackingEvent(f"{number}.{status}", at or self.now, ShipmentStatus(status))
        return record_or_park(
            ParkedEvent(carrier, number, event, self.now),
            orders=self.orders,
            parked_events=self.parked_events,
        )

    def apply_parked(self, number: str, carrier: str = "ups") -> list[ParkedEvent]:
        """Record the parked events of a tracking number."""
        return apply_parked_events(
            carrier, number, at=self.now, orders=self.orders, parked_events=self.parked_events
        )

    def cancel(self, order: Order, reason: str = "changed my mind", **options: Any) -> Order:
        return cancel_order(
            order.id, reason, at=self.now, actor="wanda", writes=self.writes, **options
        )

    def expire(self, order: Order) -> Order:
        return expire_order(order.id, at=self.now, provider=self.provider, writes=self.writes)

    def return_goods(
        self, order: Order, lines: dict[str, int], reason: str = "too small", **choice: Any
    ) -> Order:
        """Record pieces that the buyer sent back; ``choice`` applies to each line."""
        returned = {line: ReturnLineInput(pieces, **choice) for line, pieces in lines.items()}

        def attempt() -> Order:
            change = stage_return(
                self.orders.get_by_id(order.id),
                ReturnInput(returned, reason),
                at=self.now,
                actor="wanda",
                writes=self.writes,
                locations=self.locations,
            )
            commit_or_raise(self.uow, *change.writes)
            return change.value

        return retry_on_conflict(attempt)

    def refund(self, order: Order, amount: int, reason: str = "late") -> Order:
        """Grant a refund by amount."""

        def attempt() -> Order:
            before = self.orders.get_by_id(order.id)
            after, events = before.with_refund(amount, reason, self.now, "wanda")
            saved: Order = self.orders.save(before, after, events)
            return saved

        return retry_on_conflict(attempt)

    def capture(self, order: Order) -> Order:
        return capture_payment(order.id, at=self.now, orders=self.orders, provider=self.provider)

    def refund_excess(self, order: Order) -> Order:
        return refund_excess_payment(
            order.id, at=self.now, orders=self.orders, provider=self.provider
        )

    def usage_counted(self) -> int:
        """Units counted of the sale that :func:`make_order` takes part in."""
        return int(self.usage_counters.used("quota", "spring"))

    def reserved(self) -> tuple[int, ...]:
        return tuple(self.stock.level(sku).reserved for sku in SKUS)

    def available(self) -> tuple[int, ...]:
        return tuple(self.stock.level(sku).available for sku in SKUS)

    def on_hand(self) -> tuple[int, ...]:
        return tuple(self.stock.level(sku).on_hand for sku in SKUS)
