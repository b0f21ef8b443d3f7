"""What people do with a cart: fill it, change it, look at it, leave it."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from shop.cart.model import (
    CART_TTL,
    Cart,
    CartLine,
    Message,
    PricedLines,
    assign_line_ids,
    backorder_promises,
    customer_facts,
    expiry_at,
    price_change_messages,
    price_lines,
    shortage_messages,
    unknown_items_error,
    usage_key,
)
from shop.cart.ports import CartRepository
from shop.catalog.model import Product, Variant
from shop.catalog.ports import ProductCatalog
from shop.inventory.ports import StockRepository
from shop.kernel.errors import InvalidRequest
from shop.kernel.frozen import frozen
from shop.kernel.idempotency import IdempotentRequest
from shop.kernel.ids import new_id
from shop.kernel.unit_of_work import ConditionFailed, StagedChange, UnitOfWork
from shop.pricing.actions.coupons import track_code_attempts
from shop.pricing.model.basket import Basket, Destination
from shop.pricing.model.price_snapshot import CHANGE_CODES, PriceSnapshot
from shop.pricing.model.quote import Quote
from shop.pricing.model.rule_set import RuleSet, needs_first_order_check, possible_gifts
from shop.pricing.model.usage_limits import UsageLimits
from shop.pricing.ports import CodeAttemptLimiter, PurchaseHistory, RuleSetSource, UsageLimitReader

if TYPE_CHECKING:
    from shop.shipping.ports import ShippingTableSource

NO_EXHAUSTED_GIFTS: Mapping[str, int] = {}


@frozen(slots=False)
class CartInput:
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
class CartResult:
    """A cart as it is shown: what it holds and what that costs now."""

    cart: Cart
    priced: PricedLines


@frozen(slots=False)
class PricingContext:
    """What the shop knows while it prices lines."""

    catalogue: ProductCatalog
    rule_source: RuleSetSource
    usage_limits: UsageLimitReader
    stock: StockRepository
    purchases: PurchaseHistory
    shipping: "ShippingTableSource | None" = None
    """What it costs to send them; a cart does not say."""

    def remaining_limits(
        self,
        rules: RuleSet,
        actor: str | None,
        at: datetime,
        *,
        consistent: bool = False,
        exhausted_gifts: Mapping[str, int] = NO_EXHAUSTED_GIFTS,
    ) -> Callable[[Basket], UsageLimits]:
        """What is left of codes, quotas and gifts, for whom ``who`` names, and what is known of
        them; ``surely`` as last written, and with what was ``gone`` (SKU to units left) just now.

        Stock and earlier orders are asked for only where a promotion gives something or is for a
        first order.
        """

        def ask(basket: Basket) -> UsageLimits:
            standing = self.usage_limits.limits_for(basket, rules, actor, consistent=consistent)
            customer = basket.customer.id if basket.customer is not None else None
            unknown = standing.previous_orders is None
            if customer and unknown and needs_first_order_check(basket, rules):
                before = int(self.purchases.has_ordered(customer))
                standing = replace(standing, previous_orders=before)
            given = possible_gifts(basket, rules, at)
            if given:
                levels = self.stock.levels(given)
                wanted = dict.fromkeys(given, 0)
                for line in basket.lines:
                    if line.sku in wanted:
                        wanted[line.sku] += line.quantity
                left = {sku: exhausted_gifts.get(sku, levels[sku].available) for sku in given}
                gifts = {sku: max(0, left[sku] - wanted[sku]) for sku in given}
                standing = replace(standing, gifts_remaining=gifts)
            return standing

        return ask


def create_cart(
    cart_input: CartInput,
    idempotent_request: IdempotentRequest,
    *,
    carts: CartRepository,
    pricing: PricingContext,
    code_attempts: CodeAttemptLimiter,
    rate_limit_subject: str,
) -> StagedChange[CartResult]:
    """Begin a cart. Raises Invalid, naming every line, for variants that are not sold."""
    lines = assign_line_ids(cart_input.lines)
    codes = cart_input.codes or ()
    with track_code_attempts(
        codes, (), rate_limit_subject, code_attempts, idempotent_request.at
    ) as judged:
        result = _priced(
            lines,
            cart_input,
            cart_input.buyer,
            codes,
            idempotent_request.owner,
            pricing,
            idempotent_request.at,
            refuse_unknown=True,
        )
        judged(result.quote)
    cart = Cart(
        id=new_id("cart"),
        owner=idempotent_request.owner,
        lines=result.lines,
        currency=result.quote.currency,
        created_at=idempotent_request.at,
        expires_at=expiry_at(idempotent_request.at, CART_TTL),
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
    stock: StockRepository,
    uow: UnitOfWork,
    at: datetime,
) -> CartResult:
    """Look at a cart as it stands now. What is no longer sold is left out, and said so.

    Stock is asked for when a cart is looked at, not on every click that changes it: a cart
    promises nothing, and the checkout asks again.
    """
    cart = carts.get(owner, cart_id, at)
    result = _as_it_stands(cart, pricing, at)
    if any(message.code in CHANGE_CODES for message in result.messages):
        # Said now, so it is what is compared next time. Who was faster has shown something newer.
        with suppress(ConditionFailed):
            uow.commit(carts.update_op(cart, _as_shown(cart, result.quote)))
    if not result.items:
        return CartResult(cart, result)
    levels = stock.levels([item.variant.sku for item in result.items])
    short = shortage_messages(result.items, levels, at=at, severity=None)
    _, ahead = backorder_promises(result.items, levels, at)
    return CartResult(cart, replace(result, messages=(*result.messages, *short, *ahead)))


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
    """Replace what a cart holds. Raises NotFound, or Invalid naming lines that are not sold."""
    before = carts.get(idempotent_request.owner, cart_id, idempotent_request.at)
    lines = assign_line_ids(cart_input.lines, before.lines)
    cart_input = replace(cart_input, currency=cart_input.currency or before.currency)
    codes = before.codes if cart_input.codes is None else cart_input.codes
    with track_code_attempts(
        codes, before.codes, rate_limit_subject, code_attempts, idempotent_request.at
    ) as judged:
        result = _priced(
            lines,
            cart_input,
            cart_input.buyer,
            codes,
            idempotent_request.owner,
            pricing,
            idempotent_request.at,
            refuse_unknown=True,
            before=before,
        )
        judged(result.quote)
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
        expires_at=expiry_at(idempotent_request.at, CART_TTL),
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
    """Leave a cart: the last answer shows it, after that it is not found."""
    cart = carts.get(idempotent_request.owner, cart_id, idempotent_request.at)
    result = _as_it_stands(cart, pricing, idempotent_request.at)
    return StagedChange(CartResult(cart, result), (carts.delete_op(cart),))


def _as_shown(cart: Cart, quote: Quote) -> Cart:
    """The cart with what it is shown at now; what is not sold any more stays in it."""
    prices = {line.id: line.unit_price.minor for line in quote.lines}
    lines = tuple(
        replace(line, shown_price=prices.get(line.id, line.shown_price)) for line in cart.lines
    )
    return replace(
        cart, lines=lines, shown=PriceSnapshot.from_quote(quote), version=cart.version + 1
    )


def _as_it_stands(cart: Cart, pricing: PricingContext, at: datetime) -> PricedLines:
    return _priced(cart.lines, cart, cart.buyer, cart.codes, cart.owner, pricing, at, before=cart)


def _told_apart(
    before: Cart,
    now: PricedLines,
    variants: Mapping[str, tuple[Product, Variant]],
    *,
    rules: RuleSet,
    at: datetime,
    same: bool,
) -> tuple[Message, ...]:
    """What costs other than the cart was shown at, and not because its client asked for another.

    Unless it is ``same`` the cart as it was is priced beside what it is to be, with nothing looked
    up that is not ``known``. Nothing is said of a cart that cannot be priced any more: what is no
    longer sold is spoken of by itself.
    """
    seen = before.shown
    if seen is None:
        return ()
    if same:
        return price_change_messages(seen, before.lines, now.quote, now.items, rules)
    if any(line.variant_id not in variants for line in before.lines):
        return ()
    try:
        then = price_lines(
            before.lines,
            variants,
            rules=rules,
            at=at,
            country=before.country,
            channel=before.channel,
            destination=before.destination,
            currency=before.currency,
            codes=before.codes,
            customer=customer_facts(before.owner, before.buyer),
            limits_for=lambda basket: seen.limits_for(now.limits, rules),
        )
    except InvalidRequest:
        return ()
    return price_change_messages(seen, before.lines, then.quote, now.items, rules)


def _priced(
    lines: Sequence[CartLine],
    place: Cart | CartInput,
    buyer: Mapping[str, Any],
    codes: tuple[str, ...],
    owner: str,
    pricing: PricingContext,
    at: datetime,
    *,
    refuse_unknown: bool = False,
    before: Cart | None = None,
) -> PricedLines:
    """Lines with their prices, and what is to be said where these changed since ``before``."""
    were = before.lines if before is not None else ()
    known = pricing.catalogue.get_variants({line.variant_id: None for line in (*lines, *were)})
    if refuse_unknown and (refusal := unknown_items_error(lines, known)):
        raise refusal
    country, rules = place.country, pricing.rule_source.rules(at)
    now = price_lines(
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
        customer=customer_facts(owner, buyer),
        limits_for=pricing.remaining_limits(rules, usage_key(owner, buyer), at),
    )
    if before is None:
        return now
    same = _basis(before, before.lines, before.codes) == _basis(place, lines, codes)
    said = _told_apart(before, now, known, rules=rules, at=at, same=same)
    return replace(now, messages=(*now.messages, *said))


def _basis(
    of: Cart | CartInput, lines: Sequence[CartLine], codes: tuple[str, ...]
) -> tuple[object, ...]:
    """All of a client's own that decides what a cart costs."""
    requested_ids = [(line.id, line.variant_id, line.quantity) for line in lines]
    place = of.country, of.region, of.postal_code
    return requested_ids, codes, place, of.currency, of.channel, of.buyer.get("tax_id")
