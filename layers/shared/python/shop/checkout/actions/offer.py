"""Make an offer: lines, codes, destination and shipping option, priced at an instant."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from shop.cart.actions import FAST_LOOKUP, LimitLookup, PricingContext
from shop.cart.model import (
    CartItem,
    CartLine,
    Message,
    PricedLines,
    PricingFacts,
    backorder_promises,
    place_messages,
    price_change_messages,
    price_lines,
    shortage_messages,
    unknown_items_error,
)
from shop.cart.model.pricing import LimitsFor, VariantsById
from shop.checkout.actions.messages import (
    SELECTED_OPTION_PATH,
    option_price_messages,
    option_unavailable_message,
)
from shop.checkout.actions.offer_request import (
    KnownStock,
    OfferRequest,
    PreviousOffer,
    known_stock_of,
    offer_request_of,
    previous_offer,
)
from shop.checkout.model import ADDRESS_PATH, CheckoutSession, Offer, offer_lines
from shop.inventory.model.kits import find_kits
from shop.inventory.ports import StockRepository
from shop.kernel.errors import InvalidRequest, NotFound
from shop.kernel.frozen import frozen
from shop.pricing.model.basket import Basket
from shop.pricing.model.rule_set import RuleSet
from shop.pricing.model.usage import group_buy_code, usage_of_quote
from shop.pricing.model.usage_limits import UsageLimits
from shop.shipping.actions import DefaultShippingTables, shipping_options
from shop.shipping.model import (
    Consignment,
    ConsignmentItem,
    ShippingOption,
    ShippingTable,
    Undeliverable,
)
from shop.shipping.ports import ShippingTableSource


@frozen(slots=False)
class _PricedCheckout:
    """The lines priced twice: without shipping, and with the selected option."""

    without_shipping: PricedLines
    with_shipping: PricedLines
    options: tuple[ShippingOption, ...] = ()
    selected: ShippingOption | None = None
    undeliverable_reason: str | None = None
    place_messages: tuple[Message, ...] = ()
    """Message about a place without the codes that tax and shipping need."""


def make_offer(
    request: OfferRequest,
    pricing: PricingContext,
    at: datetime,
    *,
    known_stock: KnownStock | None = None,
    previous: PreviousOffer | None = None,
    strict: bool = False,
    lookup: LimitLookup = FAST_LOOKUP,
    explain: bool = False,
) -> Offer:
    """Make an offer as things are now, with messages about every change since ``previous``.

    - ``known_stock``: if given, the stock is not read and no shortage is reported.
    - The cheapest shipping option is selected unless the request names one.
    - ``strict`` raises an InvalidRequest for variants that are not sold and for shipping options
      that are not offered. Otherwise both are replaced, with a warning.
    - ``lookup`` defines how products and remaining limits are read.
    - ``explain`` adds to the trace the promotions that do not concern the lines.

    Raises NotFound (``item_unavailable``) if no line is sold any more.
    """
    # One read covers both versions of the lines: _change_messages prices the old ones too.
    old_lines = previous.request.lines if previous is not None else ()
    variants = pricing.catalog.get_variants(
        dict.fromkeys(line.variant_id for line in (*request.lines, *old_lines)),
        consistent=lookup.consistent,
    )
    if strict and (error := unknown_items_error(request.lines, variants)):
        raise error
    rules = pricing.rule_source.rules(at)
    limits_for = pricing.remaining_limits(rules, request.usage_key, at, lookup)
    # An option that the shop itself showed may no longer be offered: replace it, do not reject it.
    shown_option = previous.shipping_option if previous is not None else None
    option_was_shown = shown_option is not None and shown_option.id == request.option_id
    priced = _price_checkout(
        request,
        variants,
        rules,
        at,
        limits_for,
        pricing.shipping,
        strict=strict and not option_was_shown,
        explain=explain,
    )
    messages = [
        *priced.place_messages,
        *priced.with_shipping.messages,
        *_replaced_option_messages(request.option_id, priced, shown_option),
    ]
    if known_stock is None:
        known_stock, stock_messages = _read_stock(request, priced, pricing.stock, at)
        messages += stock_messages
    offer = _offer(request, priced, rules, known_stock)
    if previous is not None:
        messages += _change_messages(
            previous, request.with_defaults_from(offer), priced, variants, rules, at, pricing
        )
    return replace(offer, messages=tuple(messages))


def _offer(
    request: OfferRequest, priced: _PricedCheckout, rules: RuleSet, known_stock: KnownStock
) -> Offer:
    quote, limits = priced.with_shipping.quote, priced.without_shipping.limits
    group = group_buy_code(quote.uses, rules, limits)
    return Offer(
        lines=offer_lines(priced.without_shipping.items),
        quote=quote,
        options=priced.options,
        option_id=priced.selected.id if priced.selected else None,
        undeliverable=priced.undeliverable_reason,
        usage=usage_of_quote(quote.uses, rules, limits, request.usage_key, applied=quote.applied),
        group_buy=group.coupon_id if group else None,
        group_ends=group.ends if group else None,
        kits=known_stock.kits,
        ships_from=known_stock.ship_dates,
        ship_zone=request.market_in(rules).zone if known_stock.ship_dates else "UTC",
    )


def _read_stock(
    request: OfferRequest, priced: _PricedCheckout, stock: StockRepository, at: datetime
) -> tuple[KnownStock, tuple[Message, ...]]:
    """Return facts and messages about the stock at the locations that ship to the destination."""
    country = request.destination.country if request.destination else None
    items = priced.without_shipping.items
    gift_skus = [gift.sku for gift in priced.with_shipping.quote.gifts]
    levels = stock.for_destination(country).levels(
        [*(item.variant.sku for item in items), *gift_skus]
    )
    kits = {sku: kit.parts for sku, kit in find_kits(levels).items()}
    shortages = shortage_messages(items, levels, at=at, severity="recoverable")
    ship_dates, backorders = backorder_promises(items, levels, at)
    return KnownStock(kits, ship_dates), (*shortages, *backorders)


def _price_checkout(
    request: OfferRequest,
    variants: VariantsById,
    rules: RuleSet,
    at: datetime,
    limits_for: LimitsFor,
    shipping: ShippingTableSource | None,
    *,
    strict: bool = False,
    explain: bool = False,
) -> _PricedCheckout:
    facts = PricingFacts(
        destination=request.destination,
        currency=request.currency,
        channel=request.channel,
        codes=request.codes,
        customer=request.customer,
    )
    # Phase 1: the goods alone; their value decides the price of shipping.
    goods = price_lines(
        request.lines, variants, facts, rules=rules, at=at, limits_for=limits_for, explain=explain
    )
    if not goods.items:
        raise NotFound(
            "The items of this checkout are no longer sold. Create a new checkout.",
            code="item_unavailable",
        )
    # Phase 2: the shipping options.
    table = (shipping or DefaultShippingTables()).table(at) if request.delivered else None
    located = located_messages(request, rules, table)
    options, undeliverable = _shipping_options(request, goods, table, located, at)
    selected = _selected_option(request.option_id, options, strict=strict)
    if selected is None:
        return _PricedCheckout(goods, goods, options, None, undeliverable, located)
    # Phase 3: goods and shipping together, since promotions may reduce shipping. The limits read
    # in phase 1 are used again, so that both quotes agree and nothing is read twice.
    lines = [item.line for item in goods.items]
    facts = replace(
        facts, currency=goods.quote.currency, shipping=selected.price, shipping_method=selected.id
    )

    def known_limits(basket: Basket) -> UsageLimits:
        return goods.limits

    total = price_lines(
        lines, variants, facts, rules=rules, at=at, limits_for=known_limits, explain=explain
    )
    return _PricedCheckout(goods, total, options, selected, place_messages=located)


def located_messages(
    request: OfferRequest, rules: RuleSet, table: ShippingTable | None
) -> tuple[Message, ...]:
    """Return a message if the place has no codes to which tax and shipping can be computed."""
    named: frozenset[str] = frozenset()
    if (destination := request.destination) is not None:
        named = rules.tax.regions_named(destination.country)
        named |= table.regions_named(destination.country) if table is not None else frozenset()
    return place_messages(request.place, named, ADDRESS_PATH)


def _shipping_options(
    request: OfferRequest,
    goods: PricedLines,
    table: ShippingTable | None,
    located: Sequence[Message],
    at: datetime,
) -> tuple[tuple[ShippingOption, ...], str | None]:
    """Return the options to the address, or the reason why there is none."""
    if table is None:
        return (), None
    # A distance or zone that is not certain must give no price.
    if located and not request.place.is_hint:
        return (), Undeliverable.UNLOCATED.value
    if request.destination is None:
        return (), None
    value = goods.quote.subtotal - goods.quote.goods_discount
    consignment = Consignment(tuple(_consignment_item(item) for item in goods.items), value)
    options = shipping_options(consignment, request.destination, table=table, at=at)
    if options:
        return options, None
    return (), table.undeliverable_reason(consignment, request.destination).value


def _selected_option(
    option_id: str | None, options: Sequence[ShippingOption], *, strict: bool
) -> ShippingOption | None:
    """Return the requested option, else the cheapest; ``None`` without options."""
    selected = next((option for option in options if option.id == option_id), None)
    if selected is not None or not options:
        return selected
    if option_id is not None and strict:
        offered = ", ".join(option.id for option in options)
        raise InvalidRequest(
            f"The shipping option {option_id!r} is not offered. Choose one of {offered}.",
            code="option_unknown",
            path=SELECTED_OPTION_PATH,
        )
    return options[0]


def _consignment_item(item: CartItem) -> ConsignmentItem:
    variant = item.variant
    sizes = (variant.length_mm, variant.width_mm, variant.height_mm)
    return ConsignmentItem(item.line.quantity, variant.weight_g, *sizes)


def _replaced_option_messages(
    option_id: str | None, priced: _PricedCheckout, shown_option: ShippingOption | None
) -> tuple[Message, ...]:
    """Return a warning if another shipping option than the requested one is selected."""
    if option_id is None or priced.selected is None or priced.selected.id == option_id:
        return ()
    is_known = shown_option is not None and shown_option.id == option_id
    name = shown_option.title if shown_option is not None and is_known else option_id
    return (option_unavailable_message(name, priced.selected, "warning"),)


def _change_messages(
    previous: PreviousOffer,
    request: OfferRequest,
    priced: _PricedCheckout,
    variants: VariantsById,
    rules: RuleSet,
    at: datetime,
    pricing: PricingContext,
) -> tuple[Message, ...]:
    """Return messages about amounts that the shop changed since the previous offer.

    A difference that the client requested is not reported. So if the request is another one, the
    old request is priced again under current rules, without further reads. The result is compared
    with the prices that the client was shown.
    """
    old, shown = previous.request, previous.shown
    messages: tuple[Message, ...] = ()
    if old.is_same(request):
        if previous.shipping_option is not None and priced.selected is not None:
            messages = option_price_messages(previous.shipping_option, priced.selected)
        old_priced = priced
    elif any(line.variant_id not in variants for line in old.lines):
        return ()  # an item that is no longer sold has a message of its own
    else:
        limits = shown.limits_for(priced.without_shipping.limits, rules)
        try:
            old_priced = _price_checkout(
                old, variants, rules, at, lambda basket: limits, pricing.shipping
            )
        except InvalidRequest:
            # The old request cannot be priced any more, so there is nothing to compare with.
            return ()
    changes = price_change_messages(
        shown, old.lines, old_priced.with_shipping.quote, priced.without_shipping.items, rules
    )
    return (*messages, *changes)


def remake_offer(
    session: CheckoutSession,
    pricing: PricingContext,
    at: datetime,
    *,
    read_stock: bool,
    previous: PreviousOffer | None = None,
    lookup: LimitLookup = FAST_LOOKUP,
) -> Offer:
    """Return the offer for a session as it would be made now."""
    return make_offer(
        offer_request_of(session),
        pricing,
        at,
        known_stock=None if read_stock else known_stock_of(session.offer),
        previous=previous,
        lookup=lookup,
    )


def at_current_prices(
    session: CheckoutSession, pricing: PricingContext, at: datetime
) -> CheckoutSession:
    """Return an open session with the offer that holds at this instant.

    A new offer replaces one that has expired or has become cheaper. The result has a new version if
    the caller must write it, because the offer that is shown is the one that is bought.
    """
    current = is_current(session, pricing.rule_source.rules(at), at)
    if current and not session.offer.is_short:
        return session
    new_offer = remake_offer(
        session,
        pricing,
        at,
        read_stock=session.offer.is_short or not session.offer.is_fresh(at),
        previous=previous_offer(session),
    )
    offer = choose_valid_offer(session, new_offer, at)
    lines = offered_lines(session.lines, offer)
    after = replace(session, offer=offer, lines=lines, has_guest_offer=False)
    price_changed = offer.quote.total != session.offer.quote.total
    if price_changed or (offer.quote is not session.offer.quote and not current):
        return replace(after, version=session.version + 1)
    return after


def is_current(session: CheckoutSession, rules: RuleSet, at: datetime) -> bool:
    """Return whether an offer is fresh, its owner's own, and the same under current rules."""
    offer, quote = session.offer, session.offer.quote
    own = not session.has_guest_offer and offer.is_fresh(at)
    return own and rules.gives_same_quote(quote.rules_version, quote.at, at)


def choose_valid_offer(session: CheckoutSession, new: Offer, at: datetime) -> Offer:
    """Return the session's offer or a new one for the same request: the one that the shop keeps to.

    Within its time an offer holds, unless the new one costs the same or less, or the old one was
    made to a guest. Messages about stock, kits and ship dates always come from the new one.
    """
    old = session.offer
    not_dearer = new.quote.total <= old.quote.total and new.option_id == old.option_id
    if session.has_guest_offer or not old.is_fresh(at) or not_dearer or not _same_lines(old, new):
        return new
    return old.with_stock_of(new)


def _same_lines(offer: Offer, other: Offer) -> bool:
    return [line.id for line in offer.lines] == [line.id for line in other.lines]


def offered_lines(lines: Sequence[CartLine], offer: Offer) -> tuple[CartLine, ...]:
    """Return the lines that are in the offer, with the prices that are shown."""
    prices = {line.id: line.unit_price.minor for line in offer.quote.lines}
    return tuple(replace(line, shown_price=prices[line.id]) for line in lines if line.id in prices)
