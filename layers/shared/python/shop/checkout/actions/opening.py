"""Begin a checkout, from lines or from a cart."""

from shop.cart.actions import Shelf
from shop.cart.model import numbered, until
from shop.cart.ports import Carts
from shop.checkout.actions.offering import as_offered, offer_for
from shop.checkout.actions.shown import Shown, Wish
from shop.checkout.model import OPEN_FOR, Session, place_of
from shop.checkout.ports import Sessions
from shop.inventory.ports import Stock
from shop.kernel.errors import Invalid
from shop.kernel.idempotency import Ask
from shop.kernel.ids import new_id
from shop.kernel.transactions import Change
from shop.pricing.actions.coupons import tried
from shop.pricing.ports import Guesses


def create_checkout(
    wish: Wish,
    ask: Ask,
    *,
    sessions: Sessions,
    carts: Carts,
    shelf: Shelf,
    stock: Stock,
    guesses: Guesses,
    asker: str,
) -> Change[Shown]:
    """Begin a checkout from lines or a cart. Raises Invalid for what is not sold, NotFound."""
    buyer, country, region, postal = wish.buyer, wish.country, wish.region, wish.postal_code
    attribution, currency = wish.attribution, wish.currency
    codes = wish.codes or ()
    known: tuple[str, ...] = ()
    if wish.cart_id is not None:
        cart = carts.of(ask.owner, wish.cart_id, ask.at)
        lines = cart.lines
        buyer = {**buyer, **cart.buyer}
        if cart.country:
            country, region, postal = cart.country, cart.region, cart.postal_code
        attribution = cart.attribution or attribution
        currency = currency or cart.currency
        codes, known = cart.codes if wish.codes is None else wish.codes, cart.codes
    elif wish.lines is not None:
        lines = numbered(wish.lines)
    else:
        raise Invalid("line_items or a cart_id are needed", code="missing", path="$.line_items")
    with tried(codes, known, asker, guesses, ask.at) as judged:
        offer = offer_for(
            lines,
            wish.destination,
            place_of(wish.destination, country, region, postal),
            wish.option_id,
            shelf,
            ask.at,
            stock=stock,
            codes=codes,
            owner=ask.owner,
            buyer=buyer,
            currency=currency,
            channel=wish.channel,
            strict=wish.cart_id is None,
        )
        judged(offer.quote)
    session = Session(
        id=new_id("chk"),
        owner=ask.owner,
        lines=as_offered(lines, offer),
        offer=offer,
        created_at=ask.at,
        expires_at=until(ask.at, OPEN_FOR),
        buyer=buyer,
        destination=wish.destination,
        country=country,
        region=region,
        postal_code=postal,
        attribution=attribution,
        cart_id=wish.cart_id,
        channel=wish.channel,
        codes=codes,
    )
    return Change(Shown(session), (sessions.adding(session),))
