"""The shop's pricing policy: which promotions stand beside which, and how halves are decided."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from shop.kernel.errors import Conflict, InvalidRequest, Problem
from shop.kernel.frozen import frozen
from shop.kernel.money import Rounding
from shop.pricing.model.promotions import Promotion, PromotionStatus, StackingGroup, StackingMode
from shop.pricing.model.rounding import RoundingPolicy

MAX_GROUPS = 100
POLICY_HISTORY_RETENTION = timedelta(days=400)
"""How long back the rules know what the policy was, to tell what things did cost."""
BEFORE_FIRST_POLICY = datetime(2026, 9, 29, tzinfo=UTC)
DEFAULT_ROUNDING = RoundingPolicy()


@frozen
class PastPolicy:
    """What held until an instant."""

    until: datetime
    groups: tuple[StackingGroup, ...]
    rounding: RoundingPolicy


@frozen
class PricingPolicy:
    """The stacking groups that staff declared, and the rounding. Version 0 is the usual: no group
    is declared, halves go to the even, tax is rounded per line.
    """

    groups: tuple[StackingGroup, ...] = ()
    rounding: RoundingPolicy = DEFAULT_ROUNDING
    version: int = 0
    at: datetime = BEFORE_FIRST_POLICY
    actor: str = ""
    past: tuple[PastPolicy, ...] = ()

    def update(
        self,
        groups: tuple[StackingGroup, ...],
        rounding: RoundingPolicy,
        *,
        at: datetime,
        actor: str,
    ) -> "PricingPolicy":
        """The next version, in force from ``at`` on. Raises Invalid for a group told twice."""
        problems = []
        for place, group in enumerate(groups):
            if any(group.id == other.id for other in groups[:place]):
                detail = f"group {group.id!r} stands twice"
                problems.append(Problem("group_repeated", detail, f"$.groups[{place}].id"))
        if problems:
            raise InvalidRequest(problems[0].detail, code=problems[0].code, problems=problems)
        past = (*self.past, PastPolicy(at, self.groups, self.rounding))
        return replace(
            self,
            groups=groups,
            rounding=rounding,
            version=self.version + 1,
            at=at,
            actor=actor,
            past=tuple(one for one in past if at - one.until < POLICY_HISTORY_RETENTION),
        )

    def refuse_in_use(
        self, groups: Iterable[StackingGroup], promotions: Iterable[Promotion], at: datetime
    ) -> None:
        """Raise :class:`Conflict` (``group_in_use``) where a group of this policy is not among
        ``groups`` any more, though a promotion on the calendar names it.
        """
        stored = {group.id for group in groups}
        gone = {group.id for group in self.groups} - stored
        for promotion in promotions:
            name = promotion.stacking.group
            if name in gone and promotion.status(at) in (
                PromotionStatus.SCHEDULED,
                PromotionStatus.RUNNING,
            ):
                raise Conflict(
                    f"promotion {promotion.id} is {promotion.status(at).value} in group {name!r};"
                    " end it first, or keep the group",
                    code="group_in_use",
                    path="$.groups",
                )

    def to_dict(self) -> dict[str, Any]:
        """JSON values, as they are stored."""
        return {
            **_told(self.groups, self.rounding),
            "at": self.at.isoformat(),
            "actor": self.actor,
            "revisions": [
                {"until": one.until.isoformat(), **_told(one.groups, one.rounding)}
                for one in self.past
            ],
        }

    @classmethod
    def from_dict(cls, raw: dict[str, Any], version: int) -> "PricingPolicy":
        """What was written was checked then: it is read as it stands."""
        return cls(
            *_read(raw),
            version,
            datetime.fromisoformat(raw["at"]),
            raw["actor"],
            tuple(
                PastPolicy(datetime.fromisoformat(one["until"]), *_read(one))
                for one in raw["revisions"]
            ),
        )


def _told(groups: Iterable[StackingGroup], rounding: RoundingPolicy) -> dict[str, Any]:
    return {
        "groups": [[group.id, group.mode.value, group.priority] for group in groups],
        "rounding": rounding.mode.value,
        "tax_by": rounding.tax_by,
    }


def _read(raw: dict[str, Any]) -> tuple[tuple[StackingGroup, ...], RoundingPolicy]:
    groups = tuple(
        StackingGroup(id_, StackingMode(mode), rank) for id_, mode, rank in raw["groups"]
    )
    return groups, RoundingPolicy(Rounding(raw["rounding"]), raw["tax_by"])
