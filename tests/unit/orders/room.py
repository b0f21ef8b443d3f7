"""What the ports' suite and the actions' tests are given: an order's world."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from shop.kernel.money import Money
from shop.kernel.transactions import Ledger
from shop.orders.actions.calling_off import cancel_order
from shop.orders.actions.delivering import move_parcel
from shop.orders.actions.expiring import expire_order
from shop.orders.actions.paying import capture_payment, record_payment, settle_payment
from shop.orders.actions.shipping import allocate_order, ship_order
from shop.orders.model import Order, ParcelStatus, Tracking
from shop.payments.model import Credential
from tests.doubles.orders import MemoryLetters, MemoryMail, MemoryWaits
from tests.doubles.payments import MemoryProvider
from tests.doubles.pricing import MemoryTallies
from tests.kit.sold import SKUS, THEN, an_order


@dataclass
class Room:
    """An order book with the stock, the payments and the waits beside it. ``now`` is its clock."""

    orders: Any
    stock: Any
    ledger: Ledger
    tallies: Any = field(default_factory=MemoryTallies)
    waits: Any = field(default_factory=MemoryWaits)
    letters: Any = field(default_factory=MemoryLetters)
    mail: MemoryMail = field(default_factory=MemoryMail)
    provider: Any = field(default_factory=MemoryProvider)
    now: datetime = THEN

    def __post_init__(self) -> None:
        self.stock.open(dict.fromkeys(SKUS, 10), actor="test", reason="opening", at=THEN)

    @property
    def books(self) -> dict[str, Any]:
        return {
            "orders": self.orders,
            "stock": self.stock,
            "tallies": self.tallies,
            "ledger": self.ledger,
        }

    def later(self, **time: float) -> datetime:
        self.now += timedelta(**time)
        return self.now

    def place(self, order: Order | None = None, **changes: Any) -> Order:
        """Place an order: its row and its stock in one transaction."""
        order, events = replace(order or an_order(), **changes).placed()
        self.ledger.commit(
            self.orders.placing(order, events),
            lambda writes: self.stock.reserve(writes, order.holds),
            self.tallies.taking(order.uses),
        )
        return order

    def pay(self, order: Order, token: str = "tok_success") -> Order:
        credential = Credential(self.provider.name, "token", token)
        amount = Money(order.total, order.currency)
        report = self.provider.authorise(order.id, amount, credential, key=order.id)
        return self.record(order, report)

    def record(self, order: Order, report: Any, **more: Any) -> Order:
        return record_payment(order.id, report, at=self.now, who="memory", **self.books, **more)

    def sold(self, order: Order | None = None, **changes: Any) -> Order:
        """An order that is placed, paid and allocated."""
        order = self.pay(self.place(order, **changes))
        return allocate_order(order.id, at=self.now, orders=self.orders)

    def ship(self, order: Order, number: str = "1Z999", **more: Any) -> Order:
        given = {"carrier": "ups", "tracking_url": None, "lines": None, **more}
        return ship_order(
            order.id,
            tracking_number=number,
            at=self.later(seconds=1),
            who="wanda",
            orders=self.orders,
            stock=self.stock,
            ledger=self.ledger,
            **given,
        )

    def hear(
        self,
        status: str | ParcelStatus,
        number: str = "1Z999",
        *,
        event: str | None = None,
        at: datetime | None = None,
        carrier: str = "ups",
    ) -> Order:
        heard = Tracking(event or f"{number}.{status}", at or self.now, ParcelStatus(status))
        return move_parcel(carrier, number, heard, at=self.now, orders=self.orders)

    def cancel(self, order: Order, reason: str = "changed my mind", **more: Any) -> Order:
        return cancel_order(order.id, reason, at=self.now, who="wanda", **self.books, **more)

    def expire(self, order: Order) -> Order:
        return expire_order(order.id, at=self.now, provider=self.provider, **self.books)

    def capture(self, order: Order) -> Order:
        return capture_payment(order.id, at=self.now, orders=self.orders, provider=self.provider)

    def settle(self, order: Order) -> Order:
        return settle_payment(order.id, at=self.now, orders=self.orders, provider=self.provider)

    def used(self) -> int:
        """Units counted of the sale that :func:`an_order` takes part in."""
        return int(self.tallies.used("quota", "spring"))

    def reserved(self) -> tuple[int, ...]:
        return tuple(self.stock.level(sku).reserved for sku in SKUS)

    def available(self) -> tuple[int, ...]:
        return tuple(self.stock.level(sku).available for sku in SKUS)

    def on_hand(self) -> tuple[int, ...]:
        return tuple(self.stock.level(sku).on_hand for sku in SKUS)
