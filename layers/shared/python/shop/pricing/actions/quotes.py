"""Quote a basket (docs/rules/pricing.md §2)."""

from datetime import datetime

from shop.pricing.model.basket import Basket
from shop.pricing.model.engine import calculate_quote
from shop.pricing.model.quote import Quote
from shop.pricing.model.rule_set import RuleSet
from shop.pricing.model.usage_limits import NO_USAGE, UsageLimits


def quote(
    basket: Basket,
    *,
    rules: RuleSet,
    at: datetime,
    limits: UsageLimits = NO_USAGE,
    explain: bool = False,
) -> Quote:
    """Return the price of a basket at an instant, with its trace.

    ``limits`` are the remaining uses of codes, quotas and gifts. The trace lists the promotions
    that target goods of the basket; with ``explain``, it lists all promotions.

    Raises :class:`shop.kernel.errors.InvalidRequest` with every problem if the basket cannot be
    priced: a quantity or price out of range, an unknown market, no price in the currency.
    """
    return calculate_quote(basket, rules, at, limits, explain)
