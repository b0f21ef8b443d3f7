"""The domain model of checkouts: sessions, their offers, and the orders placed from them.

A session stores the *offer* that was shown last, and that offer is what the buyer pays. Completing
a checkout takes the offer while it is fresh and shows a new one otherwise. The status of a session
is not stored: once an order was placed from it, the state of the order decides.
"""

from shop.checkout.model.messages import (
    ITEM_UNAVAILABLE,
    no_longer_sold_message,
    not_placed_message,
    payment_failed_message,
    waiting_room_message,
)
from shop.checkout.model.offer import MAX_ROWS_PER_TRANSACTION, Offer, OfferLine, offer_lines
from shop.checkout.model.placement import build_order, with_order
from shop.checkout.model.session import (
    ADDRESS_PATH,
    SESSION_TTL,
    CheckoutSession,
    CheckoutStatus,
    session_messages,
    stated_place,
    status_of,
    with_codes,
)

__all__ = [
    "ADDRESS_PATH",
    "ITEM_UNAVAILABLE",
    "MAX_ROWS_PER_TRANSACTION",
    "SESSION_TTL",
    "CheckoutSession",
    "CheckoutStatus",
    "Offer",
    "OfferLine",
    "build_order",
    "no_longer_sold_message",
    "not_placed_message",
    "offer_lines",
    "payment_failed_message",
    "session_messages",
    "stated_place",
    "status_of",
    "waiting_room_message",
    "with_codes",
    "with_order",
]
