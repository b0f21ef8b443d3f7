"""Unpaid orders: reconciliation of lost webhooks, and expiry at the payment deadline."""

from datetime import datetime, timedelta

from shop.kernel.errors import Conflict, Unavailable
from shop.orders.actions.cancellation import cancel_order
from shop.orders.actions.order_writes import OrderWrites
from shop.orders.actions.payments import provider_state, record_payment
from shop.orders.model import Order, OrderStatus
from shop.payments.model import PaymentStatus
from shop.payments.ports import PaymentProvider

PAYMENT_EXPIRED = "payment_expired"
PAYMENT_GRACE = timedelta(minutes=2)
"""Age at which the provider is first asked about an unpaid order: its buyer may still be paying."""
UNPAID = (OrderStatus.PLACING, OrderStatus.PLACED)
SETTLED_PAYMENTS = (
    PaymentStatus.AUTHORIZED,
    PaymentStatus.CAPTURED,
    PaymentStatus.FAILED,
    PaymentStatus.CANCELLED,
)


def expire_order(
    order_id: str, *, at: datetime, writes: OrderWrites, provider: PaymentProvider
) -> Order:
    """Expire an unpaid order at its deadline, and return the order.

    A payment that proves certain confirms the order instead. May run twice: the workflow and the
    expiry sweep both expire orders.
    """
    order = writes.orders.get_by_id(order_id)
    # The order may have been paid or cancelled since its deadline was scheduled.
    if order.status not in UNPAID:
        return order
    # Ask the provider before anything is reversed: a webhook may be lost or late. An order that is
    # still being placed has no payment yet.
    state = provider_state(order, provider) if order.status is OrderStatus.PLACED else None
    if state is not None and state.status not in SETTLED_PAYMENTS:
        # Cancel the payment before the order, so that no money arrives for stock that is already
        # released. Money that still arrives in between is refunded by its event.
        state = provider.cancel(state.reference, key=f"cancel:{order_id}")
    if state is not None:
        order = record_payment(
            order_id,
            state,
            at=at,
            actor="deadline",
            cancel_reason=None if state.status is PaymentStatus.FAILED else PAYMENT_EXPIRED,
            writes=writes,
        )
        if order.status is not OrderStatus.PLACED:
            return order
    return cancel_order(order_id, PAYMENT_EXPIRED, at=at, actor="deadline", writes=writes)


def expire_overdue_orders(
    *,
    at: datetime,
    writes: OrderWrites,
    provider: PaymentProvider,
    max_results: int = 200,
) -> tuple[int, int]:
    """Expire overdue orders that the workflow missed, oldest first, at most ``max_results``.

    May run twice at the same time. Returns the number of overdue orders found, and of those that
    are no longer unpaid.
    """
    overdue = writes.orders.list_overdue(at, max_results)
    expired = 0
    for order_id in overdue:
        try:
            order = expire_order(order_id, at=at, writes=writes, provider=provider)
        except (Unavailable, Conflict):
            continue  # one order must not stop the others; the next run tries it again
        expired += order.status not in UNPAID
    return len(overdue), expired


def reconcile_payments(
    *,
    at: datetime,
    writes: OrderWrites,
    provider: PaymentProvider,
    max_results: int = 200,
) -> tuple[int, int]:
    """Ask the provider about unpaid orders, oldest first, because webhooks can be lost.

    Orders younger than :data:`PAYMENT_GRACE` are skipped. The provider's state is merged as its
    webhook would be, so this may run twice at the same time, and beside the webhook. Returns the
    number of orders checked, and of those that no longer wait for payment.
    """
    checked = paid_or_cancelled = 0
    for order_id in writes.orders.list_awaiting_payment(at - PAYMENT_GRACE, max_results):
        checked += 1
        try:
            order = writes.orders.get_by_id(order_id)
            state = provider_state(order, provider)
            if state is None or state.status is PaymentStatus.CREATED:
                continue
            order = record_payment(
                order_id, state, at=at, actor=provider.name, writes=writes, loaded=order
            )
        except Unavailable:
            break  # the provider is down for the other orders as well; the next run asks again
        except Conflict:
            continue
        paid_or_cancelled += order.status is not OrderStatus.PLACED
    return checked, paid_or_cancelled
