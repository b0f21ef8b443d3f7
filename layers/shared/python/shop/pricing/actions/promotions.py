"""Staff operations on promotions (docs/rules/pricing.md §15.1)."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from shop.kernel.errors import InvalidRequest, Problem
from shop.kernel.events import Event
from shop.kernel.optimistic_locking import check_version
from shop.pricing.model.effects import FreeGift
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
    """Store a promotion as a draft, which no quote uses yet.

    Raises :class:`InvalidRequest` with the path of every invalid field and unknown reference, and
    Conflict (``id_taken``).
    """
    promotion = _with_gift_article(promotion, assortment)
    draft = replace(promotion, published=False, ended_at=None, version=1)
    _check(draft, assortment)
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
    """Change a promotion: while it runs, only title, end and capacity (§15.1).

    Raises :class:`InvalidRequest` as :func:`create_promotion`, :class:`Conflict` for a field that
    may no longer change, and VersionConflict if it has changed since ``expected_version``.
    """
    before = _at_version(promotions.get(promotion_id), expected_version)
    to = _with_gift_article(to, assortment)
    after = before.update(replace(to, id=promotion_id), at)
    _check(after, assortment)
    event = _event("PromotionChanged", after, at, actor)
    return promotions.save(before, after, [event], _without_price_conflict(after))


def publish_promotion(
    promotion_id: str,
    *,
    expected_version: int | None = None,
    promotions: PromotionRepository,
    at: datetime,
    actor: str = "",
) -> Promotion:
    """Publish a draft: it is scheduled, or runs at once.

    Raises :class:`InvalidRequest` (``price_overlaps``) if an article would have two advertised
    prices, and VersionConflict if the draft has changed since ``expected_version``.
    """
    before = _at_version(promotions.get(promotion_id), expected_version)
    after = before.publish(at)
    event = _event("PromotionPublished", after, at, actor)
    return promotions.save(before, after, [event], _without_price_conflict(after))


def end_promotion(
    promotion_id: str,
    *,
    expected_version: int | None = None,
    promotions: PromotionRepository,
    at: datetime,
    actor: str = "",
) -> Promotion:
    """End a promotion now, for good.

    Raises VersionConflict as :func:`publish_promotion`.
    """
    before = _at_version(promotions.get(promotion_id), expected_version)
    after = before.end(at)
    return promotions.save(before, after, [_event("PromotionEnded", after, at, actor)])


def draft_for_simulation(promotion: Promotion, *, assortment: ReferenceChecker) -> Promotion:
    """Return a promotion as if it were published, for a simulation.

    Raises :class:`InvalidRequest` as :func:`create_promotion`.
    """
    promotion = replace(_with_gift_article(promotion, assortment), published=True, ended_at=None)
    _check(promotion, assortment)
    return promotion


def _check(promotion: Promotion, assortment: ReferenceChecker) -> None:
    _raise_if_any(
        validate_promotion(promotion) + unknown_references(promotion, assortment.find_unknown)
    )


def _without_price_conflict(promotion: Promotion) -> Callable[[Sequence[Promotion]], None]:
    """Return a check that raises if another promotion prices the same goods."""
    return lambda others: _raise_if_any(price_conflicts(promotion, others))


def _at_version(promotion: Promotion, expected: int | None) -> Promotion:
    if expected is not None:
        check_version(f"promotion {promotion.id}", promotion.version, expected)
    return promotion


def _with_gift_article(promotion: Promotion, assortment: ReferenceChecker) -> Promotion:
    """Copy SKU and title of the gift's variant into the promotion.

    Quotes then need no read of the catalog.
    """
    effect = promotion.effect
    if not isinstance(effect, FreeGift) or not effect.variant:
        return promotion
    article = assortment.sku_and_title(effect.variant)
    if article is None:
        # unknown_references reports it, together with every other unknown reference.
        return promotion
    sku, title = article
    return replace(promotion, effect=replace(effect, sku=sku, title=effect.title or title))


def _raise_if_any(problems: Iterable[Problem]) -> None:
    reported = list(problems)
    if reported:
        raise InvalidRequest(reported[0].detail, code=reported[0].code, problems=reported)


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
