"""The pricing context of checkouts, with shipping prices, and the waiting rooms in their way."""

from shop.cart.actions import PricingContext
from shop.composition.pricing import pricing_context
from shop.peak.actions.room_expiry import ActiveWaitingRooms
from shop.peak.store.waiting_rooms import waiting_rooms
from shop.pricing.store.rule_set_cache import rule_set_cache
from shop.shipping.store import shipping_table_cache
from shop.tax.store.cache import tax_table_cache


def checkout_pricing_context() -> PricingContext:
    """Build a pricing context with shipping prices."""
    return pricing_context(shipping=shipping_table_cache())


def active_waiting_rooms() -> ActiveWaitingRooms:
    """Build the reader of the waiting rooms that are open."""
    return ActiveWaitingRooms(waiting_rooms(), rule_set_cache(tax_table_cache()))
