"""Groups that buy together, as they are opened and shown."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from shop.pricing.model.group_buy import GroupBuy
from shop.pricing.schemas.base import Id


class GroupBuyBody(BaseModel):
    """Which promotion a group is to be opened for."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    promotion_id: Id


class GroupBuyView(BaseModel):
    """A group that buys together: whoever gives its ``code`` at the checkout joins it.

    ``members`` have paid; of ``places_left`` some may be taken by orders that are being paid.
    """

    id: str
    promotion_id: str
    code: str
    status: str
    size: int
    members: int
    seats_remaining: int
    deadline: str


def group_buy_view(group: GroupBuy, at: datetime) -> dict[str, Any]:
    """A group as it is shown; a deadline that is past has failed it, whoever closes it later."""
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
