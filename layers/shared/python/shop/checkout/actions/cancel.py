"""Cancel a checkout."""

from dataclasses import replace

from shop.checkout.actions.messages import raise_if_completed
from shop.checkout.actions.results import CheckoutResult
from shop.checkout.ports import CheckoutSessionRepository
from shop.kernel.idempotency import IdempotentRequest
from shop.kernel.unit_of_work import StagedChange
from shop.orders.actions.cancellation import cancel_order
from shop.orders.actions.order_writes import OrderWrites


def cancel_checkout(
    session_id: str,
    idempotent_request: IdempotentRequest,
    *,
    sessions: CheckoutSessionRepository,
    writes: OrderWrites,
) -> StagedChange[CheckoutResult]:
    """Cancel a checkout, and its order while the payment is not certain.

    Raises Conflict for a canceled checkout and for a completed one. A completed checkout is
    cancelled through its order.
    """
    owner, at = idempotent_request.owner, idempotent_request.at
    session = sessions.get(owner, session_id, at)
    session.raise_if_closed()
    order = None
    if session.order_id is not None:
        order = writes.orders.get(session.owner, session.order_id)
        raise_if_completed(order)
        order = cancel_order(
            order.id,
            "checkout_canceled",
            at=at,
            actor=owner,
            owner=session.owner,
            unless_paid=True,
            writes=writes,
        )
        # The payment may have become certain since the read above; then the order stands.
        raise_if_completed(order)
    after = replace(session, canceled=True, version=session.version + 1)
    return StagedChange(CheckoutResult(after, order), (sessions.update_op(session, after),))
