"""Unpaid orders: asked after while they wait, ended at their deadline."""

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
"""How long after it was placed an order is left to its buyer before the provider is asked."""


def expire_order(
    order_id: str,
    *,
    at: datetime,
    writes: OrderWrites,
    provider: PaymentProvider,
) -> Order:
    """The deadline passed without a payment: the provider is asked before anything is undone.

    A payment that turns out certain confirms the order. Otherwise the payment is cancelled first
    and the order called off after it, so that no payment can arrive for goods already resold; one
    that slips between is given back by its event.
    """
    order = writes.orders.get_by_id(order_id)
    if order.status not in (OrderStatus.PLACING, OrderStatus.PLACED):
        return order
    report = provider_state(order, provider) if order.status is OrderStatus.PLACED else None
    if report is not None and report.status not in (
        PaymentStatus.AUTHORISED,
        PaymentStatus.CAPTURED,
        PaymentStatus.FAILED,
        PaymentStatus.CANCELLED,
    ):
        report = provider.cancel(report.reference, key=f"cancel:{order_id}")
    if report is not None:
        order = record_payment(
            order_id,
            report,
            at=at,
            actor="deadline",
            because=None if report.status is PaymentStatus.FAILED else PAYMENT_EXPIRED,
            writes=writes,
        )
        if order.status is not OrderStatus.PLACED:
            return order
    return cancel_order(
        order_id,
        PAYMENT_EXPIRED,
        at=at,
        actor="deadline",
        writes=writes,
    )


def expire_overdue_orders(
    *,
    at: datetime,
    writes: OrderWrites,
    provider: PaymentProvider,
    max_results: int = 200,
) -> tuple[int, int]:
    """Expire what the workflow should have expired: at most ``most`` orders, the oldest first.

    May run twice at once. An order whose provider does not answer is left for the next time.
    Returns how many orders were looked at and how many of them are no longer unpaid.
    """
    overdue = writes.orders.list_overdue(at, max_results)
    settled = 0
    for order_id in overdue:
        try:
            order = expire_order(
                order_id,
                at=at,
                writes=writes,
                provider=provider,
            )
        except (Unavailable, Conflict):
            continue
        settled += order.status not in (OrderStatus.PLACING, OrderStatus.PLACED)
    return len(overdue), settled


def reconcile_payments(
    *,
    at: datetime,
    writes: OrderWrites,
    provider: PaymentProvider,
    max_results: int = 200,
) -> tuple[int, int]:
    """Ask the provider of orders that wait for their payment: a webhook may have been lost.

    At most ``most`` orders, the oldest first, and none so young that its buyer may still be paying.
    What the provider says is merged as its webhook would be, so it may run twice at once, and
    beside the webhook. A provider that does not answer is asked again next time. Returns how many
    orders were looked at and how many of them no longer wait.
    """
    looked = settled = 0
    for order_id in writes.orders.list_awaiting_payment(at - PAYMENT_GRACE, max_results):
        looked += 1
        try:
            order = writes.orders.get_by_id(order_id)
            report = provider_state(order, provider)
            if report is None or report.status is PaymentStatus.CREATED:
                continue
            order = record_payment(
                order_id,
                report,
                at=at,
                actor=provider.name,
                writes=writes,
                read=order,
            )
        except Unavailable:
            break
        except Conflict:
            continue
        settled += order.status is not OrderStatus.PLACED
    return looked, settled
