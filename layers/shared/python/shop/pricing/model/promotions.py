"""Promotions: what is reduced, when, for whom, and beside which others. Data, with a life cycle."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from shop.kernel.errors import Conflict, InvalidRequest, Problem
from shop.kernel.frozen import frozen
from shop.pricing.model.effects import Effect
from shop.pricing.model.targeting import ALL_GOODS, Conditions, Selection
from shop.serialization import from_json, to_json


class PromotionStatus(StrEnum):
    """Where a promotion stands: derived from publication and clock, never set by hand."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    ENDED = "ended"


class StackingMode(StrEnum):
    """How the promotions of one stacking group share what they are about."""

    BEST = "best"
    FIRST = "first"
    ALL = "all"


@frozen
class StackingGroup:
    """Promotions that compete ("best", "first") or add up ("all"). Lower priority numbers come
    first.
    """

    id: str
    mode: StackingMode = StackingMode.BEST
    priority: int = 100


@frozen
class Stacking:
    """Beside which others a promotion applies. Lower priority numbers come first.

    ``exclusive``: takes only what nothing has reduced, and nothing follows it there.
    ``stop``: nothing of the same step follows it there.
    """

    group: str = "default"
    """Id of the stacking group."""
    priority: int = 100
    """Priority within the group; lower numbers come first."""
    exclusive: bool = False
    """Whether it applies only to goods without a discount, and no discount follows it there."""
    stop: bool = False
    """Whether no promotion of the same stage follows it on the same goods."""


@frozen
class ExpectedLoad:
    """How great a rush is expected, so that the shop prepares for it (docs/capacity.md).

    ``orders_a_second`` at its height; ``skus`` are those everybody wants, by default those of the
    goods it is about; it is prepared ``lead_minutes`` before the start, and kept up for
    ``lasts_minutes`` from the start, at most to the end.
    """

    orders_per_second: int
    """Orders per second at the peak, from 1 to 20,000."""
    skus: tuple[str, ...] = ()
    """SKUs in greatest demand, 20 at most; without them those of the promotion's goods."""
    lead_minutes: int = 60
    """Minutes before the start at which capacity is provisioned, from 1 to 1,440."""
    duration_minutes: int = 120
    """Minutes from the start for which capacity is provisioned, from 1 to 10,080."""


DEFAULT_STACKING = Stacking()
NO_CONDITIONS = Conditions()


@frozen
class Promotion:
    """A promotion. ``version`` rises with each change; ``published_at`` is when it was put on the
    calendar (``None``: always there), ``ended_at`` when staff called it off.
    """

    id: str
    """Id of the promotion: 1 to 64 letters, digits, dots, hyphens or underscores.
    Example: black-friday"""
    title: str
    """Title that buyers see, 1 to 200 characters.
    Example: Black Friday"""
    effect: Effect
    """Discount, price or gift; its ``kind`` names the type.
    Example: {"kind": "percent_off", "basis_points": 1000}"""
    goods: Selection = ALL_GOODS
    """Goods that the promotion is about; without it all goods.
    Example: {"categories": ["Kitchen"]}"""
    conditions: Conditions = NO_CONDITIONS
    """Conditions under which the promotion applies.
    Example: {"min_quantity": 2}"""
    stacking: Stacking = DEFAULT_STACKING
    """Order and combination with other promotions."""
    code_required: bool = False
    """Whether the promotion applies only with a discount code."""
    published: bool = False
    """Whether the promotion is published; drafts never apply."""
    ended_at: datetime | None = None
    """Instant at which staff ended the promotion; absent if they did not."""
    version: int = 1
    """Version of the promotion; each change raises it."""
    published_at: datetime | None = None
    """Instant of publication; absent for drafts."""
    capacity: ExpectedLoad | None = None
    """Expected load, for which the shop provisions capacity (docs/capacity.md)."""

    def status(self, at: datetime) -> PromotionStatus:
        if self.ended_at is not None and at >= self.ended_at:
            return PromotionStatus.ENDED
        if not self.published:
            return PromotionStatus.DRAFT
        window = self.conditions.window
        if window.ends is not None and at >= window.ends:
            return PromotionStatus.ENDED
        if window.starts is not None and at < window.starts:
            return PromotionStatus.SCHEDULED
        return PromotionStatus.RUNNING

    def reason_not_running(self, at: datetime) -> str:
        """The reason why it is not in force at this instant, or ``""``."""
        if not self.published:
            return "not_published"
        if self.ended_at is not None and at >= self.ended_at:
            return "over"
        if self.published_at is not None and at < self.published_at:
            return "not_yet"
        return self.conditions.window.reason_closed(at)

    def publish(self, at: datetime) -> "Promotion":
        """From draft to scheduled or running. Refused (:class:`Conflict`) otherwise, and when it is
        too late.
        """
        if self.status(at) is not PromotionStatus.DRAFT:
            raise Conflict(f"this promotion is {self.status(at)}, not a draft", code="not_draft")
        ends = self.conditions.window.ends
        if ends is not None and at >= ends:
            raise Conflict("its end has passed", code="already_over", path="$.conditions.window")
        return replace(self, published=True, published_at=at, version=self.version + 1)

    def end(self, at: datetime) -> "Promotion":
        """Call it off, from now on. Refused (:class:`Conflict`) once it has ended."""
        if self.status(at) is PromotionStatus.ENDED:
            raise Conflict("this promotion has ended", code="already_over")
        return replace(self, ended_at=at, version=self.version + 1)

    def update(self, to: "Promotion", at: datetime) -> "Promotion":
        """Change what it does: freely as a draft or before it begins, only its title, its end and
        its capacity while it runs.

        A running promotion that changed its terms would break the promise that it was advertised
        with; end it and begin another. Refused with :class:`Conflict`.
        """
        status = self.status(at)
        if status is PromotionStatus.ENDED:
            raise Conflict("this promotion has ended", code="already_over")
        if status is PromotionStatus.RUNNING:
            window = replace(
                self.conditions.window,
                ends=to.conditions.window.ends,
            )
            allowed = replace(
                self,
                title=to.title,
                conditions=replace(self.conditions, window=window),
                capacity=to.capacity,
            )
            same_life = replace(to, version=0, published=True, published_at=self.published_at)
            if same_life != replace(allowed, version=0):
                detail = "while it runs, only title, end and capacity may change"
                fixed = [
                    Problem("running_promotion", detail, path)
                    for path in _differing(to_json(same_life), to_json(replace(allowed, version=0)))
                ]
                raise Conflict(detail, code="running_promotion", problems=fixed)
            if window.ends is not None and window.ends < at:
                raise Conflict(
                    "it has run until now; end it instead",
                    code="end_has_passed",
                    path="$.conditions.window.ends",
                )
        return replace(
            to,
            id=self.id,
            published=self.published,
            published_at=self.published_at,
            ended_at=self.ended_at,
            version=self.version + 1,
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON values; what is as usual is left out."""
        payload: dict[str, Any] = to_json(self)
        return payload

    @classmethod
    def from_dict(cls, raw: object) -> "Promotion":
        """Read and check a promotion. Raises :class:`Invalid` with field and reason of every
        problem.
        """
        from shop.pricing.model.validation import validate_promotion

        problems: list[Problem] = []
        promotion = from_json(cls, raw, "$", problems)
        if not problems and promotion is not None:
            problems = validate_promotion(promotion)
        if problems or promotion is None:
            raise InvalidRequest(problems[0].detail, code=problems[0].code, problems=problems)
        return promotion


@frozen
class PromotionRevision:
    """A version of a promotion, as ``change`` (the event's name) by ``who`` made it."""

    since: datetime
    change: str
    actor: str
    promotion: Promotion


def _differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Where two promotions as they are written differ; conditions are looked at one by one."""
    found = []
    for name in dict.fromkeys((*one, *other)):
        if one.get(name) == other.get(name):
            continue
        if name != "conditions":
            found.append(f"$.{name}")
            continue
        ours, theirs = one.get(name) or {}, other.get(name) or {}
        inner = dict.fromkeys((*ours, *theirs))
        found += [f"$.{name}.{part}" for part in inner if ours.get(part) != theirs.get(part)]
    return found
