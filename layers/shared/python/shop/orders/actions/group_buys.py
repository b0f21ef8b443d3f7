"""What becomes of the orders of a group that buys together: seats taken, the group decided.

Beside the other actions, not among them, for it needs pricing's engine, which is slow to import.
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
"""Why an order of a group that did not fill was called off."""


def settle_group_buy_member(
    order_id: str,
    *,
    actor: Callable[[Order], str],
    at: datetime,
    writes: OrderWrites,
    group_buys: GroupBuyRepository,
) -> GroupBuy | None:
    """The payment of a group's member is certain: the order takes its seat, the last one decides.

    Where the group was decided meanwhile, or the customer sits in it already, the order is called
    off and its money goes back. ``at`` is when the payment was certain. Twice is once.
    """
    order = writes.orders.get_by_id(order_id)
    if order.group_buy is None:
        return None
    if order.status in TERMINATED:
        return leave_group_buy(order.group_buy, order_id, group_buys=group_buys, at=at)
    try:
        group = join_group_buy(
            order.group_buy, Seat(actor(order), order_id, at), group_buys=group_buys
        )
    except Conflict:
        cancel_order(
            order_id,
            GROUP_FAILED,
            at=at,
            actor="group",
            writes=writes,
        )
        return group_buys.get(order.group_buy)
    if writes.orders.get_by_id(order_id).status in TERMINATED:
        # Called off after we looked first, so its event may have found no seat to give back.
        return leave_group_buy(order.group_buy, order_id, group_buys=group_buys, at=at)
    settle_group_buy_orders(
        group,
        at=at,
        writes=writes,
        group_buys=group_buys,
    )
    return group


def settle_group_buy_orders(
    group: GroupBuy,
    *,
    at: datetime,
    writes: OrderWrites,
    group_buys: GroupBuyRepository,
) -> None:
    """Tell every member's order what became of the group. Safe to begin again where it was cut off.

    While the group forms there is nothing to tell.
    """
    if group.status is GroupStatus.FORMING:
        return
    for seat, then in group.consequences():
        if then is GroupBuyConsequence.PROCEED:
            _goes_on(seat.order_id, at, writes.orders)
        else:
            cancel_order(
                seat.order_id,
                GROUP_FAILED,
                at=at,
                actor="group",
                writes=writes,
            )
    group_buys.mark_settled(group)


def _goes_on(order_id: str, at: datetime, orders: OrderRepository) -> Order:
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
    """Decide groups whose deadline is past, and finish what was cut off. May run twice at once.

    Returns how many groups were looked at and how many of them are settled now.
    """
    looked = settled = 0
    for due in group_buys.list_due(at, max_results):
        looked += 1
        group = close_group_buy(due, group_buys=group_buys, at=at)
        if group.status is GroupStatus.FORMING:
            continue
        settle_group_buy_orders(
            group,
            at=at,
            writes=writes,
            group_buys=group_buys,
        )
        settled += 1
    return looked, settled
