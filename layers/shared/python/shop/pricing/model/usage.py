"""The usage counters that an order changes (docs/rules/pricing.md §14.1)."""

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
"""Uses of one code. The code's own row stores the limit."""
CUSTOMER_USES = "customer"
"""Uses of a coupon by one customer."""
QUOTA = "quota"
"""Units of a flash sale, over all customers."""
CUSTOMER_QUOTA = "customer_quota"
"""Units of a flash sale by one customer."""
FIRST_ORDER = "first_order"
"""First-order discounts of one customer: at most one, for good (§4.1)."""
CREDIT = "credit"
"""Units of a gift card, store credit or points that pay an order, named ``account|order id``."""
SHARED_KINDS = (CODE_USES, QUOTA)
"""Counters that all customers share. A traffic peak makes them hot, so they can be sharded."""


@frozen
class UsageCounter:
    """The row of a shared counter. Its uses are in the row, in shards, or in both.

    - ``article``: the name of the uses in shards, like a SKU
    - ``remaining``: uses that orders can take from the row; below zero after the limit was lowered
    - ``used``: uses that orders have taken from the row
    - ``in_shards``: uses that were moved to shards, taken or not
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
    customer_key: str | None,
    applied: Iterable[str] = (),
) -> tuple[UsageReservation, ...]:
    """Return the reservations that the order of a quote makes on usage counters.

    Without ``customer_key``, limits per customer are not counted yet. ``applied`` are the ids of
    the promotions that apply; they decide whether a first-order discount is used.
    """
    reservations = list(_first_order_usage(applied, rules, customer_key))
    for use in uses:
        reservations += _code_usage(use, limits, customer_key)
        reservations += _quota_usage(use, rules, limits, customer_key)
    return tuple(reservations)


def _first_order_usage(
    applied: Iterable[str], rules: RuleSet, customer_key: str | None
) -> Iterable[UsageReservation]:
    """Reserve the first order of a customer once, however many promotions require it."""
    if customer_key is None or not rules.has_first_order_promotion:
        return
    by_id = rules.promotion_index.by_id
    for promotion_id in applied:
        if promotion_id in by_id and by_id[promotion_id].conditions.first_order:
            yield UsageReservation(FIRST_ORDER, customer_key, 1, 1, promotion_id)
            return


def _code_usage(
    use: "LimitUsage", limits: UsageLimits, customer_key: str | None
) -> Iterable[UsageReservation]:
    if use.code is None:
        return
    code = normalize_code(use.code)
    status = limits.codes.get(code)
    # An unlimited code is not counted: its row would limit the shop to about 100 orders a second.
    if status is None or status.uses_remaining is not None:
        shard_count = 0 if status is None else status.shard_count
        yield UsageReservation(CODE_USES, code, 1, None, use.promotion_id, shard_count)
    if status is not None and status.per_customer is not None and customer_key is not None:
        name = f"{status.coupon_id}#{customer_key}"
        yield UsageReservation(CUSTOMER_USES, name, 1, status.per_customer, use.promotion_id)


def _quota_usage(
    use: "LimitUsage", rules: RuleSet, limits: UsageLimits, customer_key: str | None
) -> Iterable[UsageReservation]:
    promotion_id = use.promotion_id
    candidate = rules.promotion_index.by_id.get(promotion_id)
    effect = None if candidate is None else candidate.effect
    if not use.units or not isinstance(effect, FlashSale):
        return
    if effect.quota is not None:
        shard_count = limits.quota_shard_counts.get(promotion_id, 0)
        yield UsageReservation(
            QUOTA, promotion_id, use.units, effect.quota, promotion_id, shard_count
        )
    if effect.per_customer is not None and customer_key is not None:
        name = f"{promotion_id}#{customer_key}"
        yield UsageReservation(CUSTOMER_QUOTA, name, use.units, effect.per_customer, promotion_id)


def group_buy_code(
    uses: "Iterable[LimitUsage]", rules: RuleSet, limits: UsageLimits
) -> CodeStatus | None:
    """Return the status of the group-buy code of a quote, or ``None``."""
    for use in uses:
        candidate = rules.promotion_index.by_id.get(use.promotion_id)
        if use.code is None or candidate is None or not isinstance(candidate.effect, GroupPrice):
            continue
        status = limits.codes.get(normalize_code(use.code))
        if status is not None:
            return status
    return None
