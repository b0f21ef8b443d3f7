"""What staff do with promotions: draft, change, publish, end; and try."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from shop.kernel.errors import InvalidRequest, Problem
from shop.kernel.events import Event
from shop.kernel.optimistic_locking import check_version
from shop.pricing.model.effects import GiftWith
from shop.pricing.model.promotions import Promotion
from shop.pricing.model.references import price_conflicts, unknown_references
from shop.pricing.model.validation import validate_promotion
from shop.pricing.ports import PromotionRepository, ReferenceChecker


def create_promotion(
    promotion: Promotion,
    *,
    promotions: PromotionRepository,
    assortment: ReferenceChecker,
    at: datetime,
    actor: str = "",
) -> Promotion:
    """Write a promotion down; nobody sees it yet.

    Raises :class:`Invalid` with field and reason of every contradiction and unknown thing.
    """
    promotion = _with_article(promotion, assortment)
    draft = replace(promotion, published=False, ended_at=None, version=1)
    _refuse(validate_promotion(draft) + unknown_references(draft, assortment.find_unknown))
    return promotions.save(None, draft, [_event("PromotionDrafted", draft, at, actor)])


def update_promotion(
    promotion_id: str,
    to: Promotion,
    *,
    expected_version: int | None = None,
    promotions: PromotionRepository,
    assortment: ReferenceChecker,
    at: datetime,
    actor: str = "",
) -> Promotion:
    """Change a promotion: all of it before it begins, title and end while it runs.

    Raises :class:`Invalid` as :func:`draft_promotion`, :class:`Conflict` for what may no longer
    change, and Stale where somebody else changed it since ``expected_version``.
    """
    before = _as_read(promotions.get(promotion_id), expected_version)
    to = _with_article(to, assortment)
    after = before.update(replace(to, id=promotion_id), at)
    _refuse(validate_promotion(after) + unknown_references(after, assortment.find_unknown))
    event = _event("PromotionChanged", after, at, actor)
    return promotions.save(before, after, [event], _alone(after))


def publish_promotion(
    promotion_id: str,
    *,
    expected_version: int | None = None,
    promotions: PromotionRepository,
    at: datetime,
    actor: str = "",
) -> Promotion:
    """Put a draft on the calendar: scheduled, or running at once.

    Raises :class:`Invalid` (``price_overlaps``) where an article would have two advertised prices,
    and Stale where somebody else changed it since ``expected_version``.
    """
    before = _as_read(promotions.get(promotion_id), expected_version)
    after = before.publish(at)
    event = _event("PromotionPublished", after, at, actor)
    return promotions.save(before, after, [event], _alone(after))


def end_promotion(
    promotion_id: str,
    *,
    expected_version: int | None = None,
    promotions: PromotionRepository,
    at: datetime,
    actor: str = "",
) -> Promotion:
    """Call a promotion off, at once and for good. Raises Stale as :func:`publish_promotion`."""
    before = _as_read(promotions.get(promotion_id), expected_version)
    after = before.end(at)
    return promotions.save(before, after, [_event("PromotionEnded", after, at, actor)])


def draft_for_simulation(promotion: Promotion, *, assortment: ReferenceChecker) -> Promotion:
    """A promotion as if it were published, to ask what it would do; what a draft is refused for,
    this is too.
    """
    promotion = replace(_with_article(promotion, assortment), published=True, ended_at=None)
    _refuse(validate_promotion(promotion) + unknown_references(promotion, assortment.find_unknown))
    return promotion


def _alone(promotion: Promotion) -> Callable[[Sequence[Promotion]], None]:
    """Refuses a promotion that sets a price beside another's."""
    return lambda others: _refuse(price_conflicts(promotion, others))


def _as_read(promotion: Promotion, expected: int | None) -> Promotion:
    if expected is not None:
        check_version(f"promotion {promotion.id}", promotion.version, expected)
    return promotion


def _with_article(promotion: Promotion, assortment: ReferenceChecker) -> Promotion:
    """A gift with SKU and title of the variant that is given."""
    effect = promotion.effect
    if not isinstance(effect, GiftWith) or not effect.variant:
        return promotion
    found = assortment.sku_and_title(effect.variant)
    if found is None:
        return promotion  # said with everything else that is unknown
    return replace(promotion, effect=replace(effect, sku=found[0], title=effect.title or found[1]))


def _refuse(problems: Iterable[Problem]) -> None:
    found = list(problems)
    if found:
        raise InvalidRequest(found[0].detail, code=found[0].code, problems=found)


def _event(type: str, promotion: Promotion, at: datetime, actor: str) -> Event:
    window = promotion.conditions.window
    return Event(
        id=f"{promotion.id}:{promotion.version}",
        type=type,
        subject=promotion.id,
        at=at,
        data={
            "kind": promotion.effect.kind,
            "version": promotion.version,
            "starts": window.starts.isoformat() if window.starts else None,
            "ends": window.ends.isoformat() if window.ends else None,
            "actor": actor,
        },
    )
