"""What stands on the price tag: the price asked now, which rules of pricing may have made.

The catalogue keeps prices and does not know the rules; whoever shows a product asks pricing for the
tags and hands them to the views.
"""

from collections.abc import Mapping
from dataclasses import field

from shop.catalog.model.product import Product
from shop.kernel.frozen import frozen
from shop.kernel.money import Money


@frozen
class PriceTag:
    """What one unit of a variant is announced at.

    ``list_price`` is what a reduction is off, ``lowest`` the lowest price of the thirty days before
    it began (Directive 98/6/EC, Art. 6a) and ``percent`` what it takes off that, rounded down.
    """

    price: Money
    list_price: Money | None = None
    lowest: Money | None = None
    percent: int = 0


@frozen(slots=False)
class PriceTags:
    """Tags by variant; what has none is announced as the catalogue has it.

    ``products`` are those that were read to make the tags of a list.
    """

    by_variant: Mapping[str, PriceTag] = field(default_factory=dict)
    products: Mapping[str, Product] = field(default_factory=dict)

    def for_variant(self, variant_id: str, price: Money, list_price: Money | None) -> PriceTag:
        return self.by_variant.get(variant_id) or PriceTag(price, list_price)
