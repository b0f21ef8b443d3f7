"""Request and response types of the pricing policy."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from shop.kernel.money import Rounding
from shop.pricing.model.policy import MAX_GROUPS, PricingPolicy
from shop.pricing.model.promotions import StackingGroup, StackingMode
from shop.pricing.model.rounding import RoundingPolicy
from shop.pricing.schemas.base import Id, ReadOnly

_CLOSED = ConfigDict(extra="forbid", strict=True, defer_build=True)


class StackingGroupBody(BaseModel):
    """A stacking group, as docs/rules/pricing.md (§4.6) describes it."""

    model_config = _CLOSED

    id: Id
    """Id of the group, to which promotions refer.
    Example: default"""
    mode: Literal["best", "first", "all"] = "best"
    """Promotions of the group that apply: the best, the first, or all.
    Example: best"""
    priority: Annotated[int, Field(ge=0, le=1_000_000)] = 100
    """Priority of the group; lower numbers come first.
    Example: 100"""


class PricingPolicyBody(BaseModel):
    """The pricing policy: stacking groups and rounding (docs/rules/pricing.md §1.2 and §4.6)."""

    model_config = _CLOSED

    groups: Annotated[list[StackingGroupBody], Field(max_length=MAX_GROUPS)]
    """Stacking groups of promotions; they replace all former groups.
    Example: [{"id": "default", "mode": "best"}]"""
    rounding: Literal["half_even", "half_up", "half_down"]
    """Rounding of halves: half_even, half_up or half_down.
    Example: half_up"""
    tax_by: Literal["line", "unit"]
    """Whether tax is rounded by line or by unit.
    Example: line"""
    tax_rounding: Literal["half_even", "half_up", "half_down"] | None = None
    """Rounding of halves of tax; without it, that of ``rounding``.
    Example: half_up"""
    version: Annotated[int, Field(ge=0, le=10**9)] | None = None
    """Version that was read, 0 for the initial policy; ``If-Match`` may give it instead.
    Example: 2"""

    at: ReadOnly = None
    actor: ReadOnly = None

    def stacking_groups(self) -> tuple[StackingGroup, ...]:
        return tuple(StackingGroup(g.id, StackingMode(g.mode), g.priority) for g in self.groups)

    def draft(self, at: datetime) -> PricingPolicy:
        """Return the policy for a simulation, as version 1. Raises InvalidRequest."""
        return PricingPolicy().update(
            self.stacking_groups(), self.rounding_policy(), at=at, actor=""
        )

    def rounding_policy(self) -> RoundingPolicy:
        tax = None if self.tax_rounding is None else Rounding(self.tax_rounding)
        return RoundingPolicy(Rounding(self.rounding), self.tax_by, tax)


class StackingGroupView(BaseModel):
    """A stacking group of promotions."""

    id: str
    """Id of the group, to which promotions refer.
    Example: default"""
    mode: str
    """Promotions of the group that apply: the best, the first, or all.
    Example: best"""
    priority: int
    """Priority of the group; lower numbers come first.
    Example: 100"""


class PricingPolicyView(BaseModel):
    """The pricing policy."""

    groups: list[StackingGroupView]
    """Stacking groups of promotions.
    Example: [{"id": "default", "mode": "best"}]"""
    rounding: str
    """Rounding of halves: half_even, half_up or half_down.
    Example: half_up"""
    tax_by: str
    """Whether tax is rounded by line or by unit.
    Example: line"""
    tax_rounding: str
    """Rounding of halves of tax: half_even, half_up or half_down.
    Example: half_up"""
    version: int
    """Version of the policy; 0 for the initial policy."""
    at: datetime
    """Instant from which this version applies."""
    actor: str
    """Staff user who wrote this version."""

    @classmethod
    def of(cls, policy: PricingPolicy) -> "PricingPolicyView":
        return cls(
            groups=[
                StackingGroupView(id=group.id, mode=group.mode.value, priority=group.priority)
                for group in policy.groups
            ],
            rounding=policy.rounding.mode.value,
            tax_by=policy.rounding.tax_by,
            tax_rounding=policy.rounding.for_tax.value,
            version=policy.version,
            at=policy.at,
            actor=policy.actor,
        )
