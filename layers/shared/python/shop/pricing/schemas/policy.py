"""The pricing policy as staff write and read it."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from shop.kernel.money import Rounding
from shop.pricing.model.policy import MAX_GROUPS, PricingPolicy
from shop.pricing.model.promotions import StackingGroup, StackingMode
from shop.pricing.model.rounding import RoundingPolicy
from shop.pricing.schemas.base import Id

_CLOSED = ConfigDict(extra="forbid", strict=True, defer_build=True)


class StackingGroupBody(BaseModel):
    """A stacking group, as docs/rules/pricing.md (4.6) describes it."""

    model_config = _CLOSED

    id: Id
    mode: Literal["best", "first", "all"] = "best"
    priority: Annotated[int, Field(ge=0, le=1_000_000)] = 100


class PricingPolicyBody(BaseModel):
    """All of the policy: the groups that are declared, and the rounding (docs/rules/pricing.md, 1.2
    and 4.6).

    ``version`` is the one that was read, 0 where nobody changed it yet; it may come as
    ``If-Match``.
    """

    model_config = _CLOSED

    groups: Annotated[list[StackingGroupBody], Field(max_length=MAX_GROUPS)]
    rounding: Literal["half_even", "half_up", "half_down"]
    tax_by: Literal["line", "unit"]
    version: Annotated[int, Field(ge=0, le=10**9)] | None = None

    at: Any = None
    actor: Any = None
    """What was read may be sent back; the shop knows these itself."""

    def stacking_groups(self) -> tuple[StackingGroup, ...]:
        return tuple(StackingGroup(g.id, StackingMode(g.mode), g.priority) for g in self.groups)

    def draft(self, at: datetime) -> PricingPolicy:
        """This policy as if it were the first, to ask what it would do. Raises Invalid."""
        return PricingPolicy().update(
            self.stacking_groups(), self.rounding_policy(), at=at, actor=""
        )

    def rounding_policy(self) -> RoundingPolicy:
        return RoundingPolicy(Rounding(self.rounding), self.tax_by)


class StackingGroupView(BaseModel):
    """A stacking group that is declared."""

    id: str
    mode: str
    priority: int


class PricingPolicyView(BaseModel):
    """How promotions stack and halves are decided: since when, and by whose word."""

    groups: list[StackingGroupView]
    rounding: str
    tax_by: str
    version: int
    at: datetime
    actor: str

    @classmethod
    def of(cls, policy: PricingPolicy) -> "PricingPolicyView":
        return cls(
            groups=[
                StackingGroupView(id=group.id, mode=group.mode.value, priority=group.priority)
                for group in policy.groups
            ],
            rounding=policy.rounding.mode.value,
            tax_by=policy.rounding.tax_by,
            version=policy.version,
            at=policy.at,
            actor=policy.actor,
        )
