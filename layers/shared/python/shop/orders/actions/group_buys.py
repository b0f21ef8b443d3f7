"""Orders of a group buy: their seats, and the consequences of the group's result.

This module imports the pricing engine, which is slow to import. Handlers that do not need it import
the other use cases only.
"""

from collections.abc import Callable
from datetime import datetime

from shop.kernel.errors import Conflict
from shop.orders.actions.cancellation import cancel_order
from shop.orders.actions.order_writes import OrderWrites
from shop.orders.actions.retry import retry_on_conflict
from shop.orders.model import TERMINATED, Order
from shop.orders.ports import OrderRepository
from shop.pricing.actions.group_buys import close_group_buy, join_group_buy, leave_group_buy
from shop.pricing.model.group_buy import GroupBuy, GroupBuyConsequence, GroupStatus, Seat
from shop.pricing.ports import GroupBuyRepository

GROUP_FAILED = "group_failed"
"""Cancellation reason of an order whose group buy failed, or had no seat for it."""


def settle_group_buy_member(
    order_id: str,
    *,
    customer_key: Callable[[Order], str],
    at: datetime,
    writes: OrderWrites,
    group_buys: GroupBuyRepository,
) -> GroupBuy | None:
    """Seat a paid order in its group buy, or free the seat of a terminated order.

    The last seat completes the group. If the group is already closed, or the customer already has a
    seat, the order is cancelled and refunded. ``at`` is when the payment became certain;
    ``customer_key`` identifies the customer of an order. May run twice. Returns the group buy, or
    ``None`` for an order without one.
    """
    order = writes.orders.get_by_id(order_id)
    if order.group_buy is None:
        return None
    if order.status in TERMINATED:
        return leave_group_buy(order.group_buy, order_id, group_buys=group_buys, at=at)
    seat = Seat(customer_key(order), order_id, at)
    try:
        group = join_group_buy(order.group_buy, seat, group_buys=group_buys)
    except Conflict:
        _cancel_for_group(order_id, at, writes)
        return group_buys.get(order.group_buy)
    # Read again after the seat is written: if the order was cancelled in between, the handler of
    # that event may have found no seat to free.
    if writes.orders.get_by_id(order_id).status in TERMINATED:
        return leave_group_buy(order.group_buy, order_id, group_buys=group_buys, at=at)
    settle_group_buy_orders(group, at=at, writes=writes, group_buys=group_buys)
    return group


def settle_group_buy_orders(
    group: GroupBuy, *, at: datetime, writes: OrderWrites, group_buys: GroupBuyRepository
) -> None:
    """Apply a group buy's result to the orders of all its members.

    Does nothing while the group is forming. Can be repeated after an interruption, because each
    order's change has no further effect the second time.
    """
    if group.status is GroupStatus.FORMING:
        return
    for seat, consequence in group.consequences():
        if consequence is GroupBuyConsequence.PROCEED:
            _release_for_shipping(seat.order_id, at, writes.orders)
        else:
            _cancel_for_group(seat.order_id, at, writes)
    # Marked last: until then the group is found again and its orders are settled again.
    group_buys.mark_settled(group)


def _cancel_for_group(order_id: str, at: datetime, writes: OrderWrites) -> None:
    cancel_order(order_id, GROUP_FAILED, at=at, actor="group", writes=writes)


def _release_for_shipping(order_id: str, at: datetime, orders: OrderRepository) -> Order:
    def attempt() -> Order:
        order = orders.get_by_id(order_id)
        after, events = order.with_group(at)
        return orders.save(order, after, events) if events else order

    return retry_on_conflict(attempt)


def close_group_buys(
    *,
    at: datetime,
    writes: OrderWrites,
    group_buys: GroupBuyRepository,
    max_results: int = 100,
) -> tuple[int, int]:
    """Close group buys whose deadline has passed, and settle their orders.

    Also resumes groups that were interrupted while settling. May run twice at the same time.
    Returns the number of due groups, and of those that are settled now.
    """
    due = settled = 0
    for group_buy in group_buys.list_due(at, max_results):
        due += 1
        group = close_group_buy(group_buy, group_buys=group_buys, at=at)
        if group.status is GroupStatus.FORMING:
            continue  # its grace period for payments has not passed yet
        settle_group_buy_orders(group, at=at, writes=writes, group_buys=group_buys)
        settled += 1
    return due, settled
