"""A cart, and how its lines become a priced basket.

A cart keeps what the shopper chose, never what it costs: the shop prices it whenever it is shown.
The checkout prices its lines by the same function, so a price has one origin.
"""

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime, timedelta
from typing import Any

from shop.catalog.model import Product, Variant
from shop.inventory.model import BackorderKind, Demand, StockLevel
from shop.inventory.model.kits import expand_kits, find_kits, missing_units
from shop.kernel.errors import InvalidRequest, Problem
from shop.kernel.frozen import frozen
from shop.kernel.ids import derived_id
from shop.kernel.money import MAX_SAFE_INTEGER, Money
from shop.pricing.actions.displayed_prices import (
    PriceContext,
    basket_line,
    with_lowest_prior_prices,
)
from shop.pricing.actions.quotes import quote
from shop.pricing.model.basket import Basket, BasketLine, CustomerFacts, Destination
from shop.pricing.model.effects import FreeGift
from shop.pricing.model.price_snapshot import PRICE_CHANGED, PriceSnapshot
from shop.pricing.model.quote import REVERSE_CHARGE_NOTICE, Quote
from shop.pricing.model.rule_set import RuleSet, market_of
from shop.pricing.model.usage_limits import NO_USAGE, UsageLimits

CART_TTL = timedelta(days=30)
"""How long an untouched cart is kept."""

GIFT_LINE_PREFIX = "gift:"
"""What the ids of lines begin with that the shop gives along; clients send them back unread."""

MAX_LINES = 2_000
"""The longest real invoice known has 1,114 lines."""


@frozen(slots=False)
class CartLine:
    """A quantity of one variant. ``seen`` is the unit price last shown for it, in minor units."""

    id: str
    variant_id: str
    quantity: int
    shown_price: int | None = None


@frozen(slots=False)
class Message:
    """Something to tell whoever holds the cart or checkout; ``path`` is a JSONPath into the answer.

    ``type`` is ``error``, ``warning`` or ``info``; ``severity`` is UCP's and only errors have one.
    """

    type: str
    code: str
    content: str
    path: str | None = None
    severity: str | None = None


@frozen(slots=False)
class CartItem:
    """A line with what it is a line of."""

    line: CartLine
    product: Product
    variant: Variant


@frozen(slots=False)
class PricedLines:
    """Lines with their prices and everything that must be said about them."""

    items: tuple[CartItem, ...]
    quote: Quote
    messages: tuple[Message, ...] = ()
    limits: UsageLimits = NO_USAGE
    """What was left of limited things when it was priced."""

    @property
    def lines(self) -> tuple[CartLine, ...]:
        """The lines as they stand, with the prices now shown."""
        return tuple(
            replace(item.line, shown_price=self.quote.line(item.line.id).unit_price.minor)
            for item in self.items
        )


@frozen(slots=False)
class Cart:
    """See the module. ``country`` and ``region`` are what is known of where the shopper is."""

    id: str
    owner: str
    lines: tuple[CartLine, ...]
    currency: str
    created_at: datetime
    expires_at: datetime
    country: str | None = None
    region: str | None = None
    postal_code: str | None = None
    buyer: Mapping[str, Any] = field(default_factory=dict)
    attribution: Mapping[str, Any] = field(default_factory=dict)
    channel: str = "web"
    codes: tuple[str, ...] = ()
    """Discount codes as they were typed, those too that take nothing off at present."""
    shown: PriceSnapshot | None = None
    """What it was shown at when it was written last; ``None`` where nobody noted that."""
    version: int = 1

    @property
    def destination(self) -> Destination | None:
        """As far as it is known; ``None`` before a country is."""
        if self.country is None:
            return None
        return Destination(self.country, self.region, self.postal_code)


def expiry_at(at: datetime, kept: timedelta) -> datetime:
    """The end of a time span in whole seconds, as tables keep it: shown now as shown later."""
    return (at + kept).replace(microsecond=0)


def assign_line_ids(
    requested: Sequence[tuple[str | None, str, int]], before: Sequence[CartLine] = ()
) -> tuple[CartLine, ...]:
    """Give ids to lines of ``(id or None, variant id, quantity)``.

    A line that names its id keeps it, as does one whose variant stood in the cart before; so a
    client that does not send ids still sees stable ones. Raises Invalid for an id used twice.
    """
    prices = {line.id: line for line in before}
    by_variant: dict[str, list[str]] = {}
    named = {given for given, _, _ in requested if given}
    for line in before:
        if line.id not in named:
            by_variant.setdefault(line.variant_id, []).append(line.id)
    used: set[str] = set()
    lines = []
    highest = max(
        (int(n[3:]) for n in [*prices, *named] if n.startswith("li_") and n[3:].isdigit()),
        default=0,
    )
    for index, (given, variant_id, quantity) in enumerate(requested):
        line_id = given
        if line_id is None and by_variant.get(variant_id):
            line_id = by_variant[variant_id].pop(0)
        if line_id is None:
            highest += 1
            line_id = f"li_{highest}"
        if line_id in used:
            raise InvalidRequest(
                f"two lines are called {line_id}",
                code="line_id_repeated",
                path=f"$.line_items[{index}].id",
            )
        used.add(line_id)
        known = prices.get(line_id)
        seen = known.shown_price if known and known.variant_id == variant_id else None
        lines.append(CartLine(line_id, variant_id, quantity, seen))
    return tuple(lines)


def usage_key(owner: str, buyer: Mapping[str, Any]) -> str | None:
    """The name under which somebody's uses of coupons and sales are counted.

    A guest is known by the mailbox, in a form that does not tell it; before there is one, by
    nothing.
    """
    if owner != "guest":
        return owner
    mailbox = _mailbox(str(buyer.get("email") or ""))
    return derived_id("mail", mailbox) if mailbox else None


def _mailbox(email: str) -> str:
    """One form for the ways to write one mailbox: case, ``+tag``, and Gmail's dots say nothing."""
    name, at, domain = unicodedata.normalize("NFKC", email).strip().casefold().rpartition("@")
    if not at:
        return ""
    name = name.split("+", 1)[0] or name
    if domain in ("gmail.com", "googlemail.com"):
        name, domain = name.replace(".", "") or name, "gmail.com"
    return f"{name}@{domain}"


def customer_facts(owner: str, buyer: Mapping[str, Any]) -> CustomerFacts | None:
    """What the rules know of whoever a cart belongs to, as whom it is bought."""
    vat_id = buyer.get("tax_id")
    if owner == "guest":
        return CustomerFacts(vat_id=vat_id) if vat_id else None
    return CustomerFacts(owner, vat_id=vat_id)


def unknown_items_error(
    lines: Sequence[CartLine], known: Mapping[str, Any]
) -> InvalidRequest | None:
    """The refusal for lines whose variants are not sold; ``None`` if all are."""
    problems = [
        Problem(
            "item_unavailable",
            f"{line.variant_id} is not sold here",
            f"$.line_items[{index}].item.id",
        )
        for index, line in enumerate(lines)
        if line.variant_id not in known
    ]
    if not problems:
        return None
    return InvalidRequest(problems[0].detail, code="item_unavailable", problems=problems)


def price_lines(
    lines: Iterable[CartLine],
    variants: Mapping[str, tuple[Product, Variant]],
    *,
    rules: RuleSet,
    at: datetime,
    country: str | None = None,
    destination: Destination | None = None,
    shipping: Money | None = None,
    shipping_method: str | None = None,
    currency: str | None = None,
    codes: tuple[str, ...] = (),
    customer: CustomerFacts | None = None,
    channel: str = "web",
    limits_for: Callable[[Basket], UsageLimits] = lambda basket: NO_USAGE,
    explain: bool = False,
) -> PricedLines:
    """Price lines as they stand now. Lines that are no longer sold are left out and spoken of.

    ``left`` tells what is left of codes and quotas for a basket. A code that takes nothing off
    changes nothing else and is spoken of. A ``currency`` in which not everything has a price is
    spoken of, and the first line's used. Raises Invalid where lines are in different currencies.
    """
    items = []
    messages = []
    for line in lines:
        found = variants.get(line.variant_id)
        if found is None:
            messages.append(
                Message(
                    "warning",
                    "item_unavailable",
                    f"{line.variant_id} is no longer sold and was left out",
                )
            )
            continue
        items.append(CartItem(line, *found))
    own = items[0].variant.price.currency if items else "USD"
    money = currency or own

    def quoted(money: str) -> tuple[Quote, UsageLimits]:
        basket = build_basket(
            items,
            money,
            country=country,
            destination=destination,
            shipping=shipping,
            shipping_method=shipping_method,
            codes=codes,
            customer=customer,
            channel=channel,
        )
        standing = limits_for(basket)
        known = standing.enrich(basket)
        return quote(known, rules=rules, at=at, limits=standing, explain=explain), standing

    try:
        result, standing = quoted(money)
    except InvalidRequest as refusal:
        if refusal.code != "no_price_in_currency":
            raise
        if money == own:
            raise _other_currency(items, own) from None
        messages.append(
            Message(
                "warning",
                "currency_not_offered",
                f"not everything here has a price in {money}; prices are in {own}",
                "$.context.currency",
            )
        )
        money = own
        try:
            result, standing = quoted(own)
        except InvalidRequest as again:
            if again.code != "no_price_in_currency":
                raise
            raise _other_currency(items, own) from None
    result = with_lowest_prior_prices(
        result,
        [(item.variant, _basket_line(item)) for item in items],
        rules=rules,
        context=PriceContext(market_of(country), channel=channel),
    )
    if max(result.subtotal.minor, result.total.minor) > MAX_SAFE_INTEGER:
        raise InvalidRequest(
            f"this comes to more than {Money(MAX_SAFE_INTEGER, money)}; ask for fewer pieces",
            code="amount_out_of_range",
            path="$.line_items",
        )
    messages += missing_gift_messages(result, rules)
    if result.reverse_charge:
        messages.append(Message("info", "reverse_charge", REVERSE_CHARGE_NOTICE, "$.buyer.tax_id"))
    messages += [
        Message(
            "warning",
            outcome.reason,
            f"{outcome.code}: {outcome.detail}",
            f"$.discounts.codes[{index}]",
        )
        for index, outcome in enumerate(result.codes)
        if not outcome.applied
    ]
    return PricedLines(tuple(items), result, tuple(messages), standing)


def price_change_messages(
    shown: PriceSnapshot,
    were: Sequence[CartLine],
    now: Quote,
    items: Sequence[CartItem],
    rules: RuleSet,
) -> tuple[Message, ...]:
    """What to say where something costs other than was shown: the shop never does that silently.

    ``now`` is a quote of the very lines (``were``), codes, place and way that were ``seen``, so
    that a difference is the shop's doing and never the client's; ``items`` are what is shown now.
    """
    known = {(line.id, line.variant_id) for line in were}
    place = {
        item.line.id: index
        for index, item in enumerate(items)
        if (item.line.id, item.line.variant_id) in known
    }
    titles = {item.line.id: item.product.title for item in items}
    said = []
    for notice in shown.notices(now, rules, titles):
        path = "$.totals"
        if notice.line_id is not None:
            if notice.line_id not in place:
                continue
            path = f"$.line_items[{place[notice.line_id]}]"
            path += ".item.price" if notice.code == PRICE_CHANGED else ".totals"
        said.append(Message("warning", notice.code, notice.detail, path))
    return tuple(said)


def missing_gift_messages(result: Quote, rules: RuleSet) -> list[Message]:
    """What is said of gifts that there are none, or too few, left of."""
    given = {gift.promotion_id: gift.quantity for gift in result.gifts}
    missed = []
    for entry in result.trace:
        candidate = rules.promotion_index.by_id.get(entry.rule)
        effect = candidate.effect if candidate is not None else None
        if not isinstance(effect, FreeGift):
            continue
        units = given.get(entry.rule, 0)
        if entry.reason == "gift_out_of_stock" or 0 < units < effect.quantity:
            said = f"only {units} of the gift {effect.title} left" if units else "is out of stock"
            text = said if units else f"the gift {effect.title} {said}"
            missed.append(Message("warning", "gift_out_of_stock", text))
    return missed


def _other_currency(items: Sequence[CartItem], money: str) -> InvalidRequest:
    """The refusal of the first line that has no price in what the others are sold in."""
    index, item = next(
        (n, item) for n, item in enumerate(items) if item.variant.price.currency != money
    )
    return InvalidRequest(
        f"{item.line.variant_id} is sold in {item.variant.price.currency}, not {money}",
        code="currency_mismatch",
        path=f"$.line_items[{index}].item.id",
    )


def resolve_items(
    lines: Sequence[CartLine], variants: Mapping[str, tuple[Product, Variant]]
) -> tuple[CartItem, ...]:
    """Lines with what they are lines of. Raises Invalid, naming every line that is not sold."""
    if refusal := unknown_items_error(lines, variants):
        raise refusal
    return tuple(CartItem(line, *variants[line.variant_id]) for line in lines)


def build_basket(
    items: Sequence[CartItem],
    currency: str,
    *,
    country: str | None = None,
    destination: Destination | None = None,
    shipping: Money | None = None,
    shipping_method: str | None = None,
    codes: tuple[str, ...] = (),
    customer: CustomerFacts | None = None,
    channel: str = "web",
) -> Basket:
    """Items as pricing looks at them."""
    return Basket(
        lines=tuple(_basket_line(item) for item in items),
        currency=currency,
        market=market_of(country),
        channel=channel,
        customer=customer,
        destination=destination,
        shipping=shipping,
        shipping_method=shipping_method,
        codes=codes,
    )


def shortage_messages(
    items: Sequence[CartItem],
    levels: Mapping[str, StockLevel],
    *,
    at: datetime,
    severity: str | None,
) -> tuple[Message, ...]:
    """What to say of every line that the stock does not cover, several lines of a SKU added up.

    With a ``severity`` these are errors that stand in the way, without one they are warnings.
    """
    wanted: dict[str, int] = {}
    for item in items:
        wanted[item.variant.sku] = wanted.get(item.variant.sku, 0) + item.line.quantity
    short = missing_units(
        [Demand(sku, quantity) for sku, quantity in wanted.items()],
        lambda sku: levels[sku].orderable_units(at) if sku in levels else 0,
        find_kits(levels),
    )
    messages = []
    for index, item in enumerate(items):
        available = short.get(item.variant.sku)
        if available is not None:
            said = (
                f"only {available} of {title(item)} left"
                if available
                else f"{title(item)} is out of stock"
            )
            messages.append(
                Message(
                    "error" if severity else "warning",
                    "out_of_stock",
                    f"{said}; {wanted[item.variant.sku]} wanted",
                    f"$.line_items[{index}].quantity",
                    severity,
                )
            )
    return tuple(messages)


def backorder_promises(
    items: Sequence[CartItem], levels: Mapping[str, StockLevel], at: datetime
) -> tuple[dict[str, str], tuple[Message, ...]]:
    """What is ordered ahead, as far as it is not here: the day on which each SKU ships (ISO 8601),
    and what is to be said of it on each line."""
    taken = expand_kits(
        [Demand(item.variant.sku, item.line.quantity) for item in items], find_kits(levels)
    )
    days: dict[str, str] = {}
    ahead: dict[str, tuple[int, str]] = {}
    for demand in taken:
        level = levels.get(demand.sku)
        here = max(0, level.available) if level else 0
        if level and level.terms and here < demand.quantity <= level.orderable_units(at):
            days[demand.sku] = level.terms.ships_from.isoformat()
            kind = "preorder" if level.terms.kind is BackorderKind.PRE_ORDER else "backorder"
            ahead[demand.sku] = (demand.quantity - here, kind)
    messages = []
    for index, item in enumerate(items):
        level = levels.get(item.variant.sku)
        parts = level.parts if level and level.parts else {item.variant.sku: 1}
        late = [sku for sku in parts if sku in days]
        if late:
            day = max(days[sku] for sku in late)
            days.setdefault(item.variant.sku, day)
            units, kind = ahead[late[0]]
            some = f"{units} of {title(item)} are" if not (level and level.parts) else title(item)
            said = (
                f"{some} still to come and ship from {day}"
                if not (level and level.parts)
                else (f"{some}: parts are still to come and ship from {day}")
            )
            messages.append(Message("warning", kind, said, f"$.line_items[{index}]"))
    return days, tuple(messages)


def title(item: CartItem) -> str:
    """What a line is called: the product, and the variant where there is a choice."""
    if len(item.product.variants) == 1 or item.variant.title in ("", item.product.title):
        return item.product.title
    return f"{item.product.title} – {item.variant.title}"


def image_url(item: CartItem) -> str | None:
    """The picture of a line, the variant's own before the product's."""
    media = item.variant.media or (item.product.media[0] if item.product.media else None)
    return media.url if media else None


def _basket_line(item: CartItem) -> BasketLine:
    return basket_line(
        item.product,
        item.variant,
        id=item.line.id,
        title=title(item),
        quantity=item.line.quantity,
    )
