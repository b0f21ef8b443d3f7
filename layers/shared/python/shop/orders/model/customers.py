"""Customers as staff know them from orders: accounts, and guests by their email address.

A customer is derived from orders and not stored. So its numbers are those of its orders now, and an
event that arrives twice counts nothing twice. docs/rules/orders.md §9 has the rules.
"""

from collections.abc import Iterable
from datetime import datetime

from shop.kernel.contacts import Buyer, PostalAddress
from shop.kernel.frozen import frozen
from shop.orders.model.order import Order
from shop.orders.model.order_state import GUEST_OWNER, OrderStatus


@frozen(slots=False)
class CustomerKey:
    """An account, or the email address of a guest in one spelling; the other one is ``None``.

    ``id`` is the id for staff: the account's, or a keyed hash of the email address.
    """

    id: str
    owner: str
    email: str | None = None

    @property
    def is_guest(self) -> bool:
        """Whether the customer is known by orders without an account only."""
        return self.owner == GUEST_OWNER


@frozen(slots=False)
class OrderWorth:
    """The part of an order that its customer's numbers need. Amounts are minor units.

    ``worth`` is the current value: the total less cancelled and returned pieces and refunds by
    amount.
    """

    id: str
    placed_at: datetime
    status: OrderStatus
    currency: str
    worth: int
    refunded: int

    @classmethod
    def of(cls, order: Order) -> "OrderWorth":
        """Return this part of an order."""
        return cls(
            order.id,
            order.placed_at,
            order.status,
            order.currency,
            order.worth,
            order.payment.total_of("refunded"),
        )


@frozen(slots=False)
class CustomerSum:
    """The orders of a customer in one currency, in minor units."""

    currency: str
    orders: int
    worth: int
    refunded: int


@frozen(slots=False)
class CustomerOrders:
    """The numbers of a customer's orders, newest first.

    ``is_complete`` is False if only the newest orders are counted: the numbers are lower bounds
    then, and ``first`` is the first order that is counted.
    """

    orders: int
    cancelled: int
    sums: tuple[CustomerSum, ...]
    first: OrderWorth | None
    last: OrderWorth | None
    is_complete: bool = True

    @classmethod
    def of(cls, newest_first: Iterable[OrderWorth], *, is_complete: bool) -> "CustomerOrders":
        """Add up orders. A cancelled order counts as cancelled, and is worth nothing."""
        listed = tuple(newest_first)
        active = [each for each in listed if each.status is not OrderStatus.CANCELLED]
        sums = []
        for currency in sorted({each.currency for each in listed}):
            counted = [each for each in active if each.currency == currency]
            # Money of cancelled orders was refunded as well.
            refunded = sum(each.refunded for each in listed if each.currency == currency)
            worth = sum(each.worth for each in counted)
            sums.append(CustomerSum(currency, len(counted), worth, refunded))
        return cls(
            orders=len(active),
            cancelled=len(listed) - len(active),
            sums=tuple(sums),
            first=listed[-1] if listed else None,
            last=listed[0] if listed else None,
            is_complete=is_complete,
        )


@frozen(slots=False)
class OrderingCustomer:
    """A customer with name and email address of the newest order, and the numbers of all orders."""

    key: CustomerKey
    name: str
    email: str
    orders: CustomerOrders


def name_on(order: Order) -> str:
    """Return the buyer's name on an order, or else the recipient's; empty if it has none."""
    return _name_of(order.buyer) or _name_of(order.destination)


def _name_of(person: Buyer | PostalAddress) -> str:
    parts = (person.first_name, person.last_name)
    return person.full_name or " ".join(part for part in parts if part)
