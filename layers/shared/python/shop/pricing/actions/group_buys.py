"""Use cases of group buys (docs/rules/pricing.md §13)."""

from collections.abc import Callable
from datetime import datetime, timedelta

from shop.kernel.errors import Conflict, Contention, VersionConflict
from shop.kernel.events import Event
from shop.kernel.unit_of_work import StagedChange
from shop.pricing.model.effects import GroupPrice
from shop.pricing.model.group_buy import GroupBuy, GroupStatus, Seat
from shop.pricing.model.promotions import Promotion, PromotionStatus
from shop.pricing.ports import GroupBuyRepository

MAX_ATTEMPTS = 8
"""Attempts of a write while other members change the same group."""
PAYMENT_GRACE = timedelta(minutes=1)
"""Time for the event of a payment that was certain before the deadline to arrive."""


def create_group_buy(
    promotion: Promotion, *, group_id: str, code: str, at: datetime, group_buys: GroupBuyRepository
) -> StagedChange[GroupBuy]:
    """Open an empty group. Its deadline is at most the end of the promotion.

    Raises Conflict: ``no_group_buy`` for a promotion of another kind, ``not_running``.
    """
    effect = promotion.effect
    if not isinstance(effect, GroupPrice):
        raise Conflict(
            "This promotion must be a group price. Choose one that is.",
            code="no_group_buy",
            path="$.promotion_id",
        )
    if promotion.status(at) is not PromotionStatus.RUNNING or promotion.reason_not_running(at):
        raise Conflict(
            "This promotion must be running. Choose one that is.",
            code="not_running",
            path="$.promotion_id",
        )
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
    """Take a seat. The last seat makes the group succeed (event ``GroupBuySucceeded``).

    A repeated call for the same order changes nothing. Raises NotFound, Contention, and Conflict:
    ``group_full``, ``group_expired``, ``already_member``.
    """

    def join(before: GroupBuy) -> tuple[GroupBuy, str]:
        after = before.join(seat)
        succeeded = after.status is GroupStatus.SUCCEEDED
        return after, "GroupBuySucceeded" if succeeded else "GroupBuyJoined"

    return _save_with_retries(group_id, join, group_buys, seat.joined_at)


def leave_group_buy(
    group_id: str, order_id: str, *, group_buys: GroupBuyRepository, at: datetime
) -> GroupBuy:
    """Release the seat of an order while the group is forming.

    A decided group, and a group without a seat of this order, stay as they are. Raises NotFound and
    Contention.
    """

    def leave(before: GroupBuy) -> tuple[GroupBuy, str]:
        # A decided group keeps its members: its decision has already settled their orders.
        decided = before.status is not GroupStatus.FORMING
        return before if decided else before.remove_order(order_id), "GroupBuyLeft"

    return _save_with_retries(group_id, leave, group_buys, at)


def close_group_buy(before: GroupBuy, *, group_buys: GroupBuyRepository, at: datetime) -> GroupBuy:
    """Fail a group whose deadline has passed; return any other group as it is."""
    after = before.close(at - PAYMENT_GRACE)
    if after is before:
        return before
    try:
        return group_buys.save(before, after, [_event("GroupBuyFailed", after, at)])
    except VersionConflict:
        # A member took a seat or left at this moment; the next run of the job decides again.
        return group_buys.get(before.id)


def _save_with_retries(
    group_id: str,
    change: Callable[[GroupBuy], tuple[GroupBuy, str]],
    group_buys: GroupBuyRepository,
    at: datetime,
) -> GroupBuy:
    """Read, change and write a group; repeat after a concurrent change by another member.

    ``change`` returns the changed group and the type of its event, or the same group for no change.
    Raises Contention if other members win every attempt.
    """
    for _ in range(MAX_ATTEMPTS):
        before = group_buys.get(group_id)
        after, event_type = change(before)
        if after is before:
            return before
        try:
            return group_buys.save(before, after, [_event(event_type, after, at)])
        except VersionConflict:
            # Decide again on the new state: another member may have taken the last seat.
            continue
    raise Contention("Other members are changing this group. Try again.")


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
