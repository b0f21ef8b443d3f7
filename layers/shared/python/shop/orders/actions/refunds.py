"""Refunds by amount, which belong to no piece: goodwill, or a late delivery."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from shop.kernel.frozen import frozen
from shop.kernel.idempotency import IdempotencyStore, IdempotentRequest, run_idempotent
from shop.kernel.unit_of_work import StagedChange, UnitOfWork
from shop.orders.actions.retry import retry_on_conflict
from shop.orders.model import Order
from shop.orders.ports import OrderRepository


@frozen(slots=False)
class RefundInput:
    """An amount in minor units of the order's currency, and the reason, which the buyer reads."""

    amount: int
    reason: str


def grant_refund(
    idempotent_request: IdempotentRequest,
    order_id: str,
    refund: RefundInput,
    render: Callable[[Order], Mapping[str, Any]],
    *,
    actor: str,
    orders: OrderRepository,
    idempotency: IdempotencyStore,
    uow: UnitOfWork,
) -> Mapping[str, Any]:
    """Grant a refund once per idempotency key, and return the rendered order.

    The write states the version that was read, so two refunds at once never exceed what is left.
    Handlers of the event refund the money, return credits and tell the buyer. Raises NotFound, and
    Conflict if less can be refunded.
    """

    def stage() -> StagedChange[Order]:
        order = orders.get_by_id(order_id)
        after, events = order.with_refund(
            refund.amount, refund.reason, idempotent_request.at, actor
        )
        return StagedChange(
            replace(after, version=order.version + 1), (orders.update_op(order, after, events),)
        )

    return retry_on_conflict(
        lambda: run_idempotent(idempotent_request, stage, render, idempotency=idempotency, uow=uow)
    )
