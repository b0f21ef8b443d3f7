"""What staff do with the pricing policy: change it."""

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # what is spoken of here, a door loads where it uses it
    from shop.pricing.model.policy import PricingPolicy
    from shop.pricing.model.promotions import StackingGroup
    from shop.pricing.model.rounding import RoundingPolicy
    from shop.pricing.ports import PricingPolicies


def change_policy(
    groups: "tuple[StackingGroup, ...]",
    rounding: "RoundingPolicy",
    *,
    expected_version: int,
    who: str,
    policies: "PricingPolicies",
    at: datetime,
) -> "PricingPolicy":
    """Say how promotions stack and how halves are decided, from now on.

    Raises Stale where somebody else was quicker, Invalid for a group told twice, and Conflict
    (``group_in_use``) for a group taken out that a promotion on the calendar names.
    """
    from shop.kernel.events import Event
    from shop.kernel.versions import as_read

    before = policies.now()
    as_read("the pricing policy", before.version, expected_version)
    after = before.changed(groups, rounding, at=at, who=who)
    event = Event(
        id=f"pricing-policy:{after.version}",
        type="PricingPolicyChanged",
        subject="pricing-policy",
        at=at,
        data={"version": after.version, "groups": len(groups), "who": who},
    )
    return policies.save(
        after, [event], lambda published: before.refuse_in_use(groups, published, at)
    )
