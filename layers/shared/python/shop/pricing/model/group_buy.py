"""Group buys: a group fills in time, or its orders are cancelled.

The code of a group opens its price, like a coupon's code. Places are counted like a coupon's uses,
in the transaction that places a member's order. A member takes a *seat* once the order's payment is
certain. When all seats are taken, the orders continue; if the deadline passes first, they are
cancelled (docs/rules/pricing.md §13).
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
    """The consequence of a decided group for the order and the payment of a member."""

    PROCEED = "proceed"
    RELEASE = "release"


@frozen
class Seat:
    """The place of a member whose payment is certain. The order waits for the group's decision."""

    customer_id: str
    order_id: str
    joined_at: datetime


@frozen
class GroupBuy:
    """One group. ``code`` opens its price until the deadline.

    Each write expects the ``version`` that it read. Of two members who take the last seat at the
    same moment, the second write fails.
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
        """Raise :class:`InvalidRequest` if the group is too small."""
        if self.size < 2:
            raise InvalidRequest(
                "A group must have 2 or more members.", code="out_of_range", path="$.size"
            )

    def status_at(self, at: datetime) -> GroupStatus:
        """Return the status at an instant.

        A forming group fails at its deadline, even before the scheduled job closes it.
        """
        if self.status is GroupStatus.FORMING and at >= self.deadline:
            return GroupStatus.FAILED
        return self.status

    def join(self, seat: Seat) -> "GroupBuy":
        """Take a seat; the last seat makes the group succeed.

        A repeated call for the same order changes nothing. Raises :class:`Conflict`:
        ``group_full``, ``group_expired``, ``already_member``.
        """
        for member in self.seats:
            if member.customer_id == seat.customer_id:
                # Events are delivered at least once, so a repeated order is no second seat.
                if member.order_id == seat.order_id:
                    return self
                raise Conflict("You are already a member of this group.", code="already_member")
        status = self.status_at(seat.joined_at)
        if status is GroupStatus.SUCCEEDED:
            raise Conflict("This group is full. Open another group.", code="group_full")
        if status is GroupStatus.FAILED:
            raise Conflict(
                "The deadline of this group has passed. Open another group.", code="group_expired"
            )
        seats = (*self.seats, seat)
        return replace(
            self,
            seats=seats,
            status=GroupStatus.SUCCEEDED if len(seats) == self.size else status,
            version=self.version + 1,
        )

    def remove_order(self, order_id: str) -> "GroupBuy":
        """Return the group without the seat of an order, or the same group if it has none."""
        seats = tuple(seat for seat in self.seats if seat.order_id != order_id)
        if seats == self.seats:
            return self
        return replace(self, seats=seats, version=self.version + 1)

    def close(self, at: datetime) -> "GroupBuy":
        """Fail a forming group whose deadline has passed; any other group stays as it is."""
        status = self.status_at(at)
        if status is self.status:
            return self
        return replace(self, status=status, version=self.version + 1)

    def consequences(self) -> tuple[tuple[Seat, GroupBuyConsequence], ...]:
        """Return the consequence for each member; none while the group is forming."""
        if self.status is GroupStatus.FORMING:
            return ()
        consequence = (
            GroupBuyConsequence.PROCEED
            if self.status is GroupStatus.SUCCEEDED
            else GroupBuyConsequence.RELEASE
        )
        return tuple((seat, consequence) for seat in self.seats)
