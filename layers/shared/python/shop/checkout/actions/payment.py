"""From an order that was placed to its payment."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from shop.checkout.actions.dependencies import CheckoutDependencies
from shop.checkout.actions.messages import payment_split_messages, short_line_messages
from shop.checkout.actions.results import CheckoutResult
from shop.checkout.model import CheckoutSession, not_placed_message
from shop.kernel.errors import Conflict, InvalidRequest
from shop.kernel.idempotency import IdempotentRequest
from shop.orders.actions.batched_placement import abandon_placement, place_in_batches
from shop.orders.actions.cancellation import cancel_order
from shop.orders.actions.payments import record_payment
from shop.orders.model import Order
from shop.orders.model import OrderStatus as OrderStatus
from shop.payments.model import Credential, PaymentStatus, ProviderPaymentState


def resume_placement(
    session: CheckoutSession,
    order: Order,
    credential: Credential | None,
    idempotent_request: IdempotentRequest,
    deps: CheckoutDependencies,
    render: Callable[[CheckoutResult], Mapping[str, Any]],
) -> Mapping[str, Any]:
    """From where an order stands to its payment: first all its stock, then the money."""
    if order.status is not OrderStatus.PLACING:
        return _pay(session, order, credential, idempotent_request, deps, render)
    order, short = place_in_batches(order, writes=deps.order_writes)
    if order.status is not OrderStatus.PLACING:
        return _pay(session, order, credential, idempotent_request, deps, render)
    told = short_line_messages(short, session) or (not_placed_message("out_of_stock"),)
    shown = CheckoutResult(replace(session, order_id=None), None, told)
    order = abandon_placement(
        order,
        "out_of_stock" if short else "given_up",
        at=idempotent_request.at,
        actor=deps.provider.name,
        writes=deps.order_writes,
        extra_writes=lambda _: (
            (deps.idempotency.complete(idempotent_request, render(shown)),) if short else ()
        ),
    )
    if order.status is OrderStatus.CANCELLED and short:
        return render(shown)
    return _pay(session, order, credential, idempotent_request, deps, render)


def _pay(
    session: CheckoutSession,
    order: Order,
    credential: Credential | None,
    idempotent_request: IdempotentRequest,
    deps: CheckoutDependencies,
    render: Callable[[CheckoutResult], Mapping[str, Any]],
) -> Mapping[str, Any]:
    if order.status is not OrderStatus.PLACED or order.payment.status is not PaymentStatus.CREATED:
        return render(CheckoutResult(session, order, payment_split_messages(order)))
    try:
        if order.amount.minor and credential is not None:
            report = deps.provider.authorise(order.id, order.amount, credential, key=order.id)
        elif order.amount.minor:
            why = "this checkout is being paid with another instrument; send that one again"
            raise Conflict(why, code="payment_failed", path="$.payment.instruments")
        else:
            # Nothing is due, or credits that were taken with the order pay it: no money is to move.
            report = ProviderPaymentState(f"credits_{order.id}", PaymentStatus.CAPTURED)
    except InvalidRequest:
        # The provider cannot read it, so no money can move: the buyer may try another at once.
        cancel_order(
            order.id,
            "payment_invalid",
            at=idempotent_request.at,
            actor=deps.provider.name,
            writes=deps.order_writes,
        )
        raise
    order = record_payment(
        order.id,
        report,
        at=idempotent_request.at,
        actor=deps.provider.name,
        writes=deps.order_writes,
        read=order,
        extra_writes=lambda failed: (
            deps.idempotency.complete(
                idempotent_request, render(CheckoutResult(session, _as_called_off(failed)))
            ),
        ),
    )
    return render(CheckoutResult(session, order, payment_split_messages(order)))


def _as_called_off(order: Order) -> Order:
    return replace(order, status=OrderStatus.CANCELLED)
