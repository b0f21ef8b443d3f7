"""Prices of lines: from the lines of a cart or checkout to a quote with its messages."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from shop.cart.model.cart import CartItem, CartLine, title
from shop.cart.model.messages import Message, missing_gift_messages, sale_limit_messages
from shop.catalog.model import Product, Variant
from shop.kernel.errors import InvalidRequest
from shop.kernel.frozen import frozen
from shop.kernel.money import MAX_SAFE_INTEGER, Money
from shop.places.model.destination import Destination
from shop.pricing.actions.displayed_prices import (
    PriceContext,
    basket_line,
    with_lowest_prior_prices,
)
from shop.pricing.actions.quotes import quote
from shop.pricing.model.basket import Basket, BasketLine, CustomerFacts
from shop.pricing.model.quote import REVERSE_CHARGE_NOTICE, Quote
from shop.pricing.model.rule_set import Market, RuleSet
from shop.pricing.model.usage_limits import NO_USAGE, UsageLimits

VariantsById = Mapping[str, tuple[Product, Variant]]
LimitsFor = Callable[[Basket], UsageLimits]
"""Returns the remaining uses of codes, quotas and gifts for a basket."""


@frozen(slots=False)
class PricingFacts:
    """Everything besides the lines that decides the price of a cart or checkout.

    ``shipping`` is the price of the shipping option chosen and ``shipping_method`` its id.
    """

    destination: Destination | None = None
    currency: str | None = None
    channel: str = "web"
    codes: tuple[str, ...] = ()
    customer: CustomerFacts | None = None
    shipping: Money | None = None
    shipping_method: str | None = None

    def market_in(self, rules: RuleSet) -> Market:
        """Return the market of the destination; the first one before a country is known."""
        return rules.market_for(self.destination)


@frozen(slots=False)
class PricedLines:
    """Lines with their quote and the messages about them."""

    items: tuple[CartItem, ...]
    quote: Quote
    messages: tuple[Message, ...] = ()
    limits: UsageLimits = NO_USAGE
    """The remaining uses that the quote was calculated with."""

    @property
    def lines(self) -> tuple[CartLine, ...]:
        """Return the lines with the prices that are shown now."""
        return tuple(
            replace(item.line, shown_price=self.quote.line(item.line.id).unit_price.minor)
            for item in self.items
        )


def price_lines(
    lines: Iterable[CartLine],
    variants: VariantsById,
    facts: PricingFacts,
    *,
    rules: RuleSet,
    at: datetime,
    limits_for: LimitsFor = lambda basket: NO_USAGE,
    explain: bool = False,
) -> PricedLines:
    """Price lines under the rules of an instant.

    Lines whose variant is not sold are left out, with a warning. A currency in which a line has no
    price is replaced by the first line's, with a warning. A code without effect gets a warning.
    ``explain`` adds to the trace the promotions that do not concern the lines.

    Raises :class:`InvalidRequest`: ``currency_mismatch`` for lines without a common currency,
    ``amount_out_of_range`` for a total that JSON numbers cannot hold exactly.
    """
    items, messages = _resolve(lines, variants)
    market = facts.market_in(rules)
    own_currency = items[0].variant.price.currency if items else market.currency or "USD"
    currency = facts.currency or market.currency or own_currency

    # Phase 1: quote in the requested currency, else in the currency of the goods.
    quoted = _quote_in(currency, items, facts, rules, at, limits_for, explain)
    if quoted is None and currency != own_currency:
        # The market's currency is only a default: no client asked for it.
        if facts.currency is not None:
            messages.append(_currency_not_offered_message(currency, own_currency))
        quoted = _quote_in(own_currency, items, facts, rules, at, limits_for, explain)
    if quoted is None:
        raise _currency_mismatch_error(items, own_currency)
    result, limits = quoted
    # Phase 2: add the lowest prior prices of reduced items (Directive 98/6/EC, Art. 6a).
    result = with_lowest_prior_prices(
        result,
        [(item.variant, _basket_line(item)) for item in items],
        rules=rules,
        context=PriceContext(market.id, channel=facts.channel),
    )
    # Phase 3: check the range and collect messages.
    if max(result.subtotal.minor, result.total.minor) > MAX_SAFE_INTEGER:
        raise InvalidRequest(
            f"The total must be at most {Money(MAX_SAFE_INTEGER, result.currency)}. "
            "Reduce the quantities.",
            code="amount_out_of_range",
            path="$.line_items",
        )
    messages += _quote_messages(result, rules)
    messages += sale_limit_messages(
        result, rules, limits, lambda: [_basket_line(item) for item in items]
    )
    return PricedLines(tuple(items), result, tuple(messages), limits)


def _quote_in(
    currency: str,
    items: Sequence[CartItem],
    facts: PricingFacts,
    rules: RuleSet,
    at: datetime,
    limits_for: LimitsFor,
    explain: bool,
) -> tuple[Quote, UsageLimits] | None:
    """Return a quote and its limits; ``None`` if an item has no price in the currency."""
    basket = _basket(items, currency, facts, facts.market_in(rules).id)
    limits = limits_for(basket)
    basket = limits.enrich(basket)
    try:
        return quote(basket, rules=rules, at=at, limits=limits, explain=explain), limits
    except InvalidRequest as error:
        # Price lists decide, deep in the engine, whether an item has a price in a currency.
        if error.code != "no_price_in_currency":
            raise
        return None


def _resolve(
    lines: Iterable[CartLine], variants: VariantsById
) -> tuple[list[CartItem], list[Message]]:
    items, messages = [], []
    for line in lines:
        if line.variant_id in variants:
            items.append(CartItem(line, *variants[line.variant_id]))
        else:
            text = f"{line.variant_id} is no longer sold. It was removed."
            messages.append(Message("warning", "item_unavailable", text))
    return items, messages


def _basket(items: Sequence[CartItem], currency: str, facts: PricingFacts, market: str) -> Basket:
    return Basket(
        lines=tuple(_basket_line(item) for item in items),
        currency=currency,
        market=market,
        channel=facts.channel,
        customer=facts.customer,
        destination=facts.destination,
        shipping=facts.shipping,
        shipping_method=facts.shipping_method,
        codes=facts.codes,
    )


def _basket_line(item: CartItem) -> BasketLine:
    return basket_line(
        item.product,
        item.variant,
        id=item.line.id,
        title=title(item),
        quantity=item.line.quantity,
    )


def _quote_messages(quote: Quote, rules: RuleSet) -> list[Message]:
    messages = missing_gift_messages(quote, rules)
    if quote.reverse_charge:
        messages.append(Message("info", "reverse_charge", REVERSE_CHARGE_NOTICE, "$.buyer.tax_id"))
    messages += [
        Message(
            "warning",
            outcome.reason,
            f"{outcome.code}: {outcome.detail}",
            f"$.discounts.codes[{index}]",
        )
        for index, outcome in enumerate(quote.codes)
        if not outcome.applied
    ]
    return messages


def _currency_not_offered_message(requested: str, offered: str) -> Message:
    return Message(
        "warning",
        "currency_not_offered",
        f"Some lines have no price in {requested}. Prices are in {offered}.",
        "$.context.currency",
    )


def _currency_mismatch_error(items: Sequence[CartItem], currency: str) -> InvalidRequest:
    """Return the error for the first line that has no price in the currency of the first one."""
    index, item = next(
        (index, item) for index, item in enumerate(items) if item.variant.price.currency != currency
    )
    return InvalidRequest(
        f"{item.line.variant_id} is sold in {item.variant.price.currency} and the first line in "
        f"{currency}. Buy them in separate carts.",
        code="currency_mismatch",
        path=f"$.line_items[{index}].item.id",
    )
