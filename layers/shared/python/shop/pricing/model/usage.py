"""What an order uses up of limited things, as it is counted: which count, how much, up to where."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from shop.kernel.codes import normalize_code
from shop.kernel.frozen import frozen
from shop.kernel.usage import UsageReservation
from shop.pricing.model.effects import FlashSale, GroupPrice
from shop.pricing.model.rule_set import RuleSet
from shop.pricing.model.usage_limits import CodeStatus, UsageLimits

if TYPE_CHECKING:
    from shop.pricing.model.quote import LimitUsage

CODE_USES = "code"
"""Uses of one code; the code's own row knows how many there are."""
CUSTOMER_USES = "customer"
"""Uses of a coupon by one customer."""
QUOTA = "quota"
"""Units of a flash sale, all customers together."""
FIRST_ORDER = "first"
"""Orders of one customer that had what is for a first order: one, for good."""
CUSTOMER_QUOTA = "had"
"""Units of a flash sale by one customer."""
SHARED_KINDS = (CODE_USES, QUOTA)
"""Counts of all customers together, in which a rush meets."""


@frozen
class UsageCounter:
    """The one row of a count of all customers together. ``article`` is what its uses are called
    once they are in bins, ``left`` how many it still gives out itself (below zero: its limit was
    lowered), ``used`` how many were taken from it and ``lent`` how many are in bins, used or not.
    """

    kind: str
    article: str
    remaining: int
    used: int = 0
    in_shards: int = 0
    shard_count: int = 0
    exists: bool = False


def usage_of_quote(
    uses: "Iterable[LimitUsage]",
    rules: RuleSet,
    limits: UsageLimits,
    actor: str | None,
    applied: Iterable[str] = (),
) -> tuple[UsageReservation, ...]:
    """The counts of a quote's uses. Without ``who``, nobody's own limits are counted yet.
    ``applied`` are the promotions that apply: one for a first order is had once.

    A code that everybody may use as often as they like is not counted: a row that every order
    writes would let no more than a hundred of them through in a second.
    """
    counts = []
    by_id = rules.plan.by_id
    for id_ in applied if rules.asks_for_first_order and actor is not None else ():
        if id_ in by_id and by_id[id_].conditions.first_order:
            counts.append(UsageReservation(FIRST_ORDER, str(actor), 1, 1, id_))
            break
    for use in uses:
        if use.code is not None:
            code = normalize_code(use.code)
            facts = limits.codes.get(code)
            if facts is None or facts.uses_remaining is not None:
                bins = 0 if facts is None else facts.bins
                counts.append(UsageReservation(CODE_USES, code, 1, None, use.promotion_id, bins))
            if facts is not None and facts.per_customer is not None and actor is not None:
                name = f"{facts.coupon_id}#{actor}"
                counts.append(
                    UsageReservation(CUSTOMER_USES, name, 1, facts.per_customer, use.promotion_id)
                )
        candidate = rules.plan.by_id.get(use.promotion_id)
        effect = None if candidate is None else candidate.effect
        if not use.units or not isinstance(effect, FlashSale):
            continue
        id_ = use.promotion_id
        if effect.quota is not None:
            bins = limits.quota_bins.get(id_, 0)
            counts.append(UsageReservation(QUOTA, id_, use.units, effect.quota, id_, bins))
        if effect.per_customer is not None and actor is not None:
            counts.append(
                UsageReservation(
                    CUSTOMER_QUOTA, f"{id_}#{actor}", use.units, effect.per_customer, id_
                )
            )
    return tuple(counts)


def group_buy_code(
    uses: "Iterable[LimitUsage]", rules: RuleSet, limits: UsageLimits
) -> CodeStatus | None:
    """What is known of the code of a group that opened its price in a quote; mostly none."""
    for use in uses:
        candidate = rules.plan.by_id.get(use.promotion_id)
        if use.code is None or candidate is None or not isinstance(candidate.effect, GroupPrice):
            continue
        facts = limits.codes.get(normalize_code(use.code))
        if facts is not None:
            return facts
    return None
