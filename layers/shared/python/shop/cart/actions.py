"""What people do with a cart: fill it, change it, look at it, leave it."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from shop.cart.model import (
    KEPT,
    Cart,
    Line,
    Message,
    Priced,
    changes,
    counted_as,
    facts_of,
    numbered,
    priced,
    promised,
    shortage_messages,
    unknown_items,
    until,
)
from shop.cart.ports import Carts
from shop.catalog.model import Product, Variant
from shop.catalog.ports import Catalogue
from shop.inventory.ports import Stock
from shop.kernel.errors import Invalid
from shop.kernel.frozen import frozen
from shop.kernel.idempotency import Ask
from shop.kernel.ids import new_id
from shop.kernel.transactions import Change, Clash, Ledger
from shop.pricing.actions.coupons import tried
from shop.pricing.model.basket import Basket, Destination
from shop.pricing.model.quote import Quote
from shop.pricing.model.rules import Rules, first_order_about, gifts_about
from shop.pricing.model.seen import CHANGED, Seen
from shop.pricing.model.standing import Standing
from shop.pricing.ports import Guesses, Purchases, RuleBook, Standings

if TYPE_CHECKING:
    from shop.shipping.ports import ShippingTables

NOTHING: Mapping[str, int] = {}


@frozen(slots=False)
class Wish:
    """What somebody asks a cart to hold: ``(line id or None, variant id, quantity)`` per line."""

    lines: Sequence[tuple[str | None, str, int]]
    country: str | None = None
    region: str | None = None
    postal_code: str | None = None
    buyer: Mapping[str, Any] = field(default_factory=dict)
    attribution: Mapping[str, Any] = field(default_factory=dict)
    codes: tuple[str, ...] | None = None
    """Discount codes in place of those before; ``None`` leaves them."""
    currency: str | None = None
    """What prices are asked in; ``None``: as before, or as the goods are priced."""
    channel: str = "web"


@frozen(slots=False)
class Shown:
    """A cart as it is shown: what it holds and what that costs now."""

    cart: Cart
    priced: Priced


@frozen(slots=False)
class Shelf:
    """What the shop knows while it prices lines."""

    catalogue: Catalogue
    book: RuleBook
    standings: Standings
    stock: Stock
    purchases: Purchases
    shipping: "ShippingTables | None" = None
    """What it costs to send them; a cart does not say."""

    def left(
        self,
        rules: Rules,
        who: str | None,
        at: datetime,
        *,
        surely: bool = False,
        gone: Mapping[str, int] = NOTHING,
    ) -> Callable[[Basket], Standing]:
        """What is left of codes, quotas and gifts, for whom ``who`` names, and what is known of
        them; ``surely`` as last written, and with what was ``gone`` (SKU to units left) just now.

        Stock and earlier orders are asked for only where a promotion gives something or is for a
        first order.
        """

        def ask(basket: Basket) -> Standing:
            standing = self.standings.standing(basket, rules, who, surely=surely)
            customer = basket.customer.id if basket.customer is not None else None
            unknown = standing.orders_before is None
            if customer and unknown and first_order_about(basket, rules):
                before = int(self.purchases.bought_before(customer))
                standing = replace(standing, orders_before=before)
            given = gifts_about(basket, rules, at)
            if given:
                levels = self.stock.levels(given)
                wanted = dict.fromkeys(given, 0)
                for line in basket.lines:
                    if line.sku in wanted:
                        wanted[line.sku] += line.quantity
                left = {sku: gone.get(sku, levels[sku].available) for sku in given}
                gifts = {sku: max(0, left[sku] - wanted[sku]) for sku in given}
                standing = replace(standing, gifts_left=gifts)
            return standing

        return ask


def create_cart(
    wish: Wish, ask: Ask, *, carts: Carts, shelf: Shelf, guesses: Guesses, asker: str
) -> Change[Shown]:
    """Begin a cart. Raises Invalid, naming every line, for variants that are not sold."""
    lines = numbered(wish.lines)
    codes = wish.codes or ()
    with tried(codes, (), asker, guesses, ask.at) as judged:
        shown = _priced(
            lines, wish, wish.buyer, codes, ask.owner, shelf, ask.at, refuse_unknown=True
        )
        judged(shown.quote)
    cart = Cart(
        id=new_id("cart"),
        owner=ask.owner,
        lines=shown.lines,
        currency=shown.quote.currency,
        created_at=ask.at,
        expires_at=until(ask.at, KEPT),
        country=wish.country,
        region=wish.region,
        postal_code=wish.postal_code,
        buyer=wish.buyer,
        attribution=wish.attribution,
        codes=codes,
        channel=wish.channel,
        seen=Seen.of(shown.quote),
    )
    return Change(Shown(cart, shown), (carts.adding(cart),))


def show_cart(
    owner: str,
    cart_id: str,
    *,
    carts: Carts,
    shelf: Shelf,
    stock: Stock,
    ledger: Ledger,
    at: datetime,
) -> Shown:
    """Look at a cart as it stands now. What is no longer sold is left out, and said so.

    Stock is asked for when a cart is looked at, not on every click that changes it: a cart
    promises nothing, and the checkout asks again.
    """
    cart = carts.of(owner, cart_id, at)
    shown = _as_it_stands(cart, shelf, at)
    if any(message.code in CHANGED for message in shown.messages):
        # Said now, so it is what is compared next time. Who was faster has shown something newer.
        with suppress(Clash):
            ledger.commit(carts.changing(cart, _as_shown(cart, shown.quote)))
    if not shown.items:
        return Shown(cart, shown)
    levels = stock.levels([item.variant.sku for item in shown.items])
    short = shortage_messages(shown.items, levels, at=at, severity=None)
    _, ahead = promised(shown.items, levels, at)
    return Shown(cart, replace(shown, messages=(*shown.messages, *short, *ahead)))


def update_cart(
    cart_id: str,
    wish: Wish,
    ask: Ask,
    *,
    carts: Carts,
    shelf: Shelf,
    guesses: Guesses,
    asker: str,
) -> Change[Shown]:
    """Replace what a cart holds. Raises NotFound, or Invalid naming lines that are not sold."""
    before = carts.of(ask.owner, cart_id, ask.at)
    lines = numbered(wish.lines, before.lines)
    wish = replace(wish, currency=wish.currency or before.currency)
    codes = before.codes if wish.codes is None else wish.codes
    with tried(codes, before.codes, asker, guesses, ask.at) as judged:
        shown = _priced(
            lines,
            wish,
            wish.buyer,
            codes,
            ask.owner,
            shelf,
            ask.at,
            refuse_unknown=True,
            before=before,
        )
        judged(shown.quote)
    after = replace(
        before,
        lines=shown.lines,
        currency=shown.quote.currency,
        country=wish.country,
        region=wish.region,
        postal_code=wish.postal_code,
        buyer=wish.buyer,
        attribution=wish.attribution or before.attribution,
        codes=codes,
        channel=wish.channel,
        seen=Seen.of(shown.quote),
        expires_at=until(ask.at, KEPT),
        version=before.version + 1,
    )
    return Change(Shown(after, shown), (carts.changing(before, after),))


def cancel_cart(cart_id: str, ask: Ask, *, carts: Carts, shelf: Shelf) -> Change[Shown]:
    """Leave a cart: the last answer shows it, after that it is not found."""
    cart = carts.of(ask.owner, cart_id, ask.at)
    shown = _as_it_stands(cart, shelf, ask.at)
    return Change(Shown(cart, shown), (carts.removing(cart),))


def _as_shown(cart: Cart, quote: Quote) -> Cart:
    """The cart with what it is shown at now; what is not sold any more stays in it."""
    prices = {line.id: line.unit_price.minor for line in quote.lines}
    lines = tuple(replace(line, seen=prices.get(line.id, line.seen)) for line in cart.lines)
    return replace(cart, lines=lines, seen=Seen.of(quote), version=cart.version + 1)


def _as_it_stands(cart: Cart, shelf: Shelf, at: datetime) -> Priced:
    return _priced(cart.lines, cart, cart.buyer, cart.codes, cart.owner, shelf, at, before=cart)


def _told_apart(
    before: Cart,
    now: Priced,
    known: Mapping[str, tuple[Product, Variant]],
    *,
    rules: Rules,
    at: datetime,
    same: bool,
) -> tuple[Message, ...]:
    """What costs other than the cart was shown at, and not because its client asked for another.

    Unless it is ``same`` the cart as it was is priced beside what it is to be, with nothing looked
    up that is not ``known``. Nothing is said of a cart that cannot be priced any more: what is no
    longer sold is spoken of by itself.
    """
    seen = before.seen
    if seen is None:
        return ()
    if same:
        return changes(seen, before.lines, now.quote, now.items, rules)
    if any(line.variant_id not in known for line in before.lines):
        return ()
    try:
        then = priced(
            before.lines,
            known,
            rules=rules,
            at=at,
            country=before.country,
            channel=before.channel,
            destination=before.destination,
            currency=before.currency,
            codes=before.codes,
            customer=facts_of(before.owner, before.buyer),
            left=lambda basket: seen.standing(now.standing, rules),
        )
    except Invalid:
        return ()
    return changes(seen, before.lines, then.quote, now.items, rules)


def _priced(
    lines: Sequence[Line],
    place: Cart | Wish,
    buyer: Mapping[str, Any],
    codes: tuple[str, ...],
    owner: str,
    shelf: Shelf,
    at: datetime,
    *,
    refuse_unknown: bool = False,
    before: Cart | None = None,
) -> Priced:
    """Lines with their prices, and what is to be said where these changed since ``before``."""
    were = before.lines if before is not None else ()
    known = shelf.catalogue.variants({line.variant_id: None for line in (*lines, *were)})
    if refuse_unknown and (refusal := unknown_items(lines, known)):
        raise refusal
    country, rules = place.country, shelf.book.rules(at)
    now = priced(
        lines,
        known,
        rules=rules,
        at=at,
        country=country,
        channel=place.channel,
        destination=(
            None if country is None else Destination(country, place.region, place.postal_code)
        ),
        currency=place.currency,
        codes=codes,
        customer=facts_of(owner, buyer),
        left=shelf.left(rules, counted_as(owner, buyer), at),
    )
    if before is None:
        return now
    same = _basis(before, before.lines, before.codes) == _basis(place, lines, codes)
    said = _told_apart(before, now, known, rules=rules, at=at, same=same)
    return replace(now, messages=(*now.messages, *said))


def _basis(of: Cart | Wish, lines: Sequence[Line], codes: tuple[str, ...]) -> tuple[object, ...]:
    """All of a client's own that decides what a cart costs."""
    asked = [(line.id, line.variant_id, line.quantity) for line in lines]
    place = of.country, of.region, of.postal_code
    return asked, codes, place, of.currency, of.channel, of.buyer.get("tax_id")
