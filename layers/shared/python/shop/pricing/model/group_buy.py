"""Buying together (拼团): a group forms, fills before its deadline, or everyone is made whole.

A group is known to the basket by its code, which opens the group's price as a coupon's does; places
are counted like a coupon's uses, in the transaction that places a member's order. A member has a
*seat* once the order's payment is certain. When all seats are taken the orders go on; when the
deadline comes first they are called off.
"""

from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from shop.kernel.errors import Conflict, InvalidRequest
from shop.kernel.frozen import frozen


class GroupStatus(StrEnum):
    FORMING = "forming"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


MAY_BECOME: dict[GroupStatus, frozenset[GroupStatus]] = {
    GroupStatus.FORMING: frozenset({GroupStatus.SUCCEEDED, GroupStatus.FAILED}),
    GroupStatus.SUCCEEDED: frozenset(),
    GroupStatus.FAILED: frozenset(),
}


class GroupBuyConsequence(StrEnum):
    """What happens to a member's payment and order."""

    PROCEED = "proceed"
    RELEASE = "release"


@frozen
class Seat:
    """A member: whose order is held until the group is decided."""

    customer_id: str
    order_id: str
    joined_at: datetime


@frozen
class GroupBuy:
    """One group. ``code`` opens its price until the deadline; ``version`` is what a write expects:
    of two who take the last seat one must read again.
    """

    id: str
    promotion_id: str
    size: int
    deadline: datetime
    code: str = ""
    seats: tuple[Seat, ...] = ()
    status: GroupStatus = GroupStatus.FORMING
    version: int = 1

    def check(self) -> None:
        """Raise :class:`Invalid` unless such a group can form."""
        if self.size < 2:
            raise InvalidRequest(
                "a group has at least two members", code="size_invalid", path="$.size"
            )

    def status_at(self, at: datetime) -> GroupStatus:
        """A group that nobody closed has failed all the same once its deadline is past."""
        if self.status is GroupStatus.FORMING and at >= self.deadline:
            return GroupStatus.FAILED
        return self.status

    def join(self, seat: Seat) -> "GroupBuy":
        """Take a seat; the last one makes the group succeed.

        The same customer with the same order again changes nothing. Raises :class:`Conflict`:
        ``group_full``, ``group_over``, ``already_member``.
        """
        for taken in self.seats:
            if taken.customer_id == seat.customer_id:
                if taken.order_id == seat.order_id:
                    return self
                raise Conflict("you are in this group already", code="already_member")
        status = self.status_at(seat.joined_at)
        if status is GroupStatus.SUCCEEDED:
            raise Conflict("this group is full", code="group_full")
        if status is GroupStatus.FAILED:
            raise Conflict("this group's time is over", code="group_over")
        seats = (*self.seats, seat)
        return replace(
            self,
            seats=seats,
            status=GroupStatus.SUCCEEDED if len(seats) == self.size else status,
            version=self.version + 1,
        )

    def remove_order(self, order_id: str) -> "GroupBuy":
        """Without an order's seat; the same group where it has none."""
        seats = tuple(seat for seat in self.seats if seat.order_id != order_id)
        if seats == self.seats:
            return self
        return replace(self, seats=seats, version=self.version + 1)

    def close(self, at: datetime) -> "GroupBuy":
        """What the deadline makes of it: failed, if it is still forming. Again: the same."""
        status = self.status_at(at)
        if status is self.status:
            return self
        return replace(self, status=status, version=self.version + 1)

    def consequences(self) -> tuple[tuple[Seat, GroupBuyConsequence], ...]:
        """What is to be done for each member; nothing while the group forms."""
        if self.status is GroupStatus.FORMING:
            return ()
        then = (
            GroupBuyConsequence.PROCEED
            if self.status is GroupStatus.SUCCEEDED
            else GroupBuyConsequence.RELEASE
        )
        return tuple((seat, then) for seat in self.seats)
