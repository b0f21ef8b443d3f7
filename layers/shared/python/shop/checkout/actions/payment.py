"""Authorize the payment of an order that a checkout has placed."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from shop.cart.actions import LimitLookup
from shop.cart.model import GIFT_LINE_PREFIX
from shop.checkout.actions.dependencies import Completion
from shop.checkout.actions.messages import (
    payment_split_messages,
    payment_unanswered_error,
    short_line_messages,
)
from shop.checkout.actions.placement import renew_offer
from shop.checkout.actions.results import CheckoutResult
from shop.checkout.model import (
    ITEM_UNAVAILABLE,
    CheckoutSession,
    no_longer_sold_message,
    not_placed_message,
)
from shop.kernel.errors import Conflict, InvalidRequest, NotFound, Unavailable
from shop.kernel.idempotency import store_response, stored_response
from shop.orders.actions.batched_placement import abandon_placement, place_in_batches
from shop.orders.actions.cancellation import cancel_order
from shop.orders.actions.payments import record_payment
from shop.orders.model import Order, OrderStatus
from shop.payments.model import PaymentStatus, ProviderPaymentState


def continue_placement(
    session: CheckoutSession, order: Order, completion: Completion
) -> Mapping[str, Any]:
    """Continue from the state of an order: reserve its stock, then authorize its payment.

    An order of one transaction has its stock already. A larger one takes its stock in batches here.
    On a shortage the order is cancelled, and the response names the short lines. If the process
    crashes and no retry follows, the order expires (:mod:`shop.orders.actions.expiry`).
    """
    # The ordinary case: the placement transaction reserved all stock.
    if order.status is not OrderStatus.PLACING:
        return _authorize(session, order, completion)
    order, shortages = place_in_batches(order, writes=completion.deps.writes)
    if order.status is not OrderStatus.PLACING:
        return _authorize(session, order, completion)
    # A shortage, or another process has begun to reverse the placement.
    messages = short_line_messages(shortages, session) or (not_placed_message("out_of_stock"),)
    response = completion.render(CheckoutResult(session, None, messages))
    order = abandon_placement(
        order,
        "out_of_stock" if shortages else "placement_abandoned",
        at=completion.at,
        actor=completion.deps.provider.name,
        writes=completion.deps.writes,
        # The response is stored with the cancellation: a retry cannot derive it from the order.
        extra_writes=lambda _: (
            (completion.deps.idempotency.complete(completion.request, response),)
            if shortages
            else ()
        ),
    )
    if order.status is OrderStatus.CANCELLED and shortages:
        return final_response(response, completion)
    # Another process placed or cancelled the order meanwhile: respond with its state.
    return _authorize(session, order, completion)


def _authorize(session: CheckoutSession, order: Order, completion: Completion) -> Mapping[str, Any]:
    """Authorize the payment at the provider, and record the result on the order.

    Goods that left sale since they were offered are not charged: the order is cancelled instead.

    The provider's webhook may arrive before its answer, and the process may crash at any line:

    - before the provider's answer: a retry calls the provider with the same key, which charges
      once. Without a retry, the webhook or the reconciliation records the result. If the call never
      arrived, the order expires, or a request with another instrument abandons it.
    - after the answer and before the record: the same, because nothing was recorded.
    - after the record: a retry finds a payment that is not ``created``, and only responds.
    """
    deps, at = completion.deps, completion.at
    # A retry, and the payment was recorded before: by the first request or by a webhook.
    if order.status is not OrderStatus.PLACED or order.payment.status is not PaymentStatus.CREATED:
        return _response(session, order, completion)
    if titles := _no_longer_sold(order, completion):
        return _withdraw(session, order, titles, completion)
    try:
        state = _payment_state(order, completion)
    except InvalidRequest:
        # The provider cannot read the instrument, so no money can move. The order is cancelled at
        # once, and the buyer may try another instrument without waiting for its expiry.
        cancel_order(
            order.id, "payment_invalid", at=at, actor=deps.provider.name, writes=deps.writes
        )
        raise
    except Unavailable as error:
        raise payment_unanswered_error(error) from None
    order = record_payment(
        order.id,
        state,
        at=at,
        actor=deps.provider.name,
        writes=deps.writes,
        # Saves a read. If a webhook was faster, this version is old: the write fails, and
        # record_payment merges the answer into the newer order.
        loaded=order,
        # A failed payment frees the session for another attempt. Its response is stored with it,
        # because a retry would otherwise see the state of that later attempt.
        extra_writes=lambda failed: (
            deps.idempotency.complete(
                completion.request,
                completion.render(
                    CheckoutResult(session, replace(failed, status=OrderStatus.CANCELLED))
                ),
            ),
        ),
    )
    return _response(session, order, completion)


def _no_longer_sold(order: Order, completion: Completion) -> tuple[str, ...]:
    """Return the titles of the lines whose product or variant has left sale, as last written.

    Read after the order was placed and before it is paid: a product that staff archived before the
    placement is always seen. A condition of the placement itself would let every order of a hot
    product meet on the product's row.
    """
    bought = [line for line in order.lines if not line.id.startswith(GIFT_LINE_PREFIX)]
    on_sale = completion.deps.pricing.catalog.get_variants(
        [line.variant_id for line in bought], consistent=True
    )
    return tuple(line.title for line in bought if line.variant_id not in on_sale)


def _withdraw(
    session: CheckoutSession, order: Order, titles: Sequence[str], completion: Completion
) -> Mapping[str, Any]:
    """Cancel an unpaid order of goods that have left sale, and offer the buyer the rest."""
    deps = completion.deps
    order = cancel_order(
        order.id,
        ITEM_UNAVAILABLE,
        at=completion.at,
        actor=deps.provider.name,
        unless_paid=True,
        writes=deps.writes,
    )
    # An earlier attempt reached the provider, and its webhook was faster: the order stands.
    if order.was_confirmed:
        return _response(session, order, completion)
    message = no_longer_sold_message(titles)
    try:
        lookup = LimitLookup(consistent=True)
        renewed = renew_offer(replace(session, order_id=None), completion, lookup)
        result = CheckoutResult(renewed, None, (message,))
    except NotFound:
        # No line is sold any more, so there is no offer. The cancelled order explains that.
        result = CheckoutResult(session, order)
    return final_response(completion.render(result), completion)


def _payment_state(order: Order, completion: Completion) -> ProviderPaymentState:
    """Return the provider's result for the amount that credits leave.

    The idempotency key is the order id: a retry after a crash finds the first authorization. A
    webhook that arrives first concerns the same payment.
    """
    if not order.amount.minor:
        # Nothing is due, or credits that were consumed with the order pay it: no money moves.
        return ProviderPaymentState(f"credits_{order.id}", PaymentStatus.CAPTURED)
    credential = completion.payment.credential
    # The first request with this key paid with money, so it must be repeated with money.
    if credential is None:
        raise Conflict(
            "This checkout is being paid with another instrument. Send that instrument again.",
            code="payment_in_progress",
            path="$.payment.instruments",
        )
    provider = completion.deps.provider
    return provider.authorize(order.id, order.amount, credential, key=order.id)


def _response(session: CheckoutSession, order: Order, completion: Completion) -> Mapping[str, Any]:
    response = completion.render(CheckoutResult(session, order, payment_split_messages(order)))
    if order.status is not OrderStatus.CANCELLED:
        return response
    return final_response(response, completion)


def final_response(response: Mapping[str, Any], completion: Completion) -> Mapping[str, Any]:
    """Return the stored response of a key whose order is cancelled; store it if there is none.

    Usually it was stored with the cancellation. Not so if the webhook of the decline was faster
    than the provider's answer, if the order expired, or if this process crashed between the two.
    Without a stored response, a retry would see the state of a later attempt under another key.
    """
    request, idempotency = completion.request, completion.deps.idempotency
    stored = stored_response(request, idempotency)
    if stored is not None:
        return stored
    return store_response(
        request, response, idempotency=idempotency, uow=completion.deps.writes.uow
    )
