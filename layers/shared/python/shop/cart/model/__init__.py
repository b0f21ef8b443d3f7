"""The domain model of carts: lines, their prices, and messages about them.

A cart stores the shopper's choice and never a price: prices are calculated on every request. The
checkout prices its lines with the same functions, so a price has one origin.
"""

from shop.cart.model.cart import (
    CART_TTL,
    GIFT_LINE_PREFIX,
    MAX_LINES,
    Cart,
    CartItem,
    CartLine,
    LineInput,
    assign_line_ids,
    customer_facts,
    expiry_at,
    hinted_place,
    image_url,
    title,
    unknown_items_error,
    usage_key,
)
from shop.cart.model.messages import (
    STOCK_CODES,
    Message,
    backorder_promises,
    line_availability,
    place_messages,
    price_change_messages,
    shortage_messages,
)
from shop.cart.model.pricing import PricedLines, PricingFacts, price_lines

__all__ = [
    "CART_TTL",
    "GIFT_LINE_PREFIX",
    "MAX_LINES",
    "STOCK_CODES",
    "Cart",
    "CartItem",
    "CartLine",
    "LineInput",
    "Message",
    "PricedLines",
    "PricingFacts",
    "assign_line_ids",
    "backorder_promises",
    "customer_facts",
    "expiry_at",
    "hinted_place",
    "image_url",
    "line_availability",
    "place_messages",
    "price_change_messages",
    "price_lines",
    "shortage_messages",
    "title",
    "unknown_items_error",
    "usage_key",
]
