"""What staff do with the pricing policy: change it."""

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # what is spoken of here, a door loads where it uses it
    from shop.pricing.model.policy import PricingPolicy
    from shop.pricing.model.promotions import StackingGroup
    from shop.pricing.model.rounding import RoundingPolicy
    from shop.pricing.ports import PricingPolicyRepository


def update_policy(
    groups: "tuple[StackingGroup, ...]",
    rounding: "RoundingPolicy",
    *,
    expected_version: int,
    actor: str,
    policies: "PricingPolicyRepository",
    at: datetime,
) -> "PricingPolicy":
    """Say how promotions stack and how halves are decided, from now on.

    Raises Stale where somebody else was quicker, Invalid for a group told twice, and Conflict
    (``group_in_use``) for a group taken out that a promotion on the calendar names.
    """
    from shop.kernel.events import Event
    from shop.kernel.optimistic_locking import check_version

    before = policies.get()
    check_version("the pricing policy", before.version, expected_version)
    after = before.update(groups, rounding, at=at, actor=actor)
    event = Event(
        id=f"pricing-policy:{after.version}",
        type="PricingPolicyChanged",
        subject="pricing-policy",
        at=at,
        data={"version": after.version, "groups": len(groups), "actor": actor},
    )
    return policies.save(
        after, [event], lambda published: before.refuse_in_use(groups, published, at)
    )
