"""Look at a checkout."""

from dataclasses import replace
from datetime import datetime

from shop.cart.actions import Shelf
from shop.checkout.actions.offering import offer_again
from shop.checkout.actions.shown import Shown
from shop.checkout.ports import Sessions
from shop.inventory.ports import Stock
from shop.orders.ports import Orders


def show_checkout(
    owner: str,
    session_id: str,
    *,
    sessions: Sessions,
    orders: Orders,
    shelf: Shelf,
    stock: Stock,
    at: datetime,
) -> Shown:
    """Look at a checkout. An offer that is no longer fresh is shown as it would be made now."""
    session = sessions.of(owner, session_id, at)
    if session.order_id is not None:
        return Shown(session, orders.of(owner, session.order_id))
    if session.canceled or (session.offer.fresh(at) and not session.offer.short):
        return Shown(session)
    return Shown(replace(session, offer=offer_again(session, shelf, at, stock=stock)))
