"""Quote a basket."""

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
    """What this basket costs at this instant, and why.

    ``standing`` is what is left of codes, quotas and gifts. The trace tells of every promotion that
    is about something in the basket; with ``explain`` of all others as well.

    Raises :class:`shop.kernel.errors.InvalidRequest`, with every problem, where the basket cannot be
    priced: a quantity or price out of range, an unknown market, no price in the currency.
    """
    return calculate_quote(basket, rules, at, limits, explain)
