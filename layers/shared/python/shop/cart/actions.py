"""Use cases of a cart: create, get, update, cancel."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from shop.cart.model import (
    CART_TTL,
    Cart,
    CartLine,
    LineInput,
    Message,
    PricedLines,
    PricingFacts,
    assign_line_ids,
    backorder_promises,
    customer_facts,
    expiry_at,
    hinted_place,
    place_messages,
    price_change_messages,
    price_lines,
    shortage_messages,
    unknown_items_error,
    usage_key,
)
from shop.cart.model.pricing import LimitsFor, VariantsById
from shop.cart.ports import CartRepository
from shop.catalog.ports import ProductCatalog
from shop.credits.ports import CodeAttemptLimiter
from shop.inventory.ports import StockRepository
from shop.kernel.contacts import Buyer
from shop.kernel.errors import InvalidRequest
from shop.kernel.frozen import frozen
from shop.kernel.idempotency import IdempotentRequest
from shop.kernel.ids import new_id
from shop.kernel.unit_of_work import ConditionFailed, StagedChange, UnitOfWork
from shop.places.model.destination import StatedPlace
from shop.pricing.actions.coupons import track_code_attempts
from shop.pricing.model.basket import Basket
from shop.pricing.model.price_snapshot import CHANGE_CODES, PriceSnapshot
from shop.pricing.model.quote import Quote
from shop.pricing.model.rule_set import RuleSet, needs_first_order_check, possible_gifts
from shop.pricing.model.usage_limits import UsageLimits
from shop.pricing.ports import PurchaseHistory, RuleSetSource, UsageLimitReader

if TYPE_CHECKING:  # a cart needs no shipping prices, and its Lambdas do not load them
    from shop.shipping.ports import ShippingTableSource


@frozen(slots=False)
class CartInput:
    """The content that a client wants a cart to have."""

    lines: Sequence[LineInput]
    country: str | None = None
    region: str | None = None
    postal_code: str | None = None
    buyer: Buyer = field(default_factory=Buyer)
    attribution: Mapping[str, Any] = field(default_factory=dict)
    codes: tuple[str, ...] | None = None
    """Discount codes that replace the current ones; ``None`` keeps these."""
    currency: str | None = None
    """Currency for prices; ``None`` keeps the current one, else the goods' own is used."""
    channel: str = "web"

    @property
    def place(self) -> StatedPlace:
        """Return the location hints as the client stated them."""
        return hinted_place(self.country, self.region, self.postal_code)


@frozen(slots=False)
class CartResult:
    """A cart with its prices of this instant."""

    cart: Cart
    priced: PricedLines
    stock_was_read: bool = False
    """Whether the messages tell which lines the stock covers."""


@frozen(slots=False)
class LimitLookup:
    """The way in which a checkout's products and remaining limits are read.

    ``consistent`` reads products and usage counters as last written. ``exhausted_gifts`` overrides
    the stock of gifts (SKU to units) that a failed transaction has just found short.
    """

    consistent: bool = False
    exhausted_gifts: Mapping[str, int] = field(default_factory=dict)


FAST_LOOKUP = LimitLookup()
"""Cached counters, which may be some milliseconds old."""


@frozen(slots=False)
class PricingContext:
    """The ports that pricing reads from."""

    catalog: ProductCatalog
    rule_source: RuleSetSource
    usage_limits: UsageLimitReader
    stock: StockRepository
    purchases: PurchaseHistory
    shipping: "ShippingTableSource | None" = None
    """Shipping prices; ``None`` for carts, which have none."""

    def remaining_limits(
        self,
        rules: RuleSet,
        usage_key: str | None,
        at: datetime,
        lookup: LimitLookup = FAST_LOOKUP,
    ) -> LimitsFor:
        """Return a function that reads the remaining limits for a basket.

        The limits are those of codes, quotas and gifts, for the customer whose uses are counted
        under ``usage_key``. Earlier orders and the stock of gifts cost a read each; they are read
        only if a promotion for first orders or with a gift may apply.
        """

        def limits_for(basket: Basket) -> UsageLimits:
            limits = self.usage_limits.limits_for(
                basket, rules, usage_key, consistent=lookup.consistent
            )
            customer_id = basket.customer.id if basket.customer is not None else None
            uncounted = limits.previous_orders is None
            if customer_id and uncounted and needs_first_order_check(basket, rules):
                orders = int(self.purchases.has_ordered(customer_id))
                limits = replace(limits, previous_orders=orders)
            gift_skus = possible_gifts(basket, rules, at)
            if gift_skus:
                gifts = self._gifts_remaining(basket, gift_skus, lookup)
                limits = replace(limits, gifts_remaining=gifts)
            return limits

        return limits_for

    def _gifts_remaining(
        self, basket: Basket, skus: Sequence[str], lookup: LimitLookup
    ) -> dict[str, int]:
        """Return the units of each gift that the stock covers beside the units bought."""
        levels = self.stock.levels(skus)
        bought = dict.fromkeys(skus, 0)
        for line in basket.lines:
            if line.sku in bought:
                bought[line.sku] += line.quantity
        available = {sku: lookup.exhausted_gifts.get(sku, levels[sku].available) for sku in skus}
        return {sku: max(0, available[sku] - bought[sku]) for sku in skus}


def create_cart(
    cart_input: CartInput,
    idempotent_request: IdempotentRequest,
    *,
    carts: CartRepository,
    pricing: PricingContext,
    code_attempts: CodeAttemptLimiter,
    rate_limit_subject: str,
) -> StagedChange[CartResult]:
    """Create a cart.

    Raises InvalidRequest, naming every line, for variants that are not sold, and RateLimited for
    too many unknown discount codes.
    """
    owner, at = idempotent_request.owner, idempotent_request.at
    lines = assign_line_ids(cart_input.lines)
    codes = cart_input.codes or ()
    with track_code_attempts(codes, (), rate_limit_subject, code_attempts, at) as forgive_known:
        result = _price(lines, cart_input, codes, owner, pricing, at, strict=True)
        forgive_known(result.quote)
    cart = Cart(
        id=new_id("cart"),
        owner=owner,
        lines=result.lines,
        currency=result.quote.currency,
        created_at=at,
        expires_at=expiry_at(at, CART_TTL),
        country=cart_input.country,
        region=cart_input.region,
        postal_code=cart_input.postal_code,
        buyer=cart_input.buyer,
        attribution=cart_input.attribution,
        codes=codes,
        channel=cart_input.channel,
        shown=PriceSnapshot.from_quote(result.quote),
    )
    return StagedChange(CartResult(cart, result), (carts.insert_op(cart),))


def get_cart(
    owner: str,
    cart_id: str,
    *,
    carts: CartRepository,
    pricing: PricingContext,
    uow: UnitOfWork,
    at: datetime,
) -> CartResult:
    """Return a cart at current prices, with messages about its stock.

    Lines that are no longer sold are left out, with a warning. Stock is read here and not on every
    change: a cart reserves nothing, and the checkout reads it again. Raises NotFound.
    """
    cart = carts.get(owner, cart_id, at)
    result = _price_current(cart, pricing, at)
    if any(message.code in CHANGE_CODES for message in result.messages):
        # Record the prices shown now, so that the next request compares with them. A concurrent
        # request that wins this write has shown newer prices; its record is the right one.
        with suppress(ConditionFailed):
            uow.commit(carts.update_op(cart, _with_shown_prices(cart, result.quote)))
    if not result.items:
        return CartResult(cart, result)
    levels = pricing.stock.levels([item.variant.sku for item in result.items])
    shortages = shortage_messages(result.items, levels, at=at, severity=None)
    _, backorders = backorder_promises(result.items, levels, at)
    messages = (*result.messages, *shortages, *backorders)
    return CartResult(cart, replace(result, messages=messages), stock_was_read=True)


def update_cart(
    cart_id: str,
    cart_input: CartInput,
    idempotent_request: IdempotentRequest,
    *,
    carts: CartRepository,
    pricing: PricingContext,
    code_attempts: CodeAttemptLimiter,
    rate_limit_subject: str,
) -> StagedChange[CartResult]:
    """Replace the content of a cart.

    Raises NotFound, InvalidRequest for variants that are not sold, and RateLimited for too many
    unknown discount codes.
    """
    owner, at = idempotent_request.owner, idempotent_request.at
    before = carts.get(owner, cart_id, at)
    lines = assign_line_ids(cart_input.lines, before.lines)
    cart_input = replace(cart_input, currency=cart_input.currency or before.currency)
    codes = before.codes if cart_input.codes is None else cart_input.codes
    with track_code_attempts(
        codes, before.codes, rate_limit_subject, code_attempts, at
    ) as forgive_known:
        result = _price(lines, cart_input, codes, owner, pricing, at, strict=True, before=before)
        forgive_known(result.quote)
    after = replace(
        before,
        lines=result.lines,
        currency=result.quote.currency,
        country=cart_input.country,
        region=cart_input.region,
        postal_code=cart_input.postal_code,
        buyer=cart_input.buyer,
        attribution=cart_input.attribution or before.attribution,
        codes=codes,
        channel=cart_input.channel,
        shown=PriceSnapshot.from_quote(result.quote),
        expires_at=expiry_at(at, CART_TTL),
        version=before.version + 1,
    )
    return StagedChange(CartResult(after, result), (carts.update_op(before, after),))


def cancel_cart(
    cart_id: str,
    idempotent_request: IdempotentRequest,
    *,
    carts: CartRepository,
    pricing: PricingContext,
) -> StagedChange[CartResult]:
    """Delete a cart and return it for the last time. Raises NotFound."""
    cart = carts.get(idempotent_request.owner, cart_id, idempotent_request.at)
    result = _price_current(cart, pricing, idempotent_request.at)
    return StagedChange(CartResult(cart, result), (carts.delete_op(cart),))


def _with_shown_prices(cart: Cart, quote: Quote) -> Cart:
    """Record a quote as shown. Lines that are no longer sold stay in the cart with their price."""
    prices = {line.id: line.unit_price.minor for line in quote.lines}
    lines = tuple(
        replace(line, shown_price=prices.get(line.id, line.shown_price)) for line in cart.lines
    )
    return replace(
        cart, lines=lines, shown=PriceSnapshot.from_quote(quote), version=cart.version + 1
    )


def _price_current(cart: Cart, pricing: PricingContext, at: datetime) -> PricedLines:
    return _price(cart.lines, cart, cart.codes, cart.owner, pricing, at, before=cart)


def _price(
    lines: Sequence[CartLine],
    content: Cart | CartInput,
    codes: tuple[str, ...],
    owner: str,
    pricing: PricingContext,
    at: datetime,
    *,
    strict: bool = False,
    before: Cart | None = None,
) -> PricedLines:
    """Price lines, with a message for every amount that changed since ``before`` was shown.

    ``strict`` raises an InvalidRequest for variants that are not sold.
    """
    # One read covers both versions of the cart: _change_messages prices the old one too.
    old_lines = before.lines if before is not None else ()
    variants = pricing.catalog.get_variants(
        {line.variant_id: None for line in (*lines, *old_lines)}
    )
    if strict and (error := unknown_items_error(lines, variants)):
        raise error
    rules = pricing.rule_source.rules(at)
    current = price_lines(
        lines,
        variants,
        _pricing_facts(content, codes, owner),
        rules=rules,
        at=at,
        limits_for=pricing.remaining_limits(rules, usage_key(owner, content.buyer.email), at),
    )
    located = place_messages(content.place, _regions_in_rules(content.place, rules))
    current = replace(current, messages=(*current.messages, *located))
    if before is None:
        return current
    unchanged = _price_factors(before, before.lines, before.codes) == _price_factors(
        content, lines, codes
    )
    changes = _change_messages(before, current, variants, rules=rules, at=at, unchanged=unchanged)
    return replace(current, messages=(*current.messages, *changes))


def _regions_in_rules(place: StatedPlace, rules: RuleSet) -> frozenset[str]:
    destination = place.destination
    return rules.tax.regions_named(destination.country) if destination else frozenset()


def _pricing_facts(content: Cart | CartInput, codes: tuple[str, ...], owner: str) -> PricingFacts:
    return PricingFacts(
        destination=content.place.destination,
        currency=content.currency,
        channel=content.channel,
        codes=codes,
        customer=customer_facts(owner, content.buyer.tax_id),
    )


def _price_factors(
    content: Cart | CartInput, lines: Sequence[CartLine], codes: tuple[str, ...]
) -> tuple[object, ...]:
    """Return everything that the client decides and the price depends on."""
    location = content.place.destination
    contents = [line.content for line in lines]
    return contents, codes, location, content.currency, content.channel, content.buyer.tax_id


def _change_messages(
    before: Cart,
    current: PricedLines,
    variants: VariantsById,
    *,
    rules: RuleSet,
    at: datetime,
    unchanged: bool,
) -> tuple[Message, ...]:
    """Return messages about amounts that the shop changed since the cart was shown.

    A difference that the client requested is not reported. So unless the request is
    ``unchanged``, the old cart is priced again under current rules, without further reads, and
    compared with its snapshot.
    """
    shown = before.shown
    if shown is None:
        return ()
    if unchanged:
        return price_change_messages(shown, before.lines, current.quote, current.items, rules)
    if any(line.variant_id not in variants for line in before.lines):
        return ()  # an item that is no longer sold has a message of its own
    try:
        old_cart = price_lines(
            before.lines,
            variants,
            _pricing_facts(before, before.codes, before.owner),
            rules=rules,
            at=at,
            limits_for=lambda basket: shown.limits_for(current.limits, rules),
        )
    except InvalidRequest:
        # The old cart cannot be priced any more, so there is nothing to compare with.
        return ()
    return price_change_messages(shown, before.lines, old_cart.quote, current.items, rules)
