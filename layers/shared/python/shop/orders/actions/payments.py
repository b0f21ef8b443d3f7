"""An order's money: what the provider reports, what is taken, what goes back."""

from collections.abc import Callable
from datetime import datetime, timedelta

from shop.kernel.errors import Unavailable
from shop.kernel.money import Money
from shop.kernel.unit_of_work import WriteOperation
from shop.orders.actions.cancellation import cancel_loaded_order
from shop.orders.actions.order_writes import OrderWrites
from shop.orders.actions.retry import retry_on_conflict
from shop.orders.model import TERMINATED, Order, OrderStatus
from shop.orders.ports import OrderRepository
from shop.payments.model import PaymentStatus, ProviderPaymentState
from shop.payments.ports import PaymentProvider

AUTHORIZATION_GRACE = timedelta(seconds=45)
"""Longer than a Lambda that asks for money can live, shorter than the first wait before a retry."""


def record_payment(
    order_id: str,
    state: ProviderPaymentState,
    *,
    at: datetime,
    actor: str,
    writes: OrderWrites,
    read: Order | None = None,
    because: str | None = None,
    extra_writes: Callable[[Order], tuple[WriteOperation, ...]] | None = None,
) -> Order:
    """Take note of what the provider says of an order's payment.

    A payment that is certain confirms the order. One that failed or was cancelled calls an order
    off that has not been shipped, and gives its stock back, in one transaction (with the parts
    ``also`` adds to it); ``because`` is the reason told, otherwise the provider's. The same report
    twice changes nothing. ``read`` saves a read where the caller just wrote the order.
    """
    known = [] if read is None else [read]

    def attempt() -> Order:
        order = known.pop() if known else writes.orders.get_by_id(order_id)
        after, events = order.with_payment(state, at, actor)
        if _lost_its_payment(after):
            return cancel_loaded_order(
                after,
                because or state.reason or f"payment_{state.status}",
                at,
                actor,
                writes=writes,
                told=events,
                extra_writes=extra_writes(after) if extra_writes else (),
            )
        if after == order:
            return order
        return writes.orders.save(order, after, events)

    return retry_on_conflict(attempt)


def _lost_its_payment(order: Order) -> bool:
    if order.payment.status not in (PaymentStatus.FAILED, PaymentStatus.CANCELLED):
        return False
    unshipped = not any(line.shipped for line in order.lines)
    return order.status is OrderStatus.PLACED or (
        order.status is OrderStatus.CONFIRMED and unshipped
    )


def _noted(
    order_id: str, state: ProviderPaymentState, at: datetime, actor: str, orders: OrderRepository
) -> Order:
    """Record a report of money that only follows what the order already is."""

    def attempt() -> Order:
        order = orders.get_by_id(order_id)
        after, events = order.with_payment(state, at, actor)
        return order if after == order else orders.save(order, after, events)

    return retry_on_conflict(attempt)


def provider_state(order: Order, provider: PaymentProvider) -> ProviderPaymentState | None:
    """Where an order's payment stands at the provider: by its reference, once it is written down.

    A provider finds an order's payment without it for a day or so, but not for ever. It is not
    asked about an order of which no money was due.
    """
    if not order.amount.minor:
        return None
    if order.payment.reference is not None:
        return provider.get_payment(order.payment.reference)[1]
    return provider.find_by_order(order.id, order.amount)


def refund_excess_payment(
    order_id: str, *, at: datetime, orders: OrderRepository, provider: PaymentProvider
) -> Order:
    """Give back what is not due: void or refund an order called off, or refund a part of it.

    The provider's word counts for what was taken, so this mends a report that never reached us.
    Done twice it gives back once: a refund's key names the amount that is left to the shop. Raises
    Unavailable while a payment that the provider does not know of may still be on its way to it.
    """
    order = orders.get_by_id(order_id)
    if not order.amount.minor:
        return order  # paid by credits alone: no money moved
    report = provider_state(order, provider)
    if report is None:
        if order.status in TERMINATED and at - order.history[-1].at < AUTHORIZATION_GRACE:
            raise Unavailable("a payment may be on its way to the provider; look again")
        return order
    if order.status in TERMINATED:
        if report.status not in (PaymentStatus.FAILED, PaymentStatus.CANCELLED):
            report = provider.cancel(report.reference, key=f"cancel:{order_id}")
    else:
        more = report.captured - report.refunded - order.due
        if more > 0:
            report = provider.refund(
                report.reference,
                Money(more, order.currency),
                key=f"refund:{order_id}:{order.due}",
            )
    return _noted(order_id, report, at, provider.name, orders)


def capture_payment(
    order_id: str, *, at: datetime, orders: OrderRepository, provider: PaymentProvider
) -> Order:
    """Take the money once the goods have left: what is due for them. Taken before, not again."""
    order = orders.get_by_id(order_id)
    if order.payment.status is not PaymentStatus.AUTHORISED or order.payment.reference is None:
        return order
    due = Money(order.due, order.currency)
    report = provider.capture(order.payment.reference, due, key=f"capture:{order_id}")
    return _noted(order_id, report, at, provider.name, orders)


def capture_when_possible(
    order_id: str, *, at: datetime, orders: OrderRepository, provider: PaymentProvider
) -> Order:
    """Take the money, or leave it for now where the provider does not answer.

    The goods are on their way: that they arrive does not hang on the provider. The order's last
    step takes the money too and, where that fails, leaves the order to a person.
    """
    try:
        return capture_payment(order_id, at=at, orders=orders, provider=provider)
    except Unavailable:
        return orders.get_by_id(order_id)
