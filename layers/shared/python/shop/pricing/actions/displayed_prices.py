"""The price tag: what one unit is announced at to anybody, and what it did cost before.

The price announced follows from three records that only grow: the prices of a variant (written with
the product), the price lists with their past, and the promotions with their times. So the history
of a price is not written a second time for every article that a promotion on everything touches; it
is played back, instant by instant, by the engine that also makes the quotes.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from shop.catalog.model import PriceTag, PriceTags, Product, ProductCard, Variant, category_names
from shop.catalog.ports import ProductCatalog
from shop.kernel.errors import InvalidRequest
from shop.kernel.frozen import frozen
from shop.kernel.money import Money
from shop.pricing.model.basket import Basket, BasketLine
from shop.pricing.model.price_history import PriceHistory, PricePoint, PriceReduction
from shop.pricing.model.price_lists import PriceList
from shop.pricing.model.promotions import Promotion
from shop.pricing.model.rule_set import RuleSet
from shop.pricing.model.targeting import Window, zone
from shop.pricing.model.trace import PricingStage, TraceEntry
from shop.pricing.model.usage_limits import NO_USAGE, UsageLimits
from shop.pricing.ports import UsageLimitReader

if TYPE_CHECKING:
    from shop.pricing.model.quote import Quote

RECURRING_LOOKBACK = timedelta(days=62)
"""How far back hours and weekdays are looked at one by one: a reduction and the month before it."""
MAX_CACHED_HISTORIES = 5_000
"""Histories that a rule book keeps at most."""


@frozen
class PriceContext:
    """Where a price is announced. ``currency`` is what prices are asked in, if anybody said."""

    market: str
    currency: str | None = None
    channel: str = "web"


def basket_line(
    product: Product, variant: Variant, *, id: str, title: str, quantity: int
) -> BasketLine:
    """A variant as pricing looks at it."""
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
    """The tags of all variants on sale that are not simply announced as the catalogue has them.

    ``standings`` are asked only where a flash sale with a quota is about the goods. What has no
    price in the currency asked for is announced in its own.
    """
    shown = [(product, variant) for product in products for variant in product.on_sale]
    lines = [basket_line(p, v, id=v.id, title=v.title, quantity=1) for p, v in shown]
    touched = {line.id for line in _touched(lines, rules, at)}
    standing = NO_USAGE
    if touched and limits is not None:
        wanted = tuple(line for line in lines if line.id in touched)
        standing = limits.limits_for(_basket(wanted, context, None), rules, None)
    tags: dict[str, PriceTag] = {}
    for (_, variant), line in zip(shown, lines, strict=True):
        if line.id in touched:
            tags[variant.id] = _tag(variant, line, rules, at, context, standing)
        elif variant.list_price is not None and variant.price < variant.list_price:
            tags[variant.id] = _with_reference(
                PriceTag(variant.price, variant.list_price), variant, line, rules, at, context
            )
    return PriceTags(tags)


def price_tags_for_cards(
    cards: Sequence[ProductCard],
    *,
    catalogue: ProductCatalog,
    rules: RuleSet,
    at: datetime,
    context: PriceContext,
    limits: UsageLimitReader | None = None,
) -> PriceTags:
    """The tags of a list. Products are read, all in one go, only where something is reduced or a
    rule is about a product on it: a card does not know all of its variants, nor their past.
    """
    touched = {line.id for line in _touched([_featured(card) for card in cards], rules, at)}
    touched |= rules.products_by_variant
    wanted = [card.product_id for card in cards if card.list_prices or card.product_id in touched]
    if not wanted:
        return PriceTags()
    products = catalogue.get_many(wanted)
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
    """A quote with the lowest price of the thirty days before beside each line that is reduced.

    Each stands in the trace, too. A reduction that is not announced to everybody (a customer
    group's, a code's) has no such reference.
    """
    known = rules.plan.by_id
    lines, notes = [], []
    told = {line.id: (variant, line) for variant, line in items}
    for quoted in quote.lines:
        by_rule = any(
            (candidate := known.get(d.promotion_id)) is not None
            and candidate.step is PricingStage.LINES
            for d in quoted.discounts
        )
        compared = quoted.compare_at is not None and quoted.unit_price < quoted.compare_at
        reduction = None
        if by_rule or compared:
            variant, line = told[quoted.id]
            here = replace(context, currency=quote.currency)
            reduction = current_reduction(variant, line, rules=rules, at=quote.at, context=here)
        if reduction is None or reduction.lowest is None:
            lines.append(quoted)
            continue
        lines.append(replace(quoted, lowest_30_days=reduction.lowest))
        notes.append(
            TraceEntry(
                PricingStage.PRICE,
                "lowest_30_days",
                False,
                reduction.lowest.minor,
                detail=f"before {reduction.began:%Y-%m-%d}",
                lines=(quoted.id,),
            )
        )
    if not notes:
        return quote
    return replace(quote, lines=tuple(lines), trace=(*notes, *quote.trace))


def current_reduction(
    variant: Variant, line: BasketLine, *, rules: RuleSet, at: datetime, context: PriceContext
) -> PriceReduction | None:
    """The reduction that runs now, with its reference; ``None`` where the price is not reduced."""
    currency = context.currency or variant.price.currency
    return replay_price_history(
        variant, line, rules=rules, at=at, context=context, currency=currency
    ).reduction(at)


def replay_price_history(
    variant: Variant,
    line: BasketLine,
    *,
    rules: RuleSet,
    at: datetime,
    context: PriceContext,
    currency: str,
) -> PriceHistory:
    """What one unit was announced at to anybody, up to ``at``. Kept until a price can change."""
    key = (variant.id, variant.price_marks, context, currency, line.categories)
    stored = rules.histories.get(key)
    if stored is None or not stored[0] <= at < stored[1]:
        points, until = _played_back(variant, line, rules, at, context, currency)
        stored = (at, until, PriceHistory(variant.id, points))
        if len(rules.histories) >= MAX_CACHED_HISTORIES:
            rules.histories.clear()
        rules.histories[key] = stored
    return stored[2]


def _played_back(
    variant: Variant,
    line: BasketLine,
    rules: RuleSet,
    at: datetime,
    context: PriceContext,
    currency: str,
) -> tuple[tuple[PricePoint, ...], datetime]:
    articles = frozenset((line.variant_id, line.product_id))
    lists = [found.restricted_to(articles) for found in rules.price_lists]
    lists = [found for found in lists if found.entries or any(c.entries for c in found.revisions)]
    promotions = _about_line(rules, line)
    changes = {policy.until for policy in rules.policies} if promotions else set()
    instants = sorted(_instants(variant, lists, promotions, at) | changes)
    now = {instant for instant in instants if instant <= at}
    history = PriceHistory(variant.id)
    for instant in sorted(now):
        mark = next((m for m in reversed(variant.price_marks) if m.since <= instant), None)
        if mark is None:
            continue  # it was not on sale yet
        then = replace(line, unit_price=mark.price, compare_at=mark.list_price, quantity=1)
        stood = tuple(n for n in (found.as_of(instant) for found in lists) if n is not None)
        policy = rules.as_of_policy(instant)
        these = replace(policy, price_lists=stood, promotions=promotions, past=(), policies=())
        found = _asked(then, these, instant, context, currency, NO_USAGE)
        if found is not None:
            price, regular = found
            point = PricePoint(instant, price, regular if price < regular else None)
            history = history.with_price(point)
    until = min((i for i in instants if i > at), default=datetime.max.replace(tzinfo=at.tzinfo))
    return history.points, until


def _tag(
    variant: Variant,
    line: BasketLine,
    rules: RuleSet,
    at: datetime,
    context: PriceContext,
    limits: UsageLimits,
) -> PriceTag:
    currency = context.currency or variant.price.currency
    found = _asked(line, rules, at, context, currency, limits)
    if found is None:
        currency = variant.price.currency
        context = replace(context, currency=None)
        found = _asked(line, rules, at, context, currency, limits)
    if found is None:  # pragma: no cover - a variant has a price in its own currency
        return PriceTag(variant.price, variant.list_price)
    price, regular = found
    if price >= regular:
        return PriceTag(price)
    return _with_reference(PriceTag(price, regular), variant, line, rules, at, context)


def _with_reference(
    tag: PriceTag,
    variant: Variant,
    line: BasketLine,
    rules: RuleSet,
    at: datetime,
    context: PriceContext,
) -> PriceTag:
    here = replace(context, currency=tag.price.currency)
    reduction = current_reduction(variant, line, rules=rules, at=at, context=here)
    if reduction is None or reduction.lowest is None:
        return tag
    lowest, percent = reduction.lowest, 0
    if tag.price < lowest:
        percent = (lowest.minor - tag.price.minor) * 100 // lowest.minor
    return replace(tag, lowest=lowest, percent=percent)


def _asked(
    line: BasketLine,
    rules: RuleSet,
    at: datetime,
    context: PriceContext,
    currency: str,
    limits: UsageLimits,
) -> tuple[Money, Money] | None:
    """What one unit costs anybody, and what that is off; ``None`` without a price in it."""
    # lazy: browsing starts without the engine
    from shop.pricing.model.engine import calculate_quote

    try:
        quote = calculate_quote(_basket((line,), context, currency), rules, at, limits)
    except InvalidRequest as refusal:
        if refusal.code != "no_price_in_currency":
            raise
        return None
    (told,) = quote.lines
    known = rules.plan.by_id
    off = sum(
        d.amount.minor for d in told.discounts if known[d.promotion_id].step is PricingStage.LINES
    )
    regular = told.unit_price
    if told.compare_at is not None and told.compare_at > regular:
        regular = told.compare_at
    return told.unit_price - Money(off, currency), regular


def _basket(lines: tuple[BasketLine, ...], context: PriceContext, currency: str | None) -> Basket:
    money = currency or lines[0].unit_price.currency
    return Basket(lines, money, market=context.market, channel=context.channel)


def _touched(lines: Sequence[BasketLine], rules: RuleSet, at: datetime) -> Iterator[BasketLine]:
    """Those lines whose tag a rule that is for everybody may change now."""
    promoted = {
        number
        for candidate, numbers in rules.plan.candidates_for(lines)
        if candidate.step is PricingStage.LINES
        and not candidate.code_required
        and not candidate.promotion.reason_not_running(at)
        for number in numbers
    }
    listed = rules.listed_for_all
    for number, line in enumerate(lines):
        if number in promoted or line.variant_id in listed or line.product_id in listed:
            yield line


def _featured(card: ProductCard) -> BasketLine:
    """The featured variant, under its product's id: it stands for all."""
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


def _about_line(rules: RuleSet, line: BasketLine) -> tuple[Promotion, ...]:
    """Promotions of now and then that change what one unit of it is announced at."""
    return tuple(
        promotion
        for promotion in (*rules.promotions, *rules.past)
        if promotion.effect.step is PricingStage.LINES
        and not promotion.code_required
        and promotion.published
        and promotion.goods.contains(line)
    )


def _instants(
    variant: Variant,
    lists: Sequence[PriceList],
    promotions: Sequence[Promotion],
    at: datetime,
) -> set[datetime]:
    """Every instant at which the price can have changed, or will."""
    found = {mark.since for mark in variant.price_marks}
    for price_list in lists:
        heads = [price_list.head, *(c.head for c in price_list.revisions if c.head is not None)]
        found.update(change.until for change in price_list.revisions)
        found.update([price_list.created_at] if price_list.created_at else [])
        for head in heads:
            found.update(_edges(head.window, at))
    for promotion in promotions:
        found.update(_edges(promotion.conditions.window, at))
        found.update(i for i in (promotion.published_at, promotion.ended_at) if i is not None)
    return found


def _edges(window: Window, at: datetime) -> Iterator[datetime]:
    yield from (edge for edge in (window.starts, window.ends) if edge is not None)
    if not window.weekdays and window.hours is None:
        return
    place = zone(window.zone)
    clocks = window.hours or (time(0), time(0))
    first = (at - RECURRING_LOOKBACK).astimezone(place).date()
    for day in range(RECURRING_LOOKBACK.days + 3):
        for clock in dict.fromkeys(clocks):
            yield datetime.combine(first + timedelta(days=day), clock, place)
