"""What is done with groups that buy together: open, take a seat, leave, close at the deadline."""

from datetime import datetime, timedelta

from shop.kernel.errors import Conflict, Stale
from shop.kernel.events import Event
from shop.kernel.transactions import Change
from shop.pricing.model.effects import GroupPrice
from shop.pricing.model.group_buy import GroupBuy, GroupStatus, Seat
from shop.pricing.model.promotions import Promotion, Status
from shop.pricing.ports import GroupBuys

GRACE = timedelta(minutes=1)
"""A payment that was certain before the deadline is heard of a little later."""


def open_group(
    promotion: Promotion, *, group_id: str, code: str, at: datetime, group_buys: GroupBuys
) -> Change[GroupBuy]:
    """Form a group, with nobody in it yet. It lasts as long as its promotion says, and not beyond
    the promotion's own end.

    Raises Conflict (``no_group_buy``, ``not_running``) for a promotion that is none or not running.
    """
    effect = promotion.effect
    if not isinstance(effect, GroupPrice):
        raise Conflict(
            "this promotion is not for groups", code="no_group_buy", path="$.promotion_id"
        )
    if promotion.status(at) is not Status.RUNNING or promotion.why_not_now(at):
        raise Conflict("this promotion is not running", code="not_running", path="$.promotion_id")
    deadline = at + timedelta(hours=effect.hours)
    if promotion.conditions.window.ends is not None:
        deadline = min(deadline, promotion.conditions.window.ends)
    deadline = deadline.replace(microsecond=0)
    group = GroupBuy(group_id, promotion.id, effect.size, deadline, code)
    group.check()
    return Change(group, (group_buys.adding(group, [_event("GroupBuyOpened", group, at)]),))


def take_seat(group_id: str, seat: Seat, *, group_buys: GroupBuys) -> GroupBuy:
    """Take a seat. The last one makes the group succeed, and the event says so.

    Of two who take the last seat at once one wins; the other reads again and is told. The same
    order again changes nothing. Raises Conflict: ``group_full``, ``group_over``,
    ``already_member``; NotFound.
    """
    for attempt in range(8):
        before = group_buys.of(group_id)
        after = before.join(seat)
        if after is before:
            return before
        done = after.status is GroupStatus.SUCCEEDED
        event = _event("GroupBuySucceeded" if done else "GroupBuyJoined", after, seat.joined_at)
        try:
            return group_buys.save(before, after, [event])
        except Stale:
            if attempt == 7:
                raise
    raise AssertionError("unreachable")


def leave_group(group_id: str, order_id: str, *, group_buys: GroupBuys, at: datetime) -> GroupBuy:
    """Give an order's seat back while the group forms; none, and a group that is decided, stay as
    they are. Raises NotFound.
    """
    for attempt in range(8):
        before = group_buys.of(group_id)
        if before.status is not GroupStatus.FORMING:
            return before
        after = before.without(order_id)
        if after is before:
            return before
        try:
            return group_buys.save(before, after, [_event("GroupBuyLeft", after, at)])
        except Stale:
            if attempt == 7:
                raise
    raise AssertionError("unreachable")


def close_group(before: GroupBuy, *, group_buys: GroupBuys, at: datetime) -> GroupBuy:
    """Fail a group whose deadline is past. One decided meanwhile is given as it is."""
    after = before.closed(at - GRACE)
    if after is before:
        return before
    try:
        return group_buys.save(before, after, [_event("GroupBuyFailed", after, at)])
    except Stale:
        return group_buys.of(before.id)


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
