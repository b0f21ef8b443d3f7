"""What had arrived is sent back: staff took it in, and the money goes back."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from shop.kernel.idempotency import IdempotencyStore, IdempotentRequest, run_idempotent
from shop.kernel.unit_of_work import StagedChange, UnitOfWork
from shop.orders.actions.retry import retry_on_conflict
from shop.orders.model import Order
from shop.orders.ports import OrderRepository


def create_return(
    idempotent_request: IdempotentRequest,
    order_id: str,
    pieces: Mapping[str, int],
    reason: str,
    render: Callable[[Order], Mapping[str, Any]],
    *,
    actor: str,
    orders: OrderRepository,
    idempotency: IdempotencyStore,
    uow: UnitOfWork,
) -> Mapping[str, Any]:
    """Note pieces that came back, by line; asked twice under one key, once.

    Money, points and credits follow from the event. What came back is not for sale by this: staff
    look at it first. Raises Conflict for an order that is not completed, NotFound, and Invalid for
    more than the buyer has.
    """

    def make() -> StagedChange[Order]:
        order = orders.get_by_id(order_id)
        after, events = order.with_return(pieces, reason, idempotent_request.at, actor)
        changing = orders.update_op(order, after, events)
        return StagedChange(replace(after, version=order.version + 1), (changing,))

    return retry_on_conflict(
        lambda: run_idempotent(idempotent_request, make, render, idempotency=idempotency, uow=uow)
    )
