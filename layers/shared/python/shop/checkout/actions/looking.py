"""Look at a checkout."""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from shop.cart.actions import Shelf
from shop.checkout.actions.offering import as_offered, before_of, holding, of_now, offer_again
from shop.checkout.actions.shown import Shown
from shop.checkout.ports import Sessions
from shop.inventory.ports import Stock
from shop.kernel.transactions import Clash, Ledger
from shop.orders.ports import Orders


def show_checkout(
    owner: str,
    session_id: str,
    *,
    sessions: Sessions,
    orders: Orders,
    shelf: Shelf,
    stock: Stock,
    ledger: Ledger,
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
    timely = of_now(session.offer, shelf.book.rules(at), at)
    if timely and not session.offer.short:
        return Shown(session)
    asked = None if session.offer.fresh(at) and not session.offer.short else stock
    now = offer_again(session, shelf, at, stock=asked, before=before_of(session))
    offer = holding(session.offer, now, at)
    after = replace(session, offer=offer, lines=as_offered(session.lines, offer))
    other = offer.quote.total != session.offer.quote.total
    if other or (offer.quote is not session.offer.quote and not timely):
        # What is shown is what is bought, so it is kept. Who was faster has shown something newer.
        after = replace(after, version=session.version + 1)
        with suppress(Clash):
            ledger.commit(sessions.changing(session, after))
    return Shown(after)
