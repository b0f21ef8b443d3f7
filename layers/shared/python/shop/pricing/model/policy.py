"""The pricing policy: stacking groups and rounding (docs/rules/pricing.md §4.6a)."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from shop.kernel.errors import Conflict, InvalidRequest, Problem
from shop.kernel.frozen import frozen
from shop.kernel.money import Rounding
from shop.pricing.model.promotions import Promotion, PromotionStatus, StackingGroup, StackingMode
from shop.pricing.model.rounding import DEFAULT_ROUNDING, RoundingPolicy

MAX_GROUPS = 100
POLICY_HISTORY_RETENTION = timedelta(days=400)
"""How long a replaced policy is stored for the replay of past prices (§11.4)."""
BEFORE_FIRST_POLICY = datetime(2026, 9, 29, tzinfo=UTC)


@frozen
class PolicyRevision:
    """A replaced policy, in force until ``until``."""

    until: datetime
    groups: tuple[StackingGroup, ...]
    rounding: RoundingPolicy


@frozen
class PricingPolicy:
    """The declared stacking groups and the rounding.

    Version 0 is the default: no declared group, halves rounded to even, those of tax
    up, tax rounded per line.
    ``revisions`` are the replaced policies, oldest first.
    """

    groups: tuple[StackingGroup, ...] = ()
    rounding: RoundingPolicy = DEFAULT_ROUNDING
    version: int = 0
    at: datetime = BEFORE_FIRST_POLICY
    actor: str = ""
    revisions: tuple[PolicyRevision, ...] = ()

    def update(
        self,
        groups: tuple[StackingGroup, ...],
        rounding: RoundingPolicy,
        *,
        at: datetime,
        actor: str,
    ) -> "PricingPolicy":
        """Return the next version, in force from ``at`` on.

        Raises :class:`InvalidRequest` (``duplicate``) for a group that is declared twice.
        """
        problems = []
        for place, group in enumerate(groups):
            if any(group.id == other.id for other in groups[:place]):
                detail = f"Group {group.id!r} must be declared only once. Remove this entry."
                problems.append(Problem("duplicate", detail, f"$.groups[{place}].id"))
        if problems:
            raise InvalidRequest(problems[0].detail, code=problems[0].code, problems=problems)
        revisions = (*self.revisions, PolicyRevision(at, self.groups, self.rounding))
        return replace(
            self,
            groups=groups,
            rounding=rounding,
            version=self.version + 1,
            at=at,
            actor=actor,
            revisions=tuple(r for r in revisions if at - r.until < POLICY_HISTORY_RETENTION),
        )

    def check_groups_in_use(
        self, groups: Iterable[StackingGroup], promotions: Iterable[Promotion], at: datetime
    ) -> None:
        """Raise :class:`Conflict` (``group_in_use``) if a removed group is still needed.

        A group is needed while a scheduled or running promotion names it. ``groups`` are the groups
        of the next version, ``promotions`` the published promotions.
        """
        declared = {group.id for group in groups}
        removed = {group.id for group in self.groups} - declared
        for promotion in promotions:
            name = promotion.stacking.group
            if name in removed and promotion.status(at) in (
                PromotionStatus.SCHEDULED,
                PromotionStatus.RUNNING,
            ):
                raise Conflict(
                    f"Promotion {promotion.id} is {promotion.status(at).value} in group {name!r}."
                    " End the promotion first, or keep the group.",
                    code="group_in_use",
                    path="$.groups",
                )

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values for the store."""
        return {
            **_terms_to_dict(self.groups, self.rounding),
            "at": self.at.isoformat(),
            "actor": self.actor,
            "revisions": [
                {
                    "until": revision.until.isoformat(),
                    **_terms_to_dict(revision.groups, revision.rounding),
                }
                for revision in self.revisions
            ],
        }

    @classmethod
    def from_dict(cls, raw: dict[str, Any], version: int) -> "PricingPolicy":
        """Read what :meth:`to_dict` wrote; it was validated before it was stored."""
        return cls(
            *_terms_from_dict(raw),
            version,
            datetime.fromisoformat(raw["at"]),
            raw["actor"],
            tuple(
                PolicyRevision(
                    datetime.fromisoformat(revision["until"]), *_terms_from_dict(revision)
                )
                for revision in raw["revisions"]
            ),
        )


def _terms_to_dict(groups: Iterable[StackingGroup], rounding: RoundingPolicy) -> dict[str, Any]:
    terms: dict[str, Any] = {
        "groups": [[group.id, group.mode.value, group.priority] for group in groups],
        "rounding": rounding.mode.value,
        "tax_by": rounding.tax_by,
    }
    if rounding.tax_mode is not None:
        terms["tax_rounding"] = rounding.tax_mode.value
    return terms


def _terms_from_dict(raw: dict[str, Any]) -> tuple[tuple[StackingGroup, ...], RoundingPolicy]:
    groups = tuple(
        StackingGroup(id_, StackingMode(mode), priority) for id_, mode, priority in raw["groups"]
    )
    tax = raw.get("tax_rounding")
    tax_mode = None if tax is None else Rounding(tax)
    return groups, RoundingPolicy(Rounding(raw["rounding"]), raw["tax_by"], tax_mode)
