"""Unpaid orders: asked after while they wait, ended at their deadline."""

from datetime import datetime, timedelta
from typing import Any

from shop.inventory.ports import Holds
from shop.kernel.errors import Conflict, Unavailable
from shop.kernel.transactions import Ledger
from shop.orders.actions.calling_off import cancel_order
from shop.orders.actions.paying import asked, record_payment
from shop.orders.model import Order, Status
from shop.orders.ports import Orders, Uses
from shop.payments.model import PaymentStatus
from shop.payments.ports import PaymentProvider

EXPIRED = "payment_expired"
PAYING = timedelta(minutes=2)
"""How long after it was placed an order is left to its buyer before the provider is asked."""


def expire_order(
    order_id: str,
    *,
    at: datetime,
    orders: Orders,
    stock: Holds[Any],
    tallies: Uses,
    ledger: Ledger,
    provider: PaymentProvider,
) -> Order:
    """The deadline passed without a payment: the provider is asked before anything is undone.

    A payment that turns out certain confirms the order. Otherwise the payment is cancelled first
    and the order called off after it, so that no payment can arrive for goods already resold; one
    that slips between is given back by its event.
    """
    order = orders.by_id(order_id)
    if order.status not in (Status.PLACING, Status.PLACED):
        return order
    report = asked(order, provider) if order.status is Status.PLACED else None
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
            who="deadline",
            because=None if report.status is PaymentStatus.FAILED else EXPIRED,
            orders=orders,
            stock=stock,
            tallies=tallies,
            ledger=ledger,
        )
        if order.status is not Status.PLACED:
            return order
    return cancel_order(
        order_id,
        EXPIRED,
        at=at,
        who="deadline",
        orders=orders,
        stock=stock,
        tallies=tallies,
        ledger=ledger,
    )


def expire_overdue(
    *,
    at: datetime,
    orders: Orders,
    stock: Holds[Any],
    tallies: Uses,
    ledger: Ledger,
    provider: PaymentProvider,
    most: int = 200,
) -> tuple[int, int]:
    """Expire what the workflow should have expired: at most ``most`` orders, the oldest first.

    May run twice at once. An order whose provider does not answer is left for the next time.
    Returns how many orders were looked at and how many of them are no longer unpaid.
    """
    overdue = orders.overdue(at, most)
    settled = 0
    for order_id in overdue:
        try:
            order = expire_order(
                order_id,
                at=at,
                orders=orders,
                stock=stock,
                tallies=tallies,
                ledger=ledger,
                provider=provider,
            )
        except (Unavailable, Conflict):
            continue
        settled += order.status not in (Status.PLACING, Status.PLACED)
    return len(overdue), settled


def reconcile_payments(
    *,
    at: datetime,
    orders: Orders,
    stock: Holds[Any],
    tallies: Uses,
    ledger: Ledger,
    provider: PaymentProvider,
    most: int = 200,
) -> tuple[int, int]:
    """Ask the provider of orders that wait for their payment: a webhook may have been lost.

    At most ``most`` orders, the oldest first, and none so young that its buyer may still be paying.
    What the provider says is merged as its webhook would be, so it may run twice at once, and
    beside the webhook. A provider that does not answer is asked again next time. Returns how many
    orders were looked at and how many of them no longer wait.
    """
    looked = settled = 0
    for order_id in orders.waiting(at - PAYING, most):
        looked += 1
        try:
            order = orders.by_id(order_id)
            report = asked(order, provider)
            if report is None or report.status is PaymentStatus.CREATED:
                continue
            order = record_payment(
                order_id,
                report,
                at=at,
                who=provider.name,
                orders=orders,
                stock=stock,
                tallies=tallies,
                ledger=ledger,
                read=order,
            )
        except Unavailable:
            break
        except Conflict:
            continue
        settled += order.status is not Status.PLACED
    return looked, settled
