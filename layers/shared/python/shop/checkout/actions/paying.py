"""From an order that was placed to its payment."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from shop.checkout.actions.shown import Shown
from shop.checkout.actions.telling import short_of, split
from shop.checkout.actions.till import Till
from shop.checkout.model import Session, not_placed
from shop.kernel.errors import Conflict, Invalid
from shop.kernel.idempotency import Ask
from shop.orders.actions.batches import give_up_placing, place_in_batches
from shop.orders.actions.calling_off import cancel_order
from shop.orders.actions.paying import record_payment
from shop.orders.model import Order
from shop.orders.model import Status as OrderStatus
from shop.payments.model import Credential, PaymentStatus, Report


def go_on(
    session: Session,
    order: Order,
    credential: Credential | None,
    ask: Ask,
    till: Till,
    render: Callable[[Shown], Mapping[str, Any]],
) -> Mapping[str, Any]:
    """From where an order stands to its payment: first all its stock, then the money."""
    if order.status is not OrderStatus.PLACING:
        return _pay(session, order, credential, ask, till, render)
    books: dict[str, Any] = {"orders": till.orders, "stock": till.stock, "ledger": till.ledger}
    order, short = place_in_batches(order, **books)
    if order.status is not OrderStatus.PLACING:
        return _pay(session, order, credential, ask, till, render)
    told = short_of(short, session) or (not_placed("out_of_stock"),)
    shown = Shown(replace(session, order_id=None), None, told)
    order = give_up_placing(
        order,
        "out_of_stock" if short else "given_up",
        at=ask.at,
        who=till.provider.name,
        tallies=till.tallies,
        also=lambda _: (till.keys.answering(ask, render(shown)),) if short else (),
        **books,
    )
    if order.status is OrderStatus.CANCELLED and short:
        return render(shown)
    return _pay(session, order, credential, ask, till, render)


def _pay(
    session: Session,
    order: Order,
    credential: Credential | None,
    ask: Ask,
    till: Till,
    render: Callable[[Shown], Mapping[str, Any]],
) -> Mapping[str, Any]:
    if order.status is not OrderStatus.PLACED or order.payment.status is not PaymentStatus.CREATED:
        return render(Shown(session, order, split(order)))
    try:
        if order.amount.minor and credential is not None:
            report = till.provider.authorise(order.id, order.amount, credential, key=order.id)
        elif order.amount.minor:
            why = "this checkout is being paid with another instrument; send that one again"
            raise Conflict(why, code="payment_failed", path="$.payment.instruments")
        else:
            # Nothing is due, or credits that were taken with the order pay it: no money is to move.
            report = Report(f"credits_{order.id}", PaymentStatus.CAPTURED)
    except Invalid:
        # The provider cannot read it, so no money can move: the buyer may try another at once.
        cancel_order(
            order.id,
            "payment_invalid",
            at=ask.at,
            who=till.provider.name,
            orders=till.orders,
            stock=till.stock,
            tallies=till.tallies,
            ledger=till.ledger,
        )
        raise
    order = record_payment(
        order.id,
        report,
        at=ask.at,
        who=till.provider.name,
        orders=till.orders,
        stock=till.stock,
        tallies=till.tallies,
        ledger=till.ledger,
        read=order,
        also=lambda failed: (
            till.keys.answering(ask, render(Shown(session, _as_called_off(failed)))),
        ),
    )
    return render(Shown(session, order, split(order)))


def _as_called_off(order: Order) -> Order:
    return replace(order, status=OrderStatus.CANCELLED)
