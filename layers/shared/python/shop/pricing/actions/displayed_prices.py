"""The displayed price of an article, and its history.

Business rules: docs/rules/pricing.md §11.3 and §11.4.

The displayed price follows from three append-only records: the prices of a variant, the price lists
with their revisions, and the promotions with their times. The history is not stored: the engine of
the quotes replays it from these records. A promotion on all goods therefore writes one row, and not
a row for each article.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from shop.catalog.model import PriceTag, PriceTags, Product, ProductCard, Variant, category_names
from shop.catalog.ports import ProductCatalog
from shop.kernel.frozen import frozen
from shop.kernel.money import Money
from shop.pricing.actions.price_change_instants import change_instants
from shop.pricing.model.basket import Basket, BasketLine
from shop.pricing.model.price_history import PriceHistory, PricePoint, PriceReduction
from shop.pricing.model.price_lists import has_price
from shop.pricing.model.promotions import Promotion
from shop.pricing.model.rule_set import RuleSet
from shop.pricing.model.trace import PricingStep, TraceEntry
from shop.pricing.model.usage_limits import NO_USAGE, UsageLimits
from shop.pricing.ports import UsageLimitReader

if TYPE_CHECKING:
    from shop.pricing.model.quote import Quote

MAX_CACHED_HISTORIES = 5_000
"""Price histories that are cached with one rule set."""


@frozen
class PriceContext:
    """Market and channel in which a price is displayed; ``currency`` if one is requested."""

    market: str
    currency: str | None = None
    channel: str = "web"

    @classmethod
    def of(
        cls, rules: RuleSet, country: str | None, currency: str | None, channel: str = "web"
    ) -> "PriceContext":
        """Return the context of a country, in the market's currency if none is requested."""
        market = rules.market_of(country)
        return cls(market.id, currency or market.currency, channel)


@frozen
class _Display:
    """The rules, the instant and the context under which prices are displayed."""

    rules: RuleSet
    at: datetime
    context: PriceContext

    def in_currency(self, currency: str) -> "_Display":
        return replace(self, context=replace(self.context, currency=currency))


def basket_line(
    product: Product, variant: Variant, *, id: str, title: str, quantity: int
) -> BasketLine:
    """Return the basket line of a variant."""
    return BasketLine(
        id=id,
        product_id=product.id,
        variant_id=variant.id,
        sku=variant.sku,
        title=title,
        unit_price=variant.price,
        quantity=quantity,
        categories=category_names(product.categories),
        weight_g=variant.weight_g,
        tax_class=variant.tax_class,
        compare_at=variant.list_price,
    )


def price_tags_for_products(
    products: Iterable[Product],
    *,
    rules: RuleSet,
    at: datetime,
    context: PriceContext,
    limits: UsageLimitReader | None = None,
) -> PriceTags:
    """Return the tags of variants on sale whose displayed price is not the catalog's.

    A variant without a price in the requested currency is displayed in its own currency.
    """
    display = _Display(rules, at, context)
    variants = [(product, variant) for product in products for variant in product.on_sale]
    lines = [basket_line(p, v, id=v.id, title=v.title, quantity=1) for p, v in variants]
    affected = {line.id for line in _affected_lines(lines, rules, at)}
    usage = NO_USAGE
    # Limits are read only if a rule affects the goods: most pages need no read.
    if affected and limits is not None:
        limited = tuple(line for line in lines if line.id in affected)
        usage = limits.limits_for(_basket(limited, context, None), rules, None)
    tags: dict[str, PriceTag] = {}
    for (_, variant), line in zip(variants, lines, strict=True):
        if line.id in affected:
            tags[variant.id] = _price_tag(variant, line, display, usage)
        elif variant.list_price is not None and variant.price < variant.list_price:
            # Only the catalog reduces it: no rule to evaluate, but a reference price to display.
            tag = PriceTag(variant.price, variant.list_price)
            tags[variant.id] = _with_reference(tag, variant, line, display)
    return PriceTags(tags)


def price_tags_for_cards(
    cards: Sequence[ProductCard],
    *,
    catalog: ProductCatalog,
    rules: RuleSet,
    at: datetime,
    context: PriceContext,
    limits: UsageLimitReader | None = None,
) -> PriceTags:
    """Return the tags of a list of cards.

    A card has neither all variants nor their past prices. The products of affected cards are
    therefore read, in one batch. A list without affected cards reads nothing.
    """
    affected = {line.id for line in _affected_lines([_featured_line(c) for c in cards], rules, at)}
    affected |= rules.products_with_variant_rules
    product_ids = [
        card.product_id for card in cards if card.list_prices or card.product_id in affected
    ]
    if not product_ids:
        return PriceTags()
    products = catalog.get_many(product_ids)
    tags = price_tags_for_products(
        products.values(), rules=rules, at=at, context=context, limits=limits
    )
    return replace(tags, products=products)


def with_lowest_prior_prices(
    quote: "Quote",
    items: Iterable[tuple[Variant, BasketLine]],
    *,
    rules: RuleSet,
    context: PriceContext,
) -> "Quote":
    """Add the reference price of each reduced line to a quote and its trace (§11.1).

    A reduction for some customers only (of a group, or by a code) has no reference price.
    """
    display = _Display(rules, quote.at, replace(context, currency=quote.currency))
    by_id = rules.promotion_index.by_id
    lines, entries = [], []
    items_by_line = {line.id: (variant, line) for variant, line in items}
    for quote_line in quote.lines:
        reduced_by_promotion = any(
            (candidate := by_id.get(discount.promotion_id)) is not None
            and candidate.step is PricingStep.LINES
            for discount in quote_line.discounts
        )
        reduced_by_list = (
            quote_line.compare_at is not None and quote_line.unit_price < quote_line.compare_at
        )
        reduction = None
        if reduced_by_promotion or reduced_by_list:
            variant, line = items_by_line[quote_line.id]
            reduction = _current_reduction(variant, line, display)
        if reduction is None or reduction.lowest is None:
            lines.append(quote_line)
            continue
        lines.append(replace(quote_line, lowest_30_days=reduction.lowest))
        entries.append(
            TraceEntry(
                PricingStep.PRICE,
                "lowest_30_days",
                False,
                reduction.lowest.minor,
                detail=f"before {rules.market(context.market).day(reduction.began)}",
                lines=(quote_line.id,),
            )
        )
    if not entries:
        return quote
    return replace(quote, lines=tuple(lines), trace=(*entries, *quote.trace))


def replay_price_history(
    variant: Variant,
    line: BasketLine,
    *,
    rules: RuleSet,
    at: datetime,
    context: PriceContext,
    currency: str,
) -> PriceHistory:
    """Return the displayed prices of one unit up to ``at``, in one currency."""
    return _replay(variant, line, _Display(rules, at, context), currency)


def _current_reduction(
    variant: Variant, line: BasketLine, display: _Display
) -> PriceReduction | None:
    """Return the reduction in force with its reference, or ``None``."""
    currency = display.context.currency or variant.price.currency
    return _replay(variant, line, display, currency).reduction(display.at)


def _replay(variant: Variant, line: BasketLine, display: _Display, currency: str) -> PriceHistory:
    """Replay the price history, or return the one cached with the rules."""
    at, cache = display.at, display.rules.price_history_cache
    key = (variant.id, variant.price_marks, display.context, currency, line.categories)
    cached = cache.get(key)
    # A history holds until the next instant at which a price can change.
    if cached is None or not cached[0] <= at < cached[1]:
        history, until = _replayed_history(variant, line, display, currency)
        cached = (at, until, history)
        if len(cache) >= MAX_CACHED_HISTORIES:
            cache.clear()
        cache[key] = cached
    return cached[2]


def _replayed_history(
    variant: Variant, line: BasketLine, display: _Display, currency: str
) -> tuple[PriceHistory, datetime]:
    """Price one unit at every past instant at which its price may change.

    Return the history, and the next such instant.
    """
    rules, at = display.rules, display.at
    articles = frozenset((line.variant_id, line.product_id))
    lists = [listed.restricted_to(articles) for listed in rules.price_lists]
    lists = [
        listed
        for listed in lists
        if listed.entries or any(revision.entries for revision in listed.revisions)
    ]
    promotions = _promotions_on(line, rules)
    # The policy decides how promotions stack: without promotions it changes no price.
    policy_changes = {r.until for r in rules.policy_revisions} if promotions else set()
    instants = sorted(change_instants(variant, lists, promotions, at) | policy_changes)
    history = PriceHistory(variant.id)
    for instant in instants:
        if instant > at:
            return history, instant
        mark = next((m for m in reversed(variant.price_marks) if m.since <= instant), None)
        if mark is None:
            continue  # §11.2: prices count from the first sale on
        past_line = replace(line, unit_price=mark.price, compare_at=mark.list_price, quantity=1)
        past_rules = replace(
            rules.with_policy_at(instant),
            price_lists=tuple(
                past_list
                for past_list in (listed.as_of(instant) for listed in lists)
                if past_list is not None
            ),
            promotions=promotions,
            ended_promotions=(),
            policy_revisions=(),
        )
        past_display = _Display(past_rules, instant, display.context)
        prices = _displayed_price(past_line, past_display, currency, NO_USAGE)
        if prices is not None:
            price, regular = prices
            point = PricePoint(instant, price, regular if price < regular else None)
            history = history.with_price(point)
    return history, datetime.max.replace(tzinfo=at.tzinfo)


def _price_tag(
    variant: Variant, line: BasketLine, display: _Display, limits: UsageLimits
) -> PriceTag:
    currency = display.context.currency or variant.price.currency
    prices = _displayed_price(line, display, currency, limits)
    if prices is None:
        display = display.in_currency(variant.price.currency)
        prices = _displayed_price(line, display, variant.price.currency, limits)
    if prices is None:  # pragma: no cover - a variant has a price in its own currency
        return PriceTag(variant.price, variant.list_price)
    price, regular = prices
    if price >= regular:
        return PriceTag(price)
    return _with_reference(PriceTag(price, regular), variant, line, display)


def _with_reference(
    tag: PriceTag, variant: Variant, line: BasketLine, display: _Display
) -> PriceTag:
    """Add the lowest prior price and the percentage below it (§11.1)."""
    reduction = _current_reduction(variant, line, display.in_currency(tag.price.currency))
    if reduction is None or reduction.lowest is None:
        return tag
    lowest, percent = reduction.lowest, 0
    if tag.price < lowest:
        percent = (lowest.minor - tag.price.minor) * 100 // lowest.minor
    return replace(tag, lowest=lowest, percent=percent)


def _displayed_price(
    line: BasketLine, display: _Display, currency: str, limits: UsageLimits
) -> tuple[Money, Money] | None:
    """Return the price of one unit for every customer, and the price before reductions.

    Return ``None`` if the line has no price in the currency.
    """
    from shop.pricing.model.engine import calculate_quote  # lazy: pages without rules need none

    rules = display.rules
    basket = _basket((line,), display.context, currency)
    if not has_price(basket, rules.price_lists_by_priority, display.at):
        return None
    quote = calculate_quote(basket, rules, display.at, limits)
    (quote_line,) = quote.lines
    by_id = rules.promotion_index.by_id
    discount = sum(
        d.amount.minor
        for d in quote_line.discounts
        if by_id[d.promotion_id].step is PricingStep.LINES
    )
    regular = quote_line.unit_price
    if quote_line.compare_at is not None and quote_line.compare_at > regular:
        regular = quote_line.compare_at
    return quote_line.unit_price - Money(discount, currency), regular


def _basket(lines: tuple[BasketLine, ...], context: PriceContext, currency: str | None) -> Basket:
    currency = currency or lines[0].unit_price.currency
    return Basket(lines, currency, market=context.market, channel=context.channel)


def _affected_lines(
    lines: Sequence[BasketLine], rules: RuleSet, at: datetime
) -> Iterator[BasketLine]:
    """Yield the lines whose displayed price a rule for every customer may change now."""
    promoted = {
        number
        for candidate, numbers in rules.promotion_index.candidates_for(lines)
        if candidate.step is PricingStep.LINES
        and not candidate.code_required
        and not candidate.promotion.reason_not_running(at)
        for number in numbers
    }
    listed = rules.publicly_listed_articles
    for number, line in enumerate(lines):
        if number in promoted or line.variant_id in listed or line.product_id in listed:
            yield line


def _featured_line(card: ProductCard) -> BasketLine:
    """Return the line of a card's featured variant, under the id of its product."""
    featured = card.featured
    return BasketLine(
        card.product_id,
        card.product_id,
        featured.id,
        featured.sku,
        featured.title,
        featured.price,
        1,
        category_names(card.categories),
    )


def _promotions_on(line: BasketLine, rules: RuleSet) -> tuple[Promotion, ...]:
    """Return current and past promotions that affect a displayed price."""
    return tuple(
        promotion
        for promotion in (*rules.promotions, *rules.ended_promotions)
        if promotion.effect.step is PricingStep.LINES
        and not promotion.code_required
        and promotion.published
        and promotion.goods.contains(line)
    )
