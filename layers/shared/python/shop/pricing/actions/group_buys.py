"""What is done with groups that buy together: open, take a seat, leave, close at the deadline."""

from datetime import datetime, timedelta

from shop.kernel.errors import Conflict, VersionConflict
from shop.kernel.events import Event
from shop.kernel.unit_of_work import StagedChange
from shop.pricing.model.effects import GroupPrice
from shop.pricing.model.group_buy import GroupBuy, GroupStatus, Seat
from shop.pricing.model.promotions import Promotion, PromotionStatus
from shop.pricing.ports import GroupBuyRepository

PAYMENT_GRACE = timedelta(minutes=1)
"""A payment that was certain before the deadline is heard of a little later."""


def create_group_buy(
    promotion: Promotion, *, group_id: str, code: str, at: datetime, group_buys: GroupBuyRepository
) -> StagedChange[GroupBuy]:
    """Form a group, with nobody in it yet. It lasts as long as its promotion says, and not beyond
    the promotion's own end.

    Raises Conflict (``no_group_buy``, ``not_running``) for a promotion that is none or not running.
    """
    effect = promotion.effect
    if not isinstance(effect, GroupPrice):
        raise Conflict(
            "this promotion is not for groups", code="no_group_buy", path="$.promotion_id"
        )
    if promotion.status(at) is not PromotionStatus.RUNNING or promotion.reason_not_running(at):
        raise Conflict("this promotion is not running", code="not_running", path="$.promotion_id")
    deadline = at + timedelta(hours=effect.hours)
    if promotion.conditions.window.ends is not None:
        deadline = min(deadline, promotion.conditions.window.ends)
    deadline = deadline.replace(microsecond=0)
    group = GroupBuy(group_id, promotion.id, effect.size, deadline, code)
    group.check()
    return StagedChange(
        group, (group_buys.insert_op(group, [_event("GroupBuyOpened", group, at)]),)
    )


def join_group_buy(group_id: str, seat: Seat, *, group_buys: GroupBuyRepository) -> GroupBuy:
    """Take a seat. The last one makes the group succeed, and the event says so.

    Of two who take the last seat at once one wins; the other reads again and is told. The same
    order again changes nothing. Raises Conflict: ``group_full``, ``group_over``,
    ``already_member``; NotFound.
    """
    for attempt in range(8):
        before = group_buys.get(group_id)
        after = before.join(seat)
        if after is before:
            return before
        done = after.status is GroupStatus.SUCCEEDED
        event = _event("GroupBuySucceeded" if done else "GroupBuyJoined", after, seat.joined_at)
        try:
            return group_buys.save(before, after, [event])
        except VersionConflict:
            if attempt == 7:
                raise
    raise AssertionError("unreachable")


def leave_group_buy(
    group_id: str, order_id: str, *, group_buys: GroupBuyRepository, at: datetime
) -> GroupBuy:
    """Give an order's seat back while the group forms; none, and a group that is decided, stay as
    they are. Raises NotFound.
    """
    for attempt in range(8):
        before = group_buys.get(group_id)
        if before.status is not GroupStatus.FORMING:
            return before
        after = before.remove_order(order_id)
        if after is before:
            return before
        try:
            return group_buys.save(before, after, [_event("GroupBuyLeft", after, at)])
        except VersionConflict:
            if attempt == 7:
                raise
    raise AssertionError("unreachable")


def close_group_buy(before: GroupBuy, *, group_buys: GroupBuyRepository, at: datetime) -> GroupBuy:
    """Fail a group whose deadline is past. One decided meanwhile is given as it is."""
    after = before.close(at - PAYMENT_GRACE)
    if after is before:
        return before
    try:
        return group_buys.save(before, after, [_event("GroupBuyFailed", after, at)])
    except VersionConflict:
        return group_buys.get(before.id)


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
