"""Quote a basket."""

from datetime import datetime

from shop.pricing.model.basket import Basket
from shop.pricing.model.engine import priced
from shop.pricing.model.quote import Quote
from shop.pricing.model.rules import Rules
from shop.pricing.model.standing import UNTOUCHED, Standing


def quote(
    basket: Basket,
    *,
    rules: Rules,
    at: datetime,
    standing: Standing = UNTOUCHED,
    explain: bool = False,
) -> Quote:
    """What this basket costs at this instant, and why.

    ``standing`` is what is left of codes, quotas and gifts. The trace tells of every promotion that
    is about something in the basket; with ``explain`` of all others as well.

    Raises :class:`shop.kernel.errors.Invalid`, with every problem, where the basket cannot be
    priced: a quantity or price out of range, an unknown market, no price in the currency.
    """
    return priced(basket, rules, at, standing, explain)
