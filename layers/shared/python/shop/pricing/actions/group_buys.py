"""What is done with groups that buy together: open, join, leave, close at the deadline."""

from dataclasses import replace
from datetime import datetime, timedelta

from shop.kernel.errors import Stale
from shop.kernel.events import Event
from shop.pricing.model.group_buy import GroupBuy, GroupStatus, Seat
from shop.pricing.ports import GroupBuys


def open_group(
    group_id: str,
    promotion_id: str,
    *,
    size: int,
    lasts: timedelta,
    seat: Seat,
    group_buys: GroupBuys,
) -> GroupBuy:
    """Form a group with its first member. Raises Invalid for a size below two."""
    group = GroupBuy(group_id, promotion_id, size, seat.joined_at + lasts)
    group.check()
    after = replace(group.join(seat), version=1)
    return group_buys.save(None, after, [_event("GroupBuyOpened", after, seat.joined_at)])


def join_group(group_id: str, seat: Seat, *, group_buys: GroupBuys) -> GroupBuy:
    """Take a seat. The last one makes the group succeed, and the event says so.

    Of two who take the last seat at once one wins; the other reads again and is told. Raises
    Conflict: ``group_full``, ``group_over``, ``already_member``; NotFound.
    """
    for attempt in range(5):
        before = group_buys.of(group_id)
        after = before.join(seat)
        if after is before:
            return before
        done = after.status is GroupStatus.SUCCEEDED
        event = _event("GroupBuySucceeded" if done else "GroupBuyJoined", after, seat.joined_at)
        try:
            return group_buys.save(before, after, [event])
        except Stale:
            if attempt == 4:
                raise
    raise AssertionError("unreachable")


def leave_group(
    group_id: str, customer_id: str, *, group_buys: GroupBuys, at: datetime
) -> GroupBuy:
    """Give the seat back while the group forms. Raises Conflict, ``group_decided``; NotFound."""
    before = group_buys.of(group_id)
    after = before.leave(customer_id, at)
    if after is before:
        return before
    return group_buys.save(before, after, [_event("GroupBuyLeft", after, at)])


def close_due_groups(*, group_buys: GroupBuys, at: datetime, most: int = 100) -> list[GroupBuy]:
    """Fail every group whose deadline is past. May run twice at once: who comes second finds it
    done.
    """
    closed = []
    for before in group_buys.due(at, most):
        after = before.closed(at)
        if after is before:
            continue
        try:
            closed.append(group_buys.save(before, after, [_event("GroupBuyFailed", after, at)]))
        except Stale:
            continue
    return closed


def _event(type: str, group: GroupBuy, at: datetime) -> Event:
    return Event(
        id=f"{group.id}:{group.version}",
        type=type,
        subject=group.id,
        at=at,
        data={
            "promotion": group.promotion_id,
            "members": [
                {"customer": seat.customer_id, "order": seat.order_id} for seat in group.seats
            ],
        },
    )
