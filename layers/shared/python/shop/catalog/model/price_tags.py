"""Displayed prices of variants, as promotions and price lists make them.

The catalog stores prices and does not know pricing rules. A handler gets the tags from pricing
and passes them to the views.
"""

from collections.abc import Mapping
from dataclasses import field

from shop.catalog.model.product import Product
from shop.kernel.frozen import frozen
from shop.kernel.money import Money


@frozen
class PriceTag:
    """The displayed price of one unit of a variant.

    ``list_price`` is the price before a reduction. ``lowest`` is the lowest price of the 30 days
    before the reduction began (Directive 98/6/EC, Art. 6a), and ``percent`` the reduction from
    it, rounded down.
    """

    price: Money
    list_price: Money | None = None
    lowest: Money | None = None
    percent: int = 0


@frozen(slots=False)
class PriceTags:
    """Price tags by variant id; a variant without one is displayed at its catalog price.

    ``products`` are the products that were read to calculate the tags of a list.
    """

    by_variant: Mapping[str, PriceTag] = field(default_factory=dict)
    products: Mapping[str, Product] = field(default_factory=dict)

    def for_variant(self, variant_id: str, price: Money, list_price: Money | None) -> PriceTag:
        return self.by_variant.get(variant_id) or PriceTag(price, list_price)
