"""Price lists: what a unit costs in a market, to a group, on a channel, from a quantity on, for a
time.
"""

import re
from collections.abc import Iterable
from dataclasses import field, replace
from datetime import datetime
from typing import Any

from shop.kernel.errors import InvalidRequest, Problem
from shop.kernel.frozen import frozen
from shop.kernel.money import CURRENCIES, Money
from shop.kernel.text_validation import MARKUP_MESSAGE, TAG
from shop.pricing.model.basket import Basket
from shop.pricing.model.targeting import ALWAYS, Window
from shop.serialization import from_json, to_json

MAX_ENTRIES = 4_000
"""Entries of one list: what a request of 256 KB holds. Who has more, makes several lists."""
MAX_PRICE = 10**12
"""Minor units beyond which a price is a slip of the keyboard."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@frozen
class PriceEntry:
    """The price of one article (a variant's id, or a product's for all its variants), in minor
    units.

    It holds from ``min_quantity`` units of that variant in the basket on. ``compare_at`` is the
    price it is set against ("was").
    """

    article: str
    """Id of a variant, or of a product for all its variants."""
    price: int
    """Price of a unit in minor units of the list's currency."""
    min_quantity: int = 1
    """Units of the variant in the order from which the price applies."""
    compare_at: int | None = None
    """Higher price to display beside it, in minor units."""


@frozen
class PriceListScope:
    """Whom a list is for, and when."""

    markets: tuple[str, ...] = ()
    """Markets of the shop, such as US or EU; none means all."""
    channels: tuple[str, ...] = ()
    """Sales channels, such as web, app or agent; none means all."""
    groups: tuple[str, ...] = ()
    """Customer groups, of which one is required; none means all customers."""
    priority: int = 100
    """Priority; lower numbers come first, and at the same priority the lowest price applies."""
    window: Window = ALWAYS
    """Period in which the list applies."""


@frozen
class PriceListRevision:
    """What a change of a list replaced: so the list as it stood at any instant can be told.

    Up to ``until`` the list had ``head`` (``None``: the one it had after, too) and of each article
    in ``articles`` the prices in ``entries``, or none.
    """

    until: datetime
    """Instant until which the former content applied."""
    articles: tuple[str, ...] = ()
    """Ids whose prices the change replaced."""
    entries: tuple[PriceEntry, ...] = ()
    """Former prices of these articles."""
    head: PriceListScope | None = None
    """Former scope; absent if the change left it as it was."""


@frozen(slots=False)
class PriceList:
    """Prices in one currency for whom the list is made: no markets, channels or groups means for
    all.

    Lower priority numbers come first; among lists of one priority the customer gets the lowest
    price. ``past`` grows with each change, at its end, and is never rewritten; ``created_at`` is
    when the list began to be (``None``: always).
    """

    id: str
    """Id of the list: 1 to 64 letters, digits, dots, hyphens or underscores.
    Example: euro-trade"""
    currency: str
    """Currency of all prices as an ISO 4217 code.
    Example: EUR"""
    entries: tuple[PriceEntry, ...]
    """Prices, from 1 to 4,000.
    Example: [{"article": "mug.1", "price": 1111}]"""
    markets: tuple[str, ...] = ()
    """Markets of the shop, such as US or EU; none means all."""
    channels: tuple[str, ...] = ()
    """Sales channels, such as web, app or agent; none means all."""
    groups: tuple[str, ...] = ()
    """Customer groups, of which one is required; none means all customers."""
    priority: int = 100
    """Priority; lower numbers come first, and at the same priority the lowest price applies."""
    window: Window = ALWAYS
    """Period in which the list applies."""
    title: str = ""
    """Title for staff, 200 characters at most.
    Example: Trade prices in euro"""
    version: int = 1
    """Version of the list; each change raises it."""
    created_at: datetime | None = None
    """Instant of creation."""
    revisions: tuple[PriceListRevision, ...] = ()
    """Former content, in the order of the changes."""
    _tiers: dict[str, list[PriceEntry]] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        for entry in sorted(self.entries, key=lambda e: -e.min_quantity):
            self._tiers.setdefault(entry.article, []).append(entry)

    def applies_to(self, basket: Basket, at: datetime) -> bool:
        """Whether this list is in force for the basket's currency, market, channel and customer."""
        return (
            self.currency == basket.currency
            and (not self.markets or basket.market in self.markets)
            and (not self.channels or basket.channel in self.channels)
            and (
                not self.groups
                or (
                    basket.customer is not None
                    and any(group in self.groups for group in basket.customer.groups)
                )
            )
            and not self.window.reason_closed(at)
        )

    @property
    def head(self) -> PriceListScope:
        return PriceListScope(self.markets, self.channels, self.groups, self.priority, self.window)

    @property
    def articles(self) -> Iterable[str]:
        """Every variant and product that has a price in it."""
        return self._tiers.keys()

    def status(self, at: datetime) -> str:
        """``scheduled``, ``running`` or ``ended``, by the clock."""
        if self.window.starts is not None and at < self.window.starts:
            return "scheduled"
        return "ended" if self.window.ends is not None and at >= self.window.ends else "running"

    def update(self, to: "PriceList", at: datetime) -> "PriceList":
        """This list saying what ``to`` says from now on; what it said before goes to the past."""
        before, after = self._tiers, to._tiers
        other = tuple(
            article
            for article in dict.fromkeys((*before, *after))
            if before.get(article) != after.get(article)
        )
        entries = tuple(entry for article in other for entry in before.get(article, ()))
        past = self.revisions
        if other or to.head != self.head:
            head = None if to.head == self.head else self.head
            past = (*past, PriceListRevision(at, other, entries, head))
        return replace(
            to, id=self.id, version=self.version + 1, created_at=self.created_at, revisions=past
        )

    def as_of(self, at: datetime) -> "PriceList | None":
        """The list as it stood at an instant; ``None`` before there was one."""
        if self.created_at is not None and at < self.created_at:
            return None
        undone = [change for change in self.revisions if at < change.until]
        if not undone:
            return self
        head, tiers = self.head, dict(self._tiers)
        for change in reversed(undone):
            head = change.head or head
            for article in change.articles:
                tiers[article] = [entry for entry in change.entries if entry.article == article]
        return replace(
            self,
            entries=tuple(entry for entries in tiers.values() for entry in entries),
            markets=head.markets,
            channels=head.channels,
            groups=head.groups,
            priority=head.priority,
            window=head.window,
        )

    def restricted_to(self, articles: frozenset[str]) -> "PriceList":
        """The same list of fewer articles, its past too: to look back at one product."""
        return replace(
            self,
            entries=tuple(e for e in self.entries if e.article in articles),
            revisions=tuple(
                replace(
                    change,
                    articles=tuple(a for a in change.articles if a in articles),
                    entries=tuple(e for e in change.entries if e.article in articles),
                )
                for change in self.revisions
            ),
        )

    def overlaps(self, others: Iterable["PriceList"]) -> list[Problem]:
        """Entries to which another list, as good as this one, gives another price at a time.

        That is a list of the same currency, priority, markets, channels and groups in a window that
        meets this one's: nothing but chance would tell which price was meant.
        """
        problems = []
        mine = {(entry.article, entry.min_quantity): n for n, entry in enumerate(self.entries)}
        for other in others:
            if (
                other.id == self.id
                or (other.currency, other.priority) != (self.currency, self.priority)
                or any(
                    set(getattr(other, name)) != set(getattr(self, name))
                    for name in ("markets", "channels", "groups")
                )
                or not self.window.overlaps(other.window)
            ):
                continue
            for entry in other.entries:
                place = mine.get((entry.article, entry.min_quantity))
                if place is not None and self.entries[place].price != entry.price:
                    problems.append(
                        Problem(
                            "price_overlaps",
                            f"{entry.article} has a price in list {other.id} in that time",
                            f"$.entries[{place}]",
                        )
                    )
        return problems

    def entry(self, variant_id: str, product_id: str, quantity: int) -> PriceEntry | None:
        """The entry for so many of the variant: its own entries first, the highest tier reached."""
        for article in (variant_id, product_id):
            for entry in self._tiers.get(article, ()):
                if entry.min_quantity <= quantity:
                    return entry
        return None

    def to_dict(self) -> dict[str, Any]:
        payload: dict[str, Any] = to_json(self)
        payload.pop("_tiers", None)
        return payload

    @classmethod
    def from_dict(cls, raw: object) -> "PriceList":
        """Read and check a list. Raises :class:`Invalid` with field and reason of every problem."""
        problems: list[Problem] = []
        found = from_json(cls, raw, "$", problems)
        if found is not None:
            problems = found.problems()
        if problems or found is None:
            raise InvalidRequest(problems[0].detail, code=problems[0].code, problems=problems)
        return found

    def problems(self) -> list[Problem]:
        """What is wrong with this list, every field of it."""
        from shop.customers.model import (
            invalid_names,  # staff ask; no shopper waits for it
        )

        problems = []
        if not _NAME.fullmatch(self.id):
            problems.append(
                Problem("id_invalid", "1 to 64 letters, digits, hyphens or points", "$.id")
            )
        if len(self.title) > 200:
            problems.append(Problem("title_invalid", "a title has 200 letters at most", "$.title"))
        if TAG.search(self.title):
            problems.append(Problem("markup_not_allowed", MARKUP_MESSAGE, "$.title"))
        if self.currency not in CURRENCIES:
            problems.append(
                Problem("currency_unknown", f"{self.currency!r} is no currency", "$.currency")
            )
        if not self.entries:
            detail = "a list has a price at least; to be done with it, give its window an end"
            problems.append(Problem("entries_missing", detail, "$.entries"))
        if len(self.entries) > MAX_ENTRIES:
            problems.append(
                Problem("too_many", f"{MAX_ENTRIES} prices in one list at most", "$.entries")
            )
        problems.extend(invalid_names(self.groups, "$.groups"))
        problems.extend(self.window.problems("$.window"))
        seen = set()
        for place, entry in enumerate(self.entries):
            path = f"$.entries[{place}]"
            if not 0 <= entry.price <= MAX_PRICE:
                problems.append(
                    Problem(
                        "price_invalid",
                        "a price is not negative nor beyond reason",
                        f"{path}.price",
                    )
                )
            if entry.min_quantity < 1:
                problems.append(
                    Problem("quantity_invalid", "a tier begins at 1", f"{path}.min_quantity")
                )
            if entry.compare_at is not None and entry.compare_at <= entry.price:
                problems.append(
                    Problem(
                        "compare_at_invalid",
                        "a price to compare with is above the price",
                        f"{path}.compare_at",
                    )
                )
            if (entry.article, entry.min_quantity) in seen:
                problems.append(
                    Problem(
                        "price_repeated",
                        f"{entry.article} has two prices from {entry.min_quantity} on",
                        path,
                    )
                )
            seen.add((entry.article, entry.min_quantity))
        return problems


@frozen
class UnitPrice:
    """The price a line starts from, and where it comes from (``None``: the catalogue)."""

    price: Money
    compare_at: Money | None
    price_list: str | None


def unit_prices(basket: Basket, lists: tuple[PriceList, ...], at: datetime) -> dict[str, UnitPrice]:
    """The unit price of each line, by line id. ``lists`` are in order of priority, then id.

    The quantity that a tier looks at is that of the variant in the whole basket. Raises
    :class:`Invalid` for every line that has no price in the basket's currency.
    """
    mine = [price_list for price_list in lists if price_list.applies_to(basket, at)]
    quantities: dict[str, int] = {}
    if mine:
        for line in basket.lines:
            quantities[line.variant_id] = quantities.get(line.variant_id, 0) + line.quantity
    found: dict[str, UnitPrice] = {}
    problems = []
    for place, line in enumerate(basket.lines):
        best: tuple[int, PriceEntry, PriceList] | None = None
        for price_list in mine:
            if best is not None and price_list.priority > best[0]:
                break
            entry = price_list.entry(line.variant_id, line.product_id, quantities[line.variant_id])
            if entry is not None and (best is None or entry.price < best[1].price):
                best = (price_list.priority, entry, price_list)
        if best is not None:
            _, entry, price_list = best
            compare_at = entry.compare_at
            found[line.id] = UnitPrice(
                Money(entry.price, basket.currency),
                None if compare_at is None else Money(compare_at, basket.currency),
                price_list.id,
            )
        elif line.unit_price.currency == basket.currency:
            found[line.id] = UnitPrice(line.unit_price, line.compare_at, None)
        else:
            problems.append(
                Problem(
                    "no_price_in_currency",
                    f"{line.sku} has no price in {basket.currency}",
                    f"$.lines[{place}].unit_price",
                )
            )
    if problems:
        raise InvalidRequest(problems[0].detail, code=problems[0].code, problems=problems)
    return found
