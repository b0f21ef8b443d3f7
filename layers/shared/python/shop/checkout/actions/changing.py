"""Change what a checkout is."""

from dataclasses import replace
from datetime import datetime

from shop.cart.actions import Shelf
from shop.cart.model import counted_as, facts_of, numbered, until
from shop.checkout.actions.offering import Basis, as_offered, before_of, holding, offer_for
from shop.checkout.actions.shown import UNPAID, Shown, Wish
from shop.checkout.actions.telling import in_progress, refuse_if_bought
from shop.checkout.model import OPEN_FOR, Offer, place_of
from shop.checkout.ports import Sessions
from shop.inventory.ports import Stock
from shop.kernel.errors import Invalid
from shop.kernel.idempotency import Ask
from shop.kernel.transactions import Change
from shop.orders.ports import Orders
from shop.pricing.actions.coupons import tried
from shop.pricing.ports import Guesses


def update_checkout(
    session_id: str,
    wish: Wish,
    ask: Ask,
    *,
    sessions: Sessions,
    orders: Orders,
    shelf: Shelf,
    stock: Stock,
    guesses: Guesses,
    asker: str,
) -> Change[Shown]:
    """Replace what a checkout is. Raises Conflict once it is completed or canceled.

    While a payment is being confirmed nothing is changed; the answer shows the checkout and says
    so.
    """
    session = sessions.of(ask.owner, session_id, ask.at)
    session.open_or_refuse()
    order = orders.of(ask.owner, session.order_id) if session.order_id else None
    if order is not None:
        refuse_if_bought(order)
        if order.status in UNPAID:
            return Change(Shown(session, order, (in_progress(),)), ())
    if wish.lines is None:
        raise Invalid("line_items are needed", code="missing", path="$.line_items")
    lines = numbered(wish.lines, session.lines)
    same_goods = [(n.id, n.variant_id, n.quantity) for n in lines] == [
        (n.id, n.variant_id, n.quantity) for n in session.lines
    ]
    codes = session.codes if wish.codes is None else wish.codes
    changed = replace(
        session,
        lines=lines,
        buyer=wish.buyer,
        destination=wish.destination,
        country=wish.country,
        region=wish.region,
        postal_code=wish.postal_code,
        attribution=wish.attribution or session.attribution,
        channel=wish.channel,
        codes=codes,
        order_id=None,
        placed_key=None,
        version=session.version + 1,
        expires_at=until(ask.at, OPEN_FOR),
    )
    with tried(codes, session.codes, asker, guesses, ask.at) as judged:
        basis = Basis(
            owner=ask.owner,
            lines=lines,
            codes=codes,
            place=place_of(wish.destination, wish.country, wish.region, wish.postal_code),
            delivered=bool(wish.destination),
            option_id=wish.option_id,
            currency=wish.currency or session.offer.quote.currency,
            channel=wish.channel,
            who=counted_as(ask.owner, wish.buyer),
            customer=facts_of(ask.owner, wish.buyer),
        )
        before = before_of(session)
        offer = offer_for(
            basis,
            shelf,
            ask.at,
            stock=None if same_goods and _told_lately(session.offer, ask.at) else stock,
            before=before,
            strict=True,
            kits=session.offer.kits,
            days=session.offer.ships_from,
        )
        judged(offer.quote)
    asked = basis.answered(offer)
    if basis.option_id == before.basis.option_id:
        asked = replace(asked, option_id=basis.option_id)
    if before.basis.same(asked) and before.basis.who == asked.who:
        offer = holding(session.offer, offer, ask.at)
    after = replace(changed, offer=offer, lines=as_offered(lines, offer))
    return Change(Shown(after), (sessions.changing(session, after),))


def _told_lately(offer: Offer, at: datetime) -> bool:
    """Whether what an offer says of the stock, and of kits, need not be looked up again."""
    return not offer.short and not offer.ships_from and offer.fresh(at)
