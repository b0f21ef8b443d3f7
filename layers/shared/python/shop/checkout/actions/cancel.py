"""Leave a checkout."""

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
    """Leave a checkout. A payment that is still being confirmed is called off with it.

    Raises Conflict once it is completed (then the order is what can be cancelled) or canceled.
    """
    session = sessions.get(idempotent_request.owner, session_id, idempotent_request.at)
    session.raise_if_closed()
    order = None
    if session.order_id is not None:
        order = writes.orders.get(idempotent_request.owner, session.order_id)
        raise_if_completed(order)
        order = cancel_order(
            order.id,
            "checkout_canceled",
            at=idempotent_request.at,
            actor=idempotent_request.owner,
            owner=idempotent_request.owner,
            unless_paid=True,
            writes=writes,
        )
        raise_if_completed(order)
    after = replace(session, canceled=True, version=session.version + 1)
    return StagedChange(CheckoutResult(after, order), (sessions.update_op(session, after),))
