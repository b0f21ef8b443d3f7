"""Look at a checkout."""

from dataclasses import replace
from datetime import datetime

from shop.cart.actions import Shelf
from shop.checkout.actions.offering import before_of, holding, offer_again, settled
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
    """Look at a checkout. What would be offered now is shown where the offer holds no longer, and
    where the same has become cheaper.
    """
    session = sessions.of(owner, session_id, at)
    if session.order_id is not None:
        return Shown(session, orders.of(owner, session.order_id))
    if session.canceled:
        return Shown(session)
    if settled(session, shelf.book.rules(at), at):
        return Shown(session)
    asked = None if session.offer.fresh(at) and not session.offer.short else stock
    now = offer_again(session, shelf, at, stock=asked, before=before_of(session))
    return Shown(replace(session, offer=holding(session.offer, now, at)))
