"""What becomes of the orders of a group that buys together: seats taken, the group decided.

Beside the other actions, not among them, for it needs pricing's engine, which is slow to import.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from shop.inventory.ports import Holds
from shop.kernel.errors import Conflict
from shop.kernel.transactions import Ledger
from shop.orders.actions.calling_off import cancel_order
from shop.orders.actions.writing import insist
from shop.orders.model import CALLED_OFF, Order
from shop.orders.ports import Orders, Uses
from shop.pricing.actions.group_buys import close_group, leave_group, take_seat
from shop.pricing.model.group_buy import GroupBuy, GroupStatus, Seat, Then
from shop.pricing.ports import GroupBuys

GROUP_FAILED = "group_failed"
"""Why an order of a group that did not fill was called off."""


def join_group_buy(
    order_id: str,
    *,
    who: Callable[[Order], str],
    at: datetime,
    orders: Orders,
    stock: Holds[Any],
    tallies: Uses,
    ledger: Ledger,
    group_buys: GroupBuys,
) -> GroupBuy | None:
    """The payment of a group's member is certain: the order takes its seat, the last one decides.

    Where the group was decided meanwhile, or the customer sits in it already, the order is called
    off and its money goes back. ``at`` is when the payment was certain. Twice is once.
    """
    order = orders.by_id(order_id)
    if order.group_buy is None:
        return None
    if order.status in CALLED_OFF:
        return leave_group(order.group_buy, order_id, group_buys=group_buys, at=at)
    try:
        group = take_seat(order.group_buy, Seat(who(order), order_id, at), group_buys=group_buys)
    except Conflict:
        cancel_order(
            order_id,
            GROUP_FAILED,
            at=at,
            who="group",
            orders=orders,
            stock=stock,
            tallies=tallies,
            ledger=ledger,
        )
        return group_buys.of(order.group_buy)
    if orders.by_id(order_id).status in CALLED_OFF:
        # Called off after we looked first, so its event may have found no seat to give back.
        return leave_group(order.group_buy, order_id, group_buys=group_buys, at=at)
    settle_group_buy(
        group,
        at=at,
        orders=orders,
        stock=stock,
        tallies=tallies,
        ledger=ledger,
        group_buys=group_buys,
    )
    return group


def settle_group_buy(
    group: GroupBuy,
    *,
    at: datetime,
    orders: Orders,
    stock: Holds[Any],
    tallies: Uses,
    ledger: Ledger,
    group_buys: GroupBuys,
) -> None:
    """Tell every member's order what became of the group. Safe to begin again where it was cut off.

    While the group forms there is nothing to tell.
    """
    if group.status is GroupStatus.FORMING:
        return
    for seat, then in group.consequences():
        if then is Then.PROCEED:
            _goes_on(seat.order_id, at, orders)
        else:
            cancel_order(
                seat.order_id,
                GROUP_FAILED,
                at=at,
                who="group",
                orders=orders,
                stock=stock,
                tallies=tallies,
                ledger=ledger,
            )
    group_buys.settled(group)


def _goes_on(order_id: str, at: datetime, orders: Orders) -> Order:
    def attempt() -> Order:
        order = orders.by_id(order_id)
        after, events = order.with_group(at)
        return orders.save(order, after, events) if events else order

    return insist(attempt)


def close_group_buys(
    *,
    at: datetime,
    orders: Orders,
    stock: Holds[Any],
    tallies: Uses,
    ledger: Ledger,
    group_buys: GroupBuys,
    most: int = 100,
) -> tuple[int, int]:
    """Decide groups whose deadline is past, and finish what was cut off. May run twice at once.

    Returns how many groups were looked at and how many of them are settled now.
    """
    looked = settled = 0
    for due in group_buys.due(at, most):
        looked += 1
        group = close_group(due, group_buys=group_buys, at=at)
        if group.status is GroupStatus.FORMING:
            continue
        settle_group_buy(
            group,
            at=at,
            orders=orders,
            stock=stock,
            tallies=tallies,
            ledger=ledger,
            group_buys=group_buys,
        )
        settled += 1
    return looked, settled
