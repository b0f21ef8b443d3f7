"""An order as staff read it, with the quote that it was placed with.

The quote is stored with the order: a later change of a promotion, price list or rate changes
nothing here.
"""

from shop.orders.model import Order
from shop.orders.schemas.staff import StaffOrder
from shop.pricing.schemas.quotes import QuoteView


class PricedOrderView(StaffOrder):
    """An order as staff see it, with the quote that it was placed with."""

    pricing: QuoteView | None = None
    """Quote that the order was placed with; absent if none was stored."""

    @classmethod
    def of(cls, order: Order) -> "PricedOrderView":
        quote = order.placed_quote
        order_fields = cls.fields_of(order)
        return cls(**order_fields, pricing=None if quote is None else QuoteView.of(quote))
