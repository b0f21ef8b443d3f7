"""Promotions as data, with their life cycle (docs/rules/pricing.md §4 and §15.1)."""

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
    """The status of a promotion, computed from its publication and the clock; never stored."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    ENDED = "ended"


class StackingMode(StrEnum):
    """How the promotions of one stacking group combine (§4.6)."""

    BEST = "best"
    FIRST = "first"
    ALL = "all"


@frozen
class StackingGroup:
    """Promotions that compete ("best", "first") or add up ("all").

    Lower priority numbers come first.
    """

    id: str
    mode: StackingMode = StackingMode.BEST
    priority: int = 100


@frozen
class Stacking:
    """How a promotion combines with others; lower priorities come first.

    ``exclusive``: it sees only unreduced goods and locks them for all later promotions. ``stop``:
    it locks its goods for the later promotions of the same step (§4.7).
    """

    group: str = "default"
    """Id of the stacking group."""
    priority: int = 100
    """Priority within the group; lower numbers come first."""
    exclusive: bool = False
    """Whether it applies to goods without a discount only, and excludes all later discounts."""
    stop: bool = False
    """Whether no later promotion of the same step applies to the same goods."""


@frozen
class ExpectedLoad:
    """The traffic peak that a promotion is expected to cause (docs/capacity.md).

    ``orders_per_second`` is its height. ``skus`` are the hot SKUs, by default those of the
    promotion's goods. Preparation begins ``lead_minutes`` before the start and lasts until
    ``duration_minutes`` after the start, at most until the end.
    """

    orders_per_second: int
    """Orders per second at the peak, from 1 to 20,000."""
    skus: tuple[str, ...] = ()
    """SKUs in greatest demand, 20 at most; without them the SKUs of the promotion's goods."""
    lead_minutes: int = 60
    """Minutes before the start at which capacity is provisioned, from 1 to 1,440."""
    duration_minutes: int = 120
    """Minutes from the start for which capacity is provisioned, from 1 to 10,080."""


DEFAULT_STACKING = Stacking()
NO_CONDITIONS = Conditions()


@frozen
class Promotion:
    """A promotion. ``version`` increases with each change.

    ``published_at`` is the time of publication. A published promotion without it has always been
    published. ``ended_at`` is the time at which staff ended it.
    """

    id: str
    """Id of the promotion: 1 to 64 letters, digits, dots, hyphens or underscores.
    Example: black-friday"""
    title: str
    """Title that buyers see, 1 to 200 characters.
    Example: Black Friday"""
    effect: Effect
    """Discount, price or gift; its ``kind`` names the type.
    Example: {"kind": "percent_off", "off_ppm": 100_000}"""
    goods: Selection = ALL_GOODS
    """Goods to which the promotion applies; without it all goods.
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
    """Version of the promotion; each change increments it."""
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
        """Return why the promotion is not in force at this instant, or ``""`` if it is."""
        if not self.published:
            return "not_published"
        if self.ended_at is not None and at >= self.ended_at:
            return "ended"
        if self.published_at is not None and at < self.published_at:
            return "not_started"
        return self.conditions.window.reason_closed(at)

    def publish(self, at: datetime) -> "Promotion":
        """Publish a draft: it is scheduled, or runs at once.

        Raises :class:`Conflict`: ``not_draft``, or ``time_past`` if its window is over.
        """
        status = self.status(at)
        if status is not PromotionStatus.DRAFT:
            raise Conflict(
                f"This promotion is {status}. Only a draft can be published.", code="not_draft"
            )
        ends = self.conditions.window.ends
        if ends is not None and at >= ends:
            raise Conflict(
                "The end must be in the future. Set a later end, then publish the promotion.",
                code="time_past",
                path="$.conditions.window.ends",
            )
        return replace(self, published=True, published_at=at, version=self.version + 1)

    def end(self, at: datetime) -> "Promotion":
        """End the promotion now, for good.

        Raises :class:`Conflict` (``promotion_ended``).
        """
        if self.status(at) is PromotionStatus.ENDED:
            raise _ended()
        return replace(self, ended_at=at, version=self.version + 1)

    def update(self, to: "Promotion", at: datetime) -> "Promotion":
        """Change the promotion; while it runs, few fields may change (§15.1).

        Raises :class:`Conflict`: ``promotion_ended``; ``running_promotion`` with one problem for
        each fixed field; ``time_past`` for the end.
        """
        status = self.status(at)
        if status is PromotionStatus.ENDED:
            raise _ended()
        if status is PromotionStatus.RUNNING:
            self._check_running_update(to, at)
        return replace(
            to,
            id=self.id,
            published=self.published,
            published_at=self.published_at,
            ended_at=self.ended_at,
            version=self.version + 1,
        )

    def _check_running_update(self, to: "Promotion", at: datetime) -> None:
        """Allow only title, end and capacity to change.

        The other terms are advertised while the promotion runs. To change them, staff end the
        promotion and create another one.
        """
        window = replace(self.conditions.window, ends=to.conditions.window.ends)
        allowed = replace(
            self,
            title=to.title,
            conditions=replace(self.conditions, window=window),
            capacity=to.capacity,
            version=0,
        )
        # Staff do not send these fields, so they must not count as a difference.
        requested = replace(to, version=0, published=True, published_at=self.published_at)
        if requested != allowed:
            detail = "While a promotion runs, only its title, end and capacity may change."
            problems = [
                Problem("running_promotion", detail, path)
                for path in _changed_paths(to_json(requested), to_json(allowed))
            ]
            raise Conflict(detail, code="running_promotion", problems=problems)
        # An end in the past would rewrite the prices of that time (§11.4).
        if window.ends is not None and window.ends < at:
            raise Conflict(
                "The end must be in the future. To end the promotion now, use its end operation.",
                code="time_past",
                path="$.conditions.window.ends",
            )

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values; fields with their default value are omitted."""
        document: dict[str, Any] = to_json(self)
        return document

    @classmethod
    def from_dict(cls, raw: object) -> "Promotion":
        """Read and validate a promotion that staff wrote.

        Raises :class:`InvalidRequest` with field and reason of every problem.
        """
        from shop.pricing.model.validation import validate_promotion  # lazy: only staff validate

        problems: list[Problem] = []
        promotion = from_json(cls, raw, "$", problems)
        if not problems and promotion is not None:
            problems = validate_promotion(promotion)
        if problems or promotion is None:
            raise InvalidRequest(problems[0].detail, code=problems[0].code, problems=problems)
        return promotion


@frozen
class PromotionRevision:
    """A version of a promotion, with its start and actor; ``change`` is the type of its event."""

    since: datetime
    change: str
    actor: str
    promotion: Promotion


def _ended() -> Conflict:
    return Conflict("This promotion has ended for good. Create a new one.", code="promotion_ended")


def _changed_paths(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return the JSONPaths at which two promotions differ.

    Conditions are compared one by one.
    """
    paths = []
    for name in dict.fromkeys((*old, *new)):
        if old.get(name) == new.get(name):
            continue
        if name != "conditions":
            paths.append(f"$.{name}")
            continue
        old_conditions, new_conditions = old.get(name) or {}, new.get(name) or {}
        paths += [
            f"$.{name}.{condition}"
            for condition in dict.fromkeys((*old_conditions, *new_conditions))
            if old_conditions.get(condition) != new_conditions.get(condition)
        ]
    return paths
