"""Begin a checkout, from lines or from a cart."""

from shop.cart.actions import Shelf
from shop.cart.model import counted_as, facts_of, numbered, until
from shop.cart.ports import Carts
from shop.checkout.actions.offering import Basis, as_offered, before_of_cart, offer_for
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
    before = None
    if wish.cart_id is not None:
        cart = carts.of(ask.owner, wish.cart_id, ask.at)
        lines, before = cart.lines, before_of_cart(cart)
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
        basis = Basis(
            owner=ask.owner,
            lines=lines,
            codes=codes,
            place=place_of(wish.destination, country, region, postal),
            delivered=bool(wish.destination),
            option_id=wish.option_id,
            currency=currency,
            channel=wish.channel,
            who=counted_as(ask.owner, buyer),
            customer=facts_of(ask.owner, buyer),
        )
        strict = wish.cart_id is None
        offer = offer_for(basis, shelf, ask.at, stock=stock, before=before, strict=strict)
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
