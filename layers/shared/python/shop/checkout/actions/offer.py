"""The offer: lines, codes, place and way of shipping, priced as things are now."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from shop.cart.actions import NO_EXHAUSTED_GIFTS, PricingContext
from shop.cart.model import (
    Cart,
    CartItem,
    CartLine,
    Message,
    PricedLines,
    backorder_promises,
    customer_facts,
    price_change_messages,
    price_lines,
    shortage_messages,
    unknown_items_error,
    usage_key,
)
from shop.catalog.model import Product, Variant
from shop.checkout.actions.messages import option_price_messages, option_unavailable_message
from shop.checkout.model import CheckoutSession, Offer, destination_from, offer_lines
from shop.inventory.model.kits import find_kits
from shop.inventory.ports import StockRepository
from shop.kernel.errors import InvalidRequest, NotFound
from shop.kernel.frozen import frozen
from shop.places.model.destination import Destination
from shop.pricing.model.basket import Basket, CustomerFacts
from shop.pricing.model.price_snapshot import PriceSnapshot
from shop.pricing.model.rule_set import RuleSet
from shop.pricing.model.usage import group_buy_code, usage_of_quote
from shop.pricing.model.usage_limits import UsageLimits
from shop.shipping.actions import DefaultShippingTables, shipping_options
from shop.shipping.model import Consignment, ShippingOption
from shop.shipping.model import ConsignmentItem as Packed
from shop.shipping.ports import ShippingTableSource

VariantsById = Mapping[str, tuple[Product, Variant]]
NO_KITS: Mapping[str, Mapping[str, int]] = {}
NO_SHIP_DATES: Mapping[str, str] = {}
STOCK_CODES = frozenset({"out_of_stock", "backorder", "preorder"})
"""What is said of the stock, and only while it is so."""


@frozen(slots=False)
class OfferRequest:
    """All of a client's own that decides what a checkout costs.

    ``delivered`` is whether there is an address, not only a hint of where it may be; ``who`` is the
    name under which uses of limited things are counted.
    """

    owner: str
    lines: tuple[CartLine, ...]
    codes: tuple[str, ...]
    destination: Destination | None
    delivered: bool
    option_id: str | None
    currency: str | None
    channel: str
    usage_key: str | None
    customer: CustomerFacts | None = None
    """What the rules know of whoever buys."""

    def is_same(self, other: "OfferRequest") -> bool:
        """Whether both ask for one thing, whoever asks."""
        return replace(self, lines=(), usage_key=None) == replace(
            other, lines=(), usage_key=None
        ) and [(n.id, n.variant_id, n.quantity) for n in self.lines] == [
            (n.id, n.variant_id, n.quantity) for n in other.lines
        ]

    def with_defaults_from(self, offer: Offer) -> "OfferRequest":
        """This, with what the shop chose where the client did not."""
        return replace(self, option_id=offer.option_id, currency=offer.quote.currency)


@frozen(slots=False)
class PreviousOffer:
    """What was shown last, and for what; ``way`` is the way of shipping that was chosen."""

    request: OfferRequest
    seen: PriceSnapshot
    shipping_option: ShippingOption | None = None


def previous_offer(session: CheckoutSession) -> PreviousOffer:
    """What this checkout was shown at."""
    return PreviousOffer(
        offer_request_of(session),
        PriceSnapshot.from_quote(session.offer.quote),
        session.offer.option,
    )


def previous_offer_of_cart(cart: Cart) -> PreviousOffer | None:
    """What a cart was shown at; ``None`` where nobody noted that."""
    if cart.shown is None:
        return None
    basis = OfferRequest(
        owner=cart.owner,
        lines=cart.lines,
        codes=cart.codes,
        destination=cart.destination,
        delivered=False,
        option_id=None,
        currency=cart.currency,
        channel=cart.channel,
        usage_key=usage_key(cart.owner, cart.buyer),
        customer=customer_facts(cart.owner, cart.buyer),
    )
    return PreviousOffer(basis, cart.shown)


def offer_request_of(session: CheckoutSession) -> OfferRequest:
    """What this checkout asks for."""
    return OfferRequest(
        owner=session.owner,
        lines=session.lines,
        codes=session.codes,
        destination=destination_from(
            session.destination, session.country, session.region, session.postal_code
        ),
        delivered=bool(session.destination),
        option_id=session.offer.option_id,
        currency=session.offer.quote.currency,
        channel=session.channel,
        usage_key=usage_key(session.owner, session.buyer),
        customer=customer_facts(session.owner, session.buyer),
    )


@frozen(slots=False)
class _PricedCheckout:
    """A basis priced: the goods alone, and with the way that was chosen."""

    goods: PricedLines
    whole: PricedLines
    ways: tuple[ShippingOption, ...]
    chosen: ShippingOption | None
    undeliverable: str | None = None


def make_offer(
    request: OfferRequest,
    pricing: PricingContext,
    at: datetime,
    *,
    stock: StockRepository | None,
    previous_offer: PreviousOffer | None = None,
    strict: bool = False,
    consistent: bool = False,
    exhausted_gifts: Mapping[str, int] = NO_EXHAUSTED_GIFTS,
    kits: Mapping[str, Mapping[str, int]] = NO_KITS,
    ship_dates: Mapping[str, str] = NO_SHIP_DATES,
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
    were = previous_offer.request.lines if previous_offer is not None else ()
    known = pricing.catalogue.get_variants(
        dict.fromkeys(line.variant_id for line in (*request.lines, *were))
    )
    if strict and (refusal := unknown_items_error(request.lines, known)):
        raise refusal
    rules = pricing.rule_source.rules(at)
    left = pricing.remaining_limits(
        rules, request.usage_key, at, consistent=consistent, exhausted_gifts=exhausted_gifts
    )
    new = (
        previous_offer is None
        or previous_offer.shipping_option is None
        or previous_offer.shipping_option.id != request.option_id
    )
    now = _reckoned(
        request, known, rules, at, left, pricing.shipping, strict=strict and new, explain=explain
    )
    messages = [*now.whole.messages, *_of_the_way(request.option_id, now, previous_offer)]
    if stock is not None:
        country = request.destination.country if request.destination else None
        given = [gift.sku for gift in now.whole.quote.gifts]
        levels = stock.for_destination(country).levels(
            [*(i.variant.sku for i in now.goods.items), *given]
        )
        kits = {sku: kit.parts for sku, kit in find_kits(levels).items()}
        messages += shortage_messages(now.goods.items, levels, at=at, severity="recoverable")
        ship_dates, ahead = backorder_promises(now.goods.items, levels, at)
        messages += ahead
    quote, standing = now.whole.quote, now.goods.limits
    group = group_buy_code(quote.uses, rules, standing)
    offer = Offer(
        lines=offer_lines(now.goods.items),
        quote=quote,
        options=now.ways,
        option_id=now.chosen.id if now.chosen else None,
        undeliverable=now.undeliverable,
        messages=tuple(messages),
        usage=usage_of_quote(quote.uses, rules, standing, request.usage_key, applied=quote.applied),
        group_buy=group.coupon_id if group else None,
        group_ends=group.ends if group else None,
        kits=kits,
        ships_from=ship_dates,
    )
    if previous_offer is None:
        return offer
    same = previous_offer.request.is_same(request.with_defaults_from(offer))
    if same and previous_offer.shipping_option is not None and now.chosen is not None:
        messages += option_price_messages(previous_offer.shipping_option, now.chosen)
        offer = replace(offer, messages=tuple(messages))
    said = _changes(previous_offer, now, known, rules, at, pricing, same=same)
    return replace(offer, messages=(*offer.messages, *said))


def _reckoned(
    request: OfferRequest,
    variants: VariantsById,
    rules: RuleSet,
    at: datetime,
    limits_for: Callable[[Basket], UsageLimits],
    shipping: ShippingTableSource | None,
    *,
    strict: bool = False,
    explain: bool = False,
) -> _PricedCheckout:
    place = request.destination
    country = place.country if place else None
    goods = price_lines(
        request.lines,
        variants,
        rules=rules,
        at=at,
        country=country,
        destination=place,
        currency=request.currency,
        channel=request.channel,
        codes=request.codes,
        customer=request.customer,
        limits_for=limits_for,
        explain=explain,
    )
    if not goods.items:
        raise NotFound("nothing in this checkout is sold any more", code="item_unavailable")
    ways: tuple[ShippingOption, ...] = ()
    undeliverable = None
    if request.delivered and place is not None:
        table = (shipping or DefaultShippingTables()).table(at)
        packed = tuple(_packed(item) for item in goods.items)
        value = goods.quote.subtotal - goods.quote.goods_discount
        ways = shipping_options(Consignment(packed, value), place, table=table, at=at)
        undeliverable = None if ways else table.undeliverable_reason(place).value
    wanted = request.option_id
    chosen = next((way for way in ways if way.id == wanted), None)
    if wanted is not None and ways and chosen is None and strict:
        raise InvalidRequest(
            f"{wanted!r} is not offered; choose one of {', '.join(w.id for w in ways)}",
            code="option_unknown",
            path="$.fulfillment.methods[0].groups[0].selected_option_id",
        )
    if chosen is None and ways:
        chosen = ways[0]
    if chosen is None:
        return _PricedCheckout(goods, goods, ways, None, undeliverable)
    whole = price_lines(
        [item.line for item in goods.items],
        variants,
        rules=rules,
        at=at,
        country=country,
        destination=place,
        shipping=chosen.price,
        shipping_method=chosen.id,
        currency=goods.quote.currency,
        channel=request.channel,
        codes=request.codes,
        customer=request.customer,
        limits_for=lambda basket: goods.limits,
        explain=explain,
    )
    return _PricedCheckout(goods, whole, ways, chosen)


def _packed(item: CartItem) -> Packed:
    one = item.variant
    sizes = (one.length_mm, one.width_mm, one.height_mm)
    return Packed(item.line.quantity, one.weight_g, *sizes)


def _of_the_way(
    wanted: str | None, now: _PricedCheckout, previous_offer: PreviousOffer | None
) -> tuple[Message, ...]:
    """That a way which was chosen is offered no longer, and which is chosen in its place."""
    if wanted is None or now.chosen is None or now.chosen.id == wanted:
        return ()
    previous = previous_offer.shipping_option if previous_offer is not None else None
    name = previous.title if previous is not None and previous.id == wanted else repr(wanted)
    return (option_unavailable_message(name, now.chosen, "warning"),)


def _changes(
    previous_offer: PreviousOffer,
    now: _PricedCheckout,
    variants: VariantsById,
    rules: RuleSet,
    at: datetime,
    pricing: PricingContext,
    *,
    same: bool,
) -> tuple[Message, ...]:
    """What costs other than it was shown at, and not because its client asked for another.

    Unless both are the ``same`` the checkout as it was is priced beside what it is to be, with
    nothing looked up that is not ``known``. Nothing is said of one that cannot be priced any more.
    """
    basis, seen = previous_offer.request, previous_offer.seen
    if same:
        then = now
    elif any(line.variant_id not in variants for line in basis.lines):
        return ()
    else:
        left = seen.limits_for(now.goods.limits, rules)
        try:
            then = _reckoned(basis, variants, rules, at, lambda basket: left, pricing.shipping)
        except InvalidRequest:
            return ()
    return price_change_messages(seen, basis.lines, then.whole.quote, now.goods.items, rules)


def remake_offer(
    session: CheckoutSession,
    pricing: PricingContext,
    at: datetime,
    *,
    stock: StockRepository | None,
    previous_offer: PreviousOffer | None = None,
    consistent: bool = False,
    exhausted_gifts: Mapping[str, int] = NO_EXHAUSTED_GIFTS,
) -> Offer:
    """The offer for what a checkout asks for, as it would be made now."""
    basis = offer_request_of(session)
    return make_offer(
        basis,
        pricing,
        at,
        stock=stock,
        previous_offer=previous_offer,
        consistent=consistent,
        exhausted_gifts=exhausted_gifts,
        kits=session.offer.kits,
        ship_dates=session.offer.ships_from,
    )


def is_current(offer: Offer, rules: RuleSet, at: datetime) -> bool:
    """Whether an offer is fresh, and made under the rules of this instant."""
    quote = offer.quote
    return offer.is_fresh(at) and rules.gives_same_quote(quote.rules_version, quote.at, at)


def choose_valid_offer(before: Offer, now: Offer, at: datetime) -> Offer:
    """Of two offers for one thing the one that holds: within its time the one that was made before,
    unless it has become cheaper. What it says of the stock is as it is now.
    """
    cheaper = now.quote.total <= before.quote.total and now.option_id == before.option_id
    if not before.is_fresh(at) or cheaper or not _same_goods(before, now):
        return now
    said = [m for m in before.messages if m.code not in STOCK_CODES]
    said += [m for m in now.messages if m.code in STOCK_CODES]
    return replace(before, messages=tuple(said), kits=now.kits, ships_from=now.ships_from)


def _same_goods(one: Offer, other: Offer) -> bool:
    return [n.id for n in one.lines] == [n.id for n in other.lines]


def offered_lines(lines: Sequence[CartLine], offer: Offer) -> tuple[CartLine, ...]:
    """The lines that are offered, with the prices they are shown at."""
    shown = {line.id: line.unit_price.minor for line in offer.quote.lines}
    return tuple(replace(line, shown_price=shown[line.id]) for line in lines if line.id in shown)
