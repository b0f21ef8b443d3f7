"""What an order uses up of limited things, as it is counted: which count, how much, up to where."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from shop.kernel.counts import Count
from shop.kernel.frozen import frozen
from shop.pricing.model.coupons import normal
from shop.pricing.model.effects import FlashSale, GroupPrice
from shop.pricing.model.rules import Rules
from shop.pricing.model.standing import CodeFacts, Standing

if TYPE_CHECKING:
    from shop.pricing.model.quote import Use

CODE = "code"
"""Uses of one code; the code's own row knows how many there are."""
CUSTOMER = "customer"
"""Uses of a coupon by one customer."""
QUOTA = "quota"
"""Units of a flash sale, all customers together."""
FIRST = "first"
"""Orders of one customer that had what is for a first order: one, for good."""
CREDIT = "credit"
"""Units of a gift card, store credit or points that an order is paid with: ``account|order id``."""
HAD = "had"
"""Units of a flash sale by one customer."""
SHARED = (CODE, QUOTA)
"""Counts of all customers together, in which a rush meets."""


@frozen
class CountRow:
    """The one row of a count of all customers together. ``article`` is what its uses are called
    once they are in bins, ``left`` how many it still gives out itself (below zero: its limit was
    lowered), ``used`` how many were taken from it and ``lent`` how many are in bins, used or not.
    """

    sort: str
    article: str
    left: int
    used: int = 0
    lent: int = 0
    bins: int = 0
    there: bool = False


def counts_of(
    uses: "Iterable[Use]",
    rules: Rules,
    standing: Standing,
    who: str | None,
    applied: Iterable[str] = (),
) -> tuple[Count, ...]:
    """The counts of a quote's uses. Without ``who``, nobody's own limits are counted yet.
    ``applied`` are the promotions that apply: one for a first order is had once.

    A code that everybody may use as often as they like is not counted: a row that every order
    writes would let no more than a hundred of them through in a second.
    """
    counts = []
    by_id = rules.plan.by_id
    for id_ in applied if rules.asks_for_first_order and who is not None else ():
        if id_ in by_id and by_id[id_].conditions.first_order:
            counts.append(Count(FIRST, str(who), 1, 1, id_))
            break
    for use in uses:
        if use.code is not None:
            code = normal(use.code)
            facts = standing.codes.get(code)
            if facts is None or facts.uses_left is not None:
                bins = 0 if facts is None else facts.bins
                counts.append(Count(CODE, code, 1, None, use.promotion_id, bins))
            if facts is not None and facts.per_customer is not None and who is not None:
                name = f"{facts.coupon_id}#{who}"
                counts.append(Count(CUSTOMER, name, 1, facts.per_customer, use.promotion_id))
        candidate = rules.plan.by_id.get(use.promotion_id)
        effect = None if candidate is None else candidate.effect
        if not use.units or not isinstance(effect, FlashSale):
            continue
        id_ = use.promotion_id
        if effect.quota is not None:
            bins = standing.quota_bins.get(id_, 0)
            counts.append(Count(QUOTA, id_, use.units, effect.quota, id_, bins))
        if effect.per_customer is not None and who is not None:
            counts.append(Count(HAD, f"{id_}#{who}", use.units, effect.per_customer, id_))
    return tuple(counts)


def group_of(uses: "Iterable[Use]", rules: Rules, standing: Standing) -> CodeFacts | None:
    """What is known of the code of a group that opened its price in a quote; mostly none."""
    for use in uses:
        candidate = rules.plan.by_id.get(use.promotion_id)
        if use.code is None or candidate is None or not isinstance(candidate.effect, GroupPrice):
            continue
        facts = standing.codes.get(normal(use.code))
        if facts is not None:
            return facts
    return None
