"""Staff operation on the pricing policy: update (docs/rules/pricing.md §4.6a)."""

from datetime import datetime

from shop.kernel.events import Event
from shop.kernel.optimistic_locking import check_version
from shop.pricing.model.policy import PricingPolicy
from shop.pricing.model.promotions import StackingGroup
from shop.pricing.model.rounding import RoundingPolicy
from shop.pricing.ports import PricingPolicyRepository


def update_policy(
    groups: tuple[StackingGroup, ...],
    rounding: RoundingPolicy,
    *,
    expected_version: int,
    actor: str,
    policies: PricingPolicyRepository,
    at: datetime,
) -> PricingPolicy:
    """Replace the pricing policy, in force from now on.

    Raises VersionConflict if the policy has changed since ``expected_version``, InvalidRequest
    (``duplicate``) for a group that is declared twice, and Conflict (``group_in_use``) for a
    removed group that a scheduled or running promotion names.
    """
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
        after, [event], lambda published: before.check_groups_in_use(groups, published, at)
    )
