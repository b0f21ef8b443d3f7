"""Messages about a cart or checkout: shortages, back-orders, changed prices, missing gifts."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from shop.cart.model.cart import CartItem, CartLine, title
from shop.inventory.model import BackorderKind, Demand, StockLevel
from shop.inventory.model.kits import expand_kits, find_kits, missing_units
from shop.kernel.frozen import frozen
from shop.places.model.destination import StatedPlace
from shop.pricing.model.basket import BasketLine
from shop.pricing.model.effects import FlashSale, FreeGift
from shop.pricing.model.price_snapshot import PRICE_CHANGED, PriceSnapshot
from shop.pricing.model.promotion_index import Candidate
from shop.pricing.model.quote import Quote
from shop.pricing.model.rule_set import RuleSet
from shop.pricing.model.targeting import amount_in
from shop.pricing.model.trace import TraceEntry
from shop.pricing.model.usage_limits import UsageLimits

STOCK_CODES = frozenset({"out_of_stock", "backorder", "preorder"})
"""Codes of messages about the stock of a line. They hold only while the stock does not change."""
HINT_PATH = "$.context"
"""Path of the location hints in a request."""


@frozen(slots=False)
class Message:
    """A UCP message in a cart or checkout response.

    ``type`` is ``error``, ``warning`` or ``info``; ``path`` is a JSONPath into the response.
    Errors alone have a ``severity``.
    """

    type: str
    code: str
    content: str
    path: str | None = None
    severity: str | None = None


def units_by_sku(items: Iterable[CartItem]) -> dict[str, int]:
    """Return the units per SKU, with several lines of one SKU added up."""
    units: dict[str, int] = {}
    for item in items:
        units[item.variant.sku] = units.get(item.variant.sku, 0) + item.line.quantity
    return units


def shortage_messages(
    items: Sequence[CartItem],
    levels: Mapping[str, StockLevel],
    *,
    at: datetime,
    severity: str | None,
) -> tuple[Message, ...]:
    """Return a message for every line that the stock does not cover.

    Several lines of one SKU share its stock. With a ``severity`` the messages are errors, which
    block a checkout; without one they are warnings.
    """
    requested = units_by_sku(items)
    short = missing_units(
        [Demand(sku, quantity) for sku, quantity in requested.items()],
        lambda sku: levels[sku].orderable_units(at) if sku in levels else 0,
        find_kits(levels),
    )
    return tuple(
        Message(
            "error" if severity else "warning",
            "out_of_stock",
            shortage_text(title(item), short[item.variant.sku], requested[item.variant.sku]),
            f"$.line_items[{index}].quantity",
            severity,
        )
        for index, item in enumerate(items)
        if item.variant.sku in short
    )


def shortage_text(name: str, available: int, requested: int) -> str:
    """Return the text of a message about a line that the stock does not cover."""
    if not available:
        return f"{name} is out of stock; {requested} requested. Remove this line."
    return f"{name}: {available} available, {requested} requested. Reduce the quantity."


def backorder_promises(
    items: Sequence[CartItem], levels: Mapping[str, StockLevel], at: datetime
) -> tuple[dict[str, str], tuple[Message, ...]]:
    """Return the ship dates of back-ordered and pre-ordered SKUs, and a message per line.

    The dates are ISO 8601, by SKU. A kit ships on the latest date of its parts and stands in the
    result under its own SKU too.
    """
    demands = expand_kits(
        [Demand(item.variant.sku, item.line.quantity) for item in items], find_kits(levels)
    )
    ship_dates: dict[str, str] = {}
    inbound: dict[str, tuple[int, str]] = {}
    for demand in demands:
        level = levels.get(demand.sku)
        on_hand = max(0, level.available) if level else 0
        # A SKU beyond its backorder limit gets no promise: it is reported as short instead.
        if level and level.terms and on_hand < demand.quantity <= level.orderable_units(at):
            ship_dates[demand.sku] = level.terms.ships_from.isoformat()
            kind = "preorder" if level.terms.kind is BackorderKind.PRE_ORDER else "backorder"
            inbound[demand.sku] = (demand.quantity - on_hand, kind)
    messages = []
    for index, item in enumerate(items):
        level = levels.get(item.variant.sku)
        parts = level.parts if level else None
        late = [sku for sku in parts or {item.variant.sku: 1} if sku in ship_dates]
        if not late:
            continue
        ship_date = max(ship_dates[sku] for sku in late)
        ship_dates.setdefault(item.variant.sku, ship_date)
        units, kind = inbound[late[0]]
        text = (
            f"{title(item)}: parts of it are not in stock. It ships from {ship_date}."
            if parts
            else f"{title(item)}: {units} units are not in stock. They ship from {ship_date}."
        )
        messages.append(Message("warning", kind, text, f"$.line_items[{index}]"))
    return ship_dates, tuple(messages)


_STOCK_PATH = re.compile(r"\$\.line_items\[(\d+)\](?:\.quantity)?")


def line_availability(line_count: int, messages: Iterable[Message]) -> list[str]:
    """Return UCP's status of each line's quantity, from the messages that its stock caused.

    A line that no message names is ``in_stock``. Call it only for messages of a read of the stock.
    """
    statuses = ["in_stock"] * line_count
    for message in messages:
        line = _STOCK_PATH.fullmatch(message.path or "")
        if message.code not in STOCK_CODES or line is None:
            continue
        # A kit may have a part that is short and another one that arrives later.
        if statuses[int(line[1])] != "out_of_stock":
            statuses[int(line[1])] = message.code
    return statuses


def price_change_messages(
    shown: PriceSnapshot,
    shown_lines: Sequence[CartLine],
    current: Quote,
    items: Sequence[CartItem],
    rules: RuleSet,
) -> tuple[Message, ...]:
    """Return a warning for every amount that differs from the one shown last.

    ``current`` quotes the very request that was ``shown`` (``shown_lines``, codes, destination,
    shipping option), so each difference comes from the shop and not from the client. ``items`` are
    the lines of the response: a notice about a line that the client removed is dropped.
    """
    known = {(line.id, line.variant_id) for line in shown_lines}
    index_of = {
        item.line.id: index
        for index, item in enumerate(items)
        if (item.line.id, item.line.variant_id) in known
    }
    titles = {item.line.id: item.product.title for item in items}
    messages = []
    for notice in shown.notices(current, rules, titles):
        path = "$.totals"
        if notice.line_id is not None:
            if notice.line_id not in index_of:
                continue
            path = f"$.line_items[{index_of[notice.line_id]}]"
            path += ".item.price" if notice.code == PRICE_CHANGED else ".totals"
        messages.append(Message("warning", notice.code, notice.detail, path))
    return tuple(messages)


def place_messages(
    place: StatedPlace, regions_in_rules: Iterable[str], address_path: str = ""
) -> tuple[Message, ...]:
    """Return a message about a place for which nothing can be computed.

    An address blocks the checkout. A location hint only leaves tax out: a text without a code is a
    warning, and a missing region an info, because hints become more precise step by step.
    """
    problem = place.problem(regions_in_rules)
    if problem is None:
        return ()
    path = HINT_PATH if place.is_hint else address_path
    kind: str = "error"
    severity: str | None = "recoverable"
    if place.is_hint:
        kind, severity = "info" if problem.code == "missing" else "warning", None
    return (Message(kind, problem.code, problem.detail, f"{path}.{problem.path}", severity),)


DISCOUNT_EXHAUSTED = "discount_exhausted"
DISCOUNT_LIMIT_REACHED = "discount_limit_reached"
DISCOUNT_PARTIAL = "discount_partial"
SALE_LIMIT_CODES = frozenset({DISCOUNT_EXHAUSTED, DISCOUNT_LIMIT_REACHED, DISCOUNT_PARTIAL})
"""Codes of messages about a sale that reduces fewer units than its shopper may expect."""


def sale_limit_messages(
    quote: Quote,
    rules: RuleSet,
    limits: UsageLimits,
    basket_lines: Callable[[], Sequence[BasketLine]],
) -> list[Message]:
    """Return a warning for every sale that reduces no unit, or not all, because of its limits.

    ``basket_lines`` returns the lines of the quote in the order of the response; most quotes do not
    need them. A code without effect has a message of its own, with the path of the code.
    """
    messages = []
    for entry in quote.trace:
        candidate = rules.promotion_index.by_id.get(entry.rule)
        if candidate is None or not isinstance(candidate.effect, FlashSale):
            continue
        if not entry.applied and (entry.code is not None or entry.reason not in _SALE_LIMITS):
            continue
        sale = _LimitedSale(candidate, candidate.effect, entry, quote, limits)
        messages += sale.messages(basket_lines())
    return messages


_SALE_LIMITS = ("quota_exhausted", "customer_limit_reached")


@frozen(slots=False)
class _LimitedSale:
    """A sale with the result that the engine traced for it."""

    candidate: Candidate
    effect: FlashSale
    entry: TraceEntry
    quote: Quote
    limits: UsageLimits

    def messages(self, lines: Sequence[BasketLine]) -> list[Message]:
        wanted = {n: line for n, line in enumerate(lines) if self._is_wanted(line)}
        if self.entry.applied:
            return self._partial(wanted)
        if self.entry.reason == "quota_exhausted":
            code, text = DISCOUNT_EXHAUSTED, f"{self._title} has reached its limit."
        else:
            code = DISCOUNT_LIMIT_REACHED
            text = (
                f"{self._title} is limited to {self.effect.per_customer} for each customer, and you"
                " have bought as many."
            )
        return [
            Message("warning", code, f"{text} It does not reduce {line.title}.", _line_path(n))
            for n, line in wanted.items()
        ]

    def _partial(self, wanted: Mapping[int, BasketLine]) -> list[Message]:
        reduced = next(
            (use.units for use in self.quote.uses if use.promotion_id == self.candidate.id), 0
        )
        requested = sum(line.quantity for line in wanted.values())
        quota, own = self._remaining_quota, self._remaining_for_customer
        remaining = min(limit for limit in (quota, own, requested) if limit is not None)
        # Without the second condition, another discount that is better for a line would count.
        if reduced >= requested or remaining >= requested:
            return []
        if own is not None and own == remaining:
            reason = f"each customer can buy {self.effect.per_customer} at this price"
        else:
            reason = "no more are left at this price"
        text = f"{self._title} reduces {reduced} of {requested} units: {reason}."
        # The limit was reached at the first line without a reduction, else within the last one.
        short = [n for n, line in wanted.items() if line.id not in self.entry.lines]
        last = [n for n, line in wanted.items() if line.id == self.entry.lines[-1]]
        return [Message("warning", DISCOUNT_PARTIAL, text, _line_path((short + last)[0]))]

    def _is_wanted(self, line: BasketLine) -> bool:
        """Return whether a shopper expects the sale to reduce this line."""
        if not any(goods.contains(line) for goods in self.candidate.goods):
            return False
        if line.id in self.entry.lines:
            return True
        priced = self.quote.line(line.id)
        # Another discount was better, or keeps the sale away from the line.
        if any(discount.amount.minor for discount in priced.discounts):
            return False
        price = amount_in(self.effect.price, self.quote.currency)
        return price is None or priced.unit_price.minor > price

    @property
    def _title(self) -> str:
        return self.candidate.promotion.title

    @property
    def _remaining_quota(self) -> int | None:
        if self.effect.quota is None:
            return None
        return self.limits.quota_remaining.get(self.candidate.id, self.effect.quota)

    @property
    def _remaining_for_customer(self) -> int | None:
        if self.effect.per_customer is None:
            return None
        return self.effect.per_customer - self.limits.customer_used.get(self.candidate.id, 0)


def _line_path(index: int) -> str:
    return f"$.line_items[{index}]"


def missing_gift_messages(quote: Quote, rules: RuleSet) -> list[Message]:
    """Return a warning for every gift that the stock covers in part or not at all."""
    quantities = {gift.promotion_id: gift.quantity for gift in quote.gifts}
    messages = []
    for entry in quote.trace:
        promotion = rules.promotion_index.by_id.get(entry.rule)
        effect = promotion.effect if promotion is not None else None
        if not isinstance(effect, FreeGift):
            continue
        units = quantities.get(entry.rule, 0)
        if entry.reason == "gift_out_of_stock" or 0 < units < effect.quantity:
            text = (
                f"The gift {effect.title}: {units} of {effect.quantity} in stock."
                if units
                else f"The gift {effect.title} is out of stock."
            )
            messages.append(Message("warning", "gift_out_of_stock", text))
    return messages
