"""Returns of delivered pieces."""

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
class ReturnInput:
    """Pieces by line id that a buyer sent back, and the reason, which the buyer can read."""

    pieces: Mapping[str, int]
    reason: str


def create_return(
    idempotent_request: IdempotentRequest,
    order_id: str,
    returned: ReturnInput,
    render: Callable[[Order], Mapping[str, Any]],
    *,
    actor: str,
    orders: OrderRepository,
    idempotency: IdempotencyStore,
    uow: UnitOfWork,
) -> Mapping[str, Any]:
    """Record returned pieces once per idempotency key, and return the rendered order.

    Handlers of the event refund the money and reverse points and credits. The pieces are not made
    available for sale, because staff inspect them first. Raises Conflict unless the order is
    completed, NotFound, and InvalidRequest for more pieces than the buyer has.
    """

    def stage() -> StagedChange[Order]:
        order = orders.get_by_id(order_id)
        after, events = order.with_return(
            returned.pieces, returned.reason, idempotent_request.at, actor
        )
        return StagedChange(
            replace(after, version=order.version + 1), (orders.update_op(order, after, events),)
        )

    # The idempotency record is written in the order's own transaction: both exist, or neither.
    return retry_on_conflict(
        lambda: run_idempotent(idempotent_request, stage, render, idempotency=idempotency, uow=uow)
    )
