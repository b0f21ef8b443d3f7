"""Request and response types of group buys."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from shop.pricing.model.group_buy import GroupBuy
from shop.pricing.schemas.base import Id


class GroupBuyBody(BaseModel):
    """The promotion for which a group is created."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    promotion_id: Id
    """Id of a promotion with a group price.
    Example: mug-together"""


class GroupBuyView(BaseModel):
    """A group of buyers. A buyer joins it by its ``code`` at the checkout."""

    id: str
    """Id of the group."""
    promotion_id: str
    """Id of the promotion with the group price."""
    code: str
    """Code with which buyers join the group."""
    status: str
    """Status of the group: forming, succeeded or failed."""
    size: int
    """Number of members that the group needs."""
    members: int
    """Number of members whose payment is certain."""
    seats_remaining: int
    """Number of seats without a member. Orders that await payment may hold places for them."""
    deadline: str
    """Instant in ISO 8601 by which the group must be complete."""


def group_buy_view(group: GroupBuy, at: datetime) -> dict[str, Any]:
    """Return the view of a group.

    A forming group is failed from its deadline on, even before the scheduled job closes it.
    """
    return GroupBuyView(
        id=group.id,
        promotion_id=group.promotion_id,
        code=group.code,
        status=group.status_at(at).value,
        size=group.size,
        members=len(group.seats),
        seats_remaining=group.size - len(group.seats),
        deadline=group.deadline.isoformat(),
    ).model_dump()
