"""What the ports' suite and the actions' tests are given: an order's world."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from shop.kernel.money import Money
from shop.kernel.unit_of_work import UnitOfWork
from shop.orders.actions.cancellation import cancel_order
from shop.orders.actions.delivery import record_tracking_event
from shop.orders.actions.expiry import expire_order
from shop.orders.actions.order_writes import OrderWrites
from shop.orders.actions.payments import capture_payment, record_payment, refund_excess_payment
from shop.orders.actions.shipments import allocate_order, create_shipment
from shop.orders.model import Order, ShipmentStatus, TrackingEvent
from shop.payments.model import Credential
from tests.doubles.orders import MemoryEmailSender, MemorySentEmails, MemoryWorkflowTokens
from tests.doubles.payments import MemoryProvider
from tests.doubles.pricing import MemoryUsageCounters
from tests.kit.orders import BLACK_FRIDAY, SKUS, make_order


@dataclass
class OrderFixture:
    """An order book with the stock, the payments and the waits beside it. ``now`` is its clock."""

    orders: Any
    stock: Any
    ledger: UnitOfWork
    tallies: Any = field(default_factory=MemoryUsageCounters)
    waits: Any = field(default_factory=MemoryWorkflowTokens)
    letters: Any = field(default_factory=MemorySentEmails)
    mail: MemoryEmailSender = field(default_factory=MemoryEmailSender)
    provider: Any = field(default_factory=MemoryProvider)
    now: datetime = BLACK_FRIDAY

    def __post_init__(self) -> None:
        self.stock.create_levels(
            dict.fromkeys(SKUS, 10), actor="test", reason="opening", at=BLACK_FRIDAY
        )

    @property
    def writes(self) -> OrderWrites:
        return OrderWrites(
            orders=self.orders, stock=self.stock, usage=self.tallies, uow=self.ledger
        )

    def later(self, **time: float) -> datetime:
        self.now += timedelta(**time)
        return self.now

    def place(self, order: Order | None = None, **changes: Any) -> Order:
        """Place an order: its row and its stock in one transaction."""
        order, events = replace(order or make_order(), **changes).place()
        self.ledger.commit(
            self.orders.place_op(order, events),
            lambda writes: self.stock.reserve(writes, order.reservations),
            self.tallies.consume(order.usage),
        )
        return order

    def pay(self, order: Order, token: str = "tok_success") -> Order:
        credential = Credential(self.provider.name, "token", token)
        amount = Money(order.total, order.currency)
        report = self.provider.authorise(order.id, amount, credential, key=order.id)
        return self.record(order, report)

    def record(self, order: Order, report: Any, **more: Any) -> Order:
        return record_payment(
            order.id, report, at=self.now, actor="memory", writes=self.writes, **more
        )

    def sold(self, order: Order | None = None, **changes: Any) -> Order:
        """An order that is placed, paid and allocated."""
        order = self.pay(self.place(order, **changes))
        return allocate_order(order.id, at=self.now, orders=self.orders)

    def ship(self, order: Order, number: str = "1Z999", **more: Any) -> Order:
        given = {"carrier": "ups", "tracking_url": None, "lines": None, **more}
        return create_shipment(
            order.id,
            tracking_number=number,
            at=self.later(seconds=1),
            actor="wanda",
            writes=self.writes,
            **given,
        )

    def hear(
        self,
        status: str | ShipmentStatus,
        number: str = "1Z999",
        *,
        event: str | None = None,
        at: datetime | None = None,
        carrier: str = "ups",
    ) -> Order:
        heard = TrackingEvent(event or f"{number}.{status}", at or self.now, ShipmentStatus(status))
        return record_tracking_event(carrier, number, heard, at=self.now, orders=self.orders)

    def cancel(self, order: Order, reason: str = "changed my mind", **more: Any) -> Order:
        return cancel_order(
            order.id, reason, at=self.now, actor="wanda", writes=self.writes, **more
        )

    def expire(self, order: Order) -> Order:
        return expire_order(order.id, at=self.now, provider=self.provider, writes=self.writes)

    def capture(self, order: Order) -> Order:
        return capture_payment(order.id, at=self.now, orders=self.orders, provider=self.provider)

    def settle(self, order: Order) -> Order:
        return refund_excess_payment(
            order.id, at=self.now, orders=self.orders, provider=self.provider
        )

    def used(self) -> int:
        """Units counted of the sale that :func:`an_order` takes part in."""
        return int(self.tallies.used("quota", "spring"))

    def reserved(self) -> tuple[int, ...]:
        return tuple(self.stock.level(sku).reserved for sku in SKUS)

    def available(self) -> tuple[int, ...]:
        return tuple(self.stock.level(sku).available for sku in SKUS)

    def on_hand(self) -> tuple[int, ...]:
        return tuple(self.stock.level(sku).on_hand for sku in SKUS)
