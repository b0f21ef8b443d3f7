"""What is done with prices: quote a basket."""

from datetime import datetime

from shop.pricing.model.basket import Basket
from shop.pricing.model.engine import priced
from shop.pricing.model.quote import Quote
from shop.pricing.model.rules import Rules


def quote(basket: Basket, *, rules: Rules, at: datetime) -> Quote:
    """What this basket costs at this instant, and why.

    Raises :class:`shop.kernel.errors.Invalid`, with every problem, where the basket cannot be priced:
    a quantity or price out of range, an unknown market, a line without a price in the currency.
    """
    return priced(basket, rules, at)
