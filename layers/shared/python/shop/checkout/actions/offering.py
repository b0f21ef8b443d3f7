"""The offer: lines, codes, place and way of shipping, priced as things are now."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from shop.cart.actions import NOTHING, Shelf
from shop.cart.model import (
    Cart,
    Item,
    Line,
    Message,
    Priced,
    changes,
    counted_as,
    facts_of,
    priced,
    promised,
    shortage_messages,
    unknown_items,
)
from shop.catalog.model import Product, Variant
from shop.checkout.actions.telling import way_costs_other, way_gone
from shop.checkout.model import Offer, Session, offer_lines, place_of
from shop.inventory.model.kits import kits_among
from shop.inventory.ports import Stock
from shop.kernel.errors import Invalid, NotFound
from shop.kernel.frozen import frozen
from shop.pricing.model.basket import Basket, CustomerFacts, Destination
from shop.pricing.model.counts import counts_of, group_of
from shop.pricing.model.rules import Rules
from shop.pricing.model.seen import Seen
from shop.pricing.model.standing import Standing
from shop.shipping.actions import Standard, options
from shop.shipping.model import Consignment, ShippingOption
from shop.shipping.model import Item as Packed
from shop.shipping.ports import ShippingTables

Known = Mapping[str, tuple[Product, Variant]]
NO_KITS: Mapping[str, Mapping[str, int]] = {}
NO_DAYS: Mapping[str, str] = {}
OF_STOCK = frozenset({"out_of_stock", "backorder", "preorder"})
"""What is said of the stock, and only while it is so."""


@frozen(slots=False)
class Basis:
    """All of a client's own that decides what a checkout costs.

    ``delivered`` is whether there is an address, not only a hint of where it may be; ``who`` is the
    name under which uses of limited things are counted.
    """

    owner: str
    lines: tuple[Line, ...]
    codes: tuple[str, ...]
    place: Destination | None
    delivered: bool
    option_id: str | None
    currency: str | None
    channel: str
    who: str | None
    customer: CustomerFacts | None = None
    """What the rules know of whoever buys."""

    def same(self, other: "Basis") -> bool:
        """Whether both ask for one thing, whoever asks."""
        return replace(self, lines=(), who=None) == replace(other, lines=(), who=None) and [
            (n.id, n.variant_id, n.quantity) for n in self.lines
        ] == [(n.id, n.variant_id, n.quantity) for n in other.lines]

    def answered(self, offer: Offer) -> "Basis":
        """This, with what the shop chose where the client did not."""
        return replace(self, option_id=offer.option_id, currency=offer.quote.currency)


@frozen(slots=False)
class Before:
    """What was shown last, and for what; ``way`` is the way of shipping that was chosen."""

    basis: Basis
    seen: Seen
    way: ShippingOption | None = None


def before_of(session: Session) -> Before:
    """What this checkout was shown at."""
    return Before(basis_of(session), Seen.of(session.offer.quote), session.offer.option)


def before_of_cart(cart: Cart) -> Before | None:
    """What a cart was shown at; ``None`` where nobody noted that."""
    if cart.seen is None:
        return None
    basis = Basis(
        owner=cart.owner,
        lines=cart.lines,
        codes=cart.codes,
        place=cart.destination,
        delivered=False,
        option_id=None,
        currency=cart.currency,
        channel=cart.channel,
        who=counted_as(cart.owner, cart.buyer),
        customer=facts_of(cart.owner, cart.buyer),
    )
    return Before(basis, cart.seen)


def basis_of(session: Session) -> Basis:
    """What this checkout asks for."""
    return Basis(
        owner=session.owner,
        lines=session.lines,
        codes=session.codes,
        place=place_of(session.destination, session.country, session.region, session.postal_code),
        delivered=bool(session.destination),
        option_id=session.offer.option_id,
        currency=session.offer.quote.currency,
        channel=session.channel,
        who=counted_as(session.owner, session.buyer),
        customer=facts_of(session.owner, session.buyer),
    )


@frozen(slots=False)
class _Reckoned:
    """A basis priced: the goods alone, and with the way that was chosen."""

    goods: Priced
    whole: Priced
    ways: tuple[ShippingOption, ...]
    chosen: ShippingOption | None
    undeliverable: str | None = None


def offer_for(
    basis: Basis,
    shelf: Shelf,
    at: datetime,
    *,
    stock: Stock | None,
    before: Before | None = None,
    strict: bool = False,
    surely: bool = False,
    gone: Mapping[str, int] = NOTHING,
    kits: Mapping[str, Mapping[str, int]] = NO_KITS,
    days: Mapping[str, str] = NO_DAYS,
    explain: bool = False,
) -> Offer:
    """Make an offer as things are now, and say what costs other than ``before``. ``explain`` tells
    of the promotions too that are about nothing in it.

    Where no ``stock`` is asked, ``kits`` tells what the kits among them take (SKU to parts), and
    ``days`` when what is ordered ahead ships.

    ``surely`` looks at limits as they were last written: what is left after somebody took the last.

    Without a choice the cheapest way of shipping is chosen. With ``strict`` a line that is not sold
    and a way that is not offered are refused, unless the shop itself showed that way before;
    without, they are left out and spoken of.
    """
    were = before.basis.lines if before is not None else ()
    known = shelf.catalogue.variants(
        dict.fromkeys(line.variant_id for line in (*basis.lines, *were))
    )
    if strict and (refusal := unknown_items(basis.lines, known)):
        raise refusal
    rules = shelf.book.rules(at)
    left = shelf.left(rules, basis.who, at, surely=surely, gone=gone)
    new = before is None or before.way is None or before.way.id != basis.option_id
    now = _reckoned(
        basis, known, rules, at, left, shelf.shipping, strict=strict and new, explain=explain
    )
    messages = [*now.whole.messages, *_of_the_way(basis.option_id, now, before)]
    if stock is not None:
        country = basis.place.country if basis.place else None
        given = [gift.sku for gift in now.whole.quote.gifts]
        levels = stock.towards(country).levels([*(i.variant.sku for i in now.goods.items), *given])
        kits = {sku: kit.parts for sku, kit in kits_among(levels).items()}
        messages += shortage_messages(now.goods.items, levels, at=at, severity="recoverable")
        days, ahead = promised(now.goods.items, levels, at)
        messages += ahead
    quote, standing = now.whole.quote, now.goods.standing
    group = group_of(quote.uses, rules, standing)
    offer = Offer(
        lines=offer_lines(now.goods.items),
        quote=quote,
        options=now.ways,
        option_id=now.chosen.id if now.chosen else None,
        undeliverable=now.undeliverable,
        messages=tuple(messages),
        counts=counts_of(quote.uses, rules, standing, basis.who, applied=quote.applied),
        group_buy=group.coupon_id if group else None,
        group_ends=group.ends if group else None,
        kits=kits,
        ships_from=days,
    )
    if before is None:
        return offer
    same = before.basis.same(basis.answered(offer))
    if same and before.way is not None and now.chosen is not None:
        messages += way_costs_other(before.way, now.chosen)
        offer = replace(offer, messages=tuple(messages))
    said = _changes(before, now, known, rules, at, shelf, same=same)
    return replace(offer, messages=(*offer.messages, *said))


def _reckoned(
    basis: Basis,
    known: Known,
    rules: Rules,
    at: datetime,
    left: Callable[[Basket], Standing],
    shipping: ShippingTables | None,
    *,
    strict: bool = False,
    explain: bool = False,
) -> _Reckoned:
    place = basis.place
    country = place.country if place else None
    goods = priced(
        basis.lines,
        known,
        rules=rules,
        at=at,
        country=country,
        destination=place,
        currency=basis.currency,
        channel=basis.channel,
        codes=basis.codes,
        customer=basis.customer,
        left=left,
        explain=explain,
    )
    if not goods.items:
        raise NotFound("nothing in this checkout is sold any more", code="item_unavailable")
    ways: tuple[ShippingOption, ...] = ()
    undeliverable = None
    if basis.delivered and place is not None:
        table = (shipping or Standard()).table(at)
        packed = tuple(_packed(item) for item in goods.items)
        value = goods.quote.subtotal - goods.quote.goods_discount
        ways = options(Consignment(packed, value), place, table=table, at=at)
        undeliverable = None if ways else table.why_not(place).value
    wanted = basis.option_id
    chosen = next((way for way in ways if way.id == wanted), None)
    if wanted is not None and ways and chosen is None and strict:
        raise Invalid(
            f"{wanted!r} is not offered; choose one of {', '.join(w.id for w in ways)}",
            code="option_unknown",
            path="$.fulfillment.methods[0].groups[0].selected_option_id",
        )
    if chosen is None and ways:
        chosen = ways[0]
    if chosen is None:
        return _Reckoned(goods, goods, ways, None, undeliverable)
    whole = priced(
        [item.line for item in goods.items],
        known,
        rules=rules,
        at=at,
        country=country,
        destination=place,
        shipping=chosen.price,
        shipping_method=chosen.id,
        currency=goods.quote.currency,
        channel=basis.channel,
        codes=basis.codes,
        customer=basis.customer,
        left=lambda basket: goods.standing,
        explain=explain,
    )
    return _Reckoned(goods, whole, ways, chosen)


def _packed(item: Item) -> Packed:
    one = item.variant
    sizes = (one.length_mm, one.width_mm, one.height_mm)
    return Packed(item.line.quantity, one.weight_g, *sizes)


def _of_the_way(wanted: str | None, now: _Reckoned, before: Before | None) -> tuple[Message, ...]:
    """That a way which was chosen is offered no longer, and which is chosen in its place."""
    if wanted is None or now.chosen is None or now.chosen.id == wanted:
        return ()
    was = before.way if before is not None else None
    name = was.title if was is not None and was.id == wanted else repr(wanted)
    return (way_gone(name, now.chosen, "warning"),)


def _changes(
    before: Before,
    now: _Reckoned,
    known: Known,
    rules: Rules,
    at: datetime,
    shelf: Shelf,
    *,
    same: bool,
) -> tuple[Message, ...]:
    """What costs other than it was shown at, and not because its client asked for another.

    Unless both are the ``same`` the checkout as it was is priced beside what it is to be, with
    nothing looked up that is not ``known``. Nothing is said of one that cannot be priced any more.
    """
    basis, seen = before.basis, before.seen
    if same:
        then = now
    elif any(line.variant_id not in known for line in basis.lines):
        return ()
    else:
        left = seen.standing(now.goods.standing, rules)
        try:
            then = _reckoned(basis, known, rules, at, lambda basket: left, shelf.shipping)
        except Invalid:
            return ()
    return changes(seen, basis.lines, then.whole.quote, now.goods.items, rules)


def offer_again(
    session: Session,
    shelf: Shelf,
    at: datetime,
    *,
    stock: Stock | None,
    before: Before | None = None,
    surely: bool = False,
    gone: Mapping[str, int] = NOTHING,
) -> Offer:
    """The offer for what a checkout asks for, as it would be made now."""
    basis = basis_of(session)
    return offer_for(
        basis,
        shelf,
        at,
        stock=stock,
        before=before,
        surely=surely,
        gone=gone,
        kits=session.offer.kits,
        days=session.offer.ships_from,
    )


def of_now(offer: Offer, rules: Rules, at: datetime) -> bool:
    """Whether an offer is fresh, and made under the rules of this instant."""
    quote = offer.quote
    return offer.fresh(at) and rules.alike(quote.rules_version, quote.at, at)


def holding(before: Offer, now: Offer, at: datetime) -> Offer:
    """Of two offers for one thing the one that holds: within its time the one that was made before,
    unless it has become cheaper. What it says of the stock is as it is now.
    """
    cheaper = now.quote.total <= before.quote.total and now.option_id == before.option_id
    if not before.fresh(at) or cheaper or not _same_goods(before, now):
        return now
    said = [m for m in before.messages if m.code not in OF_STOCK]
    said += [m for m in now.messages if m.code in OF_STOCK]
    return replace(before, messages=tuple(said), kits=now.kits, ships_from=now.ships_from)


def _same_goods(one: Offer, other: Offer) -> bool:
    return [n.id for n in one.lines] == [n.id for n in other.lines]


def as_offered(lines: Sequence[Line], offer: Offer) -> tuple[Line, ...]:
    """The lines that are offered, with the prices they are shown at."""
    shown = {line.id: line.unit_price.minor for line in offer.quote.lines}
    return tuple(replace(line, seen=shown[line.id]) for line in lines if line.id in shown)
