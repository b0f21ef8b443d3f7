"""Price lists: prices by market, channel, customer group, quantity and period.

Business rules: docs/rules/pricing.md §3.
"""

from collections.abc import Iterable
from dataclasses import field, replace
from datetime import datetime
from typing import Any

from shop.kernel.errors import InvalidRequest, Problem
from shop.kernel.frozen import frozen
from shop.kernel.money import Money
from shop.pricing.model.basket import Basket
from shop.pricing.model.targeting import ALWAYS, Window
from shop.serialization import from_json, to_json


@frozen
class PriceEntry:
    """The price of an article in minor units, from ``min_quantity`` units on.

    ``article`` is the id of a variant, or of a product for all its variants. ``compare_at`` is the
    higher price that is displayed beside it.
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
    """The audience, priority and period of a price list."""

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
    """The content that a change replaced. Revisions reconstruct the list for any past instant.

    Before ``until``, the list had ``scope`` (``None``: the change kept the scope), and ``entries``
    were all its prices for ``articles``.
    """

    until: datetime
    """Instant until which the former content applied."""
    articles: tuple[str, ...] = ()
    """Ids whose prices the change replaced."""
    entries: tuple[PriceEntry, ...] = ()
    """Former prices of these articles."""
    scope: PriceListScope | None = None
    """Former scope; absent if the change left it as it was."""


@frozen(slots=False)
class PriceList:
    """Prices in one currency. Empty markets, channels or groups mean all of them.

    Lists with lower priority numbers come first; among equal priorities, the lowest price applies
    (§3.3). ``revisions`` are append-only. A list without ``created_at`` has always existed.
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
    """Version of the list; each change increments it."""
    created_at: datetime | None = None
    """Instant of creation."""
    revisions: tuple[PriceListRevision, ...] = ()
    """Former content, in the order of the changes."""
    _tiers: dict[str, list[PriceEntry]] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        # Highest tier first, so that the first entry reached is the one that applies (§3.2).
        for entry in sorted(self.entries, key=lambda e: -e.min_quantity):
            self._tiers.setdefault(entry.article, []).append(entry)

    def applies_to(self, basket: Basket, at: datetime) -> bool:
        """Return whether the list is in force for this basket at this instant (§3.1)."""
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
    def scope(self) -> PriceListScope:
        return PriceListScope(self.markets, self.channels, self.groups, self.priority, self.window)

    @property
    def articles(self) -> Iterable[str]:
        """The ids of all variants and products that have a price in this list."""
        return self._tiers.keys()

    def status(self, at: datetime) -> str:
        """Return ``scheduled``, ``running`` or ``ended``, by the clock."""
        if self.window.starts is not None and at < self.window.starts:
            return "scheduled"
        return "ended" if self.window.ends is not None and at >= self.window.ends else "running"

    def update(self, to: "PriceList", at: datetime) -> "PriceList":
        """Return the next version with the content of ``to``, in force from ``at`` on."""
        before, after = self._tiers, to._tiers
        changed_articles = tuple(
            article
            for article in dict.fromkeys((*before, *after))
            if before.get(article) != after.get(article)
        )
        revisions = self.revisions
        if changed_articles or to.scope != self.scope:
            # A revision stores what changed, not the whole list: lists have up to 4,000 entries.
            entries = tuple(
                entry for article in changed_articles for entry in before.get(article, ())
            )
            scope = None if to.scope == self.scope else self.scope
            revisions = (*revisions, PriceListRevision(at, changed_articles, entries, scope))
        return replace(
            to,
            id=self.id,
            version=self.version + 1,
            created_at=self.created_at,
            revisions=revisions,
        )

    def as_of(self, at: datetime) -> "PriceList | None":
        """Return the list as it was at an instant, or ``None`` before its creation."""
        if self.created_at is not None and at < self.created_at:
            return None
        later_revisions = [revision for revision in self.revisions if at < revision.until]
        if not later_revisions:
            return self
        scope, tiers = self.scope, dict(self._tiers)
        # Undo the later changes, newest first.
        for revision in reversed(later_revisions):
            scope = revision.scope or scope
            for article in revision.articles:
                tiers[article] = [entry for entry in revision.entries if entry.article == article]
        return replace(
            self,
            entries=tuple(entry for entries in tiers.values() for entry in entries),
            markets=scope.markets,
            channels=scope.channels,
            groups=scope.groups,
            priority=scope.priority,
            window=scope.window,
        )

    def restricted_to(self, articles: frozenset[str]) -> "PriceList":
        """Return the list and its revisions for some articles only.

        The replay of one product needs no others.
        """
        return replace(
            self,
            entries=tuple(e for e in self.entries if e.article in articles),
            revisions=tuple(
                replace(
                    revision,
                    articles=tuple(a for a in revision.articles if a in articles),
                    entries=tuple(e for e in revision.entries if e.article in articles),
                )
                for revision in self.revisions
            ),
        )

    def overlaps(self, others: Iterable["PriceList"]) -> list[Problem]:
        """Return a problem (``price_overlaps``) for every contradicted entry.

        The other list has the same currency, priority, markets, channels and groups, and an
        overlapping period. No rule would then decide between the two prices.
        """
        problems = []
        places = {(entry.article, entry.min_quantity): n for n, entry in enumerate(self.entries)}
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
                place = places.get((entry.article, entry.min_quantity))
                if place is not None and self.entries[place].price != entry.price:
                    problems.append(
                        Problem(
                            "price_overlaps",
                            f"List {other.id} already has another price for {entry.article} in this"
                            " period.",
                            f"$.entries[{place}]",
                        )
                    )
        return problems

    def entry(self, variant_id: str, product_id: str, quantity: int) -> PriceEntry | None:
        """Return the entry for a quantity of a variant (§3.2).

        The variant's own entries come first.
        """
        for article in (variant_id, product_id):
            for entry in self._tiers.get(article, ()):
                if entry.min_quantity <= quantity:
                    return entry
        return None

    def to_dict(self) -> dict[str, Any]:
        document: dict[str, Any] = to_json(self)
        document.pop("_tiers", None)
        return document

    @classmethod
    def from_dict(cls, raw: object) -> "PriceList":
        """Read and validate a list that staff wrote.

        Raises :class:`InvalidRequest` with field and reason of every problem.
        """
        # Only requests of staff need validation: stored lists are valid.
        from shop.pricing.model.price_list_validation import validate_price_list  # lazy: staff only

        problems: list[Problem] = []
        price_list = from_json(cls, raw, "$", problems)
        if price_list is not None:
            problems = validate_price_list(price_list)
        if problems or price_list is None:
            raise InvalidRequest(problems[0].detail, code=problems[0].code, problems=problems)
        return price_list


@frozen
class UnitPrice:
    """The unit price of a line before promotions, and its price list.

    The list is ``None`` for the catalog price.
    """

    price: Money
    compare_at: Money | None
    price_list: str | None


def unit_prices(basket: Basket, lists: tuple[PriceList, ...], at: datetime) -> dict[str, UnitPrice]:
    """Return the unit price of each line, by line id.

    ``lists`` are ordered by priority, then id. Raises :class:`InvalidRequest` with a problem for
    every line without a price in the basket's currency (§1.1).
    """
    applicable = [price_list for price_list in lists if price_list.applies_to(basket, at)]
    # §3.2: all units of a variant in the basket count together towards a tier.
    quantities: dict[str, int] = {}
    if applicable:
        for line in basket.lines:
            quantities[line.variant_id] = quantities.get(line.variant_id, 0) + line.quantity
    prices: dict[str, UnitPrice] = {}
    problems = []
    for place, line in enumerate(basket.lines):
        best: tuple[int, PriceEntry, PriceList] | None = None
        for price_list in applicable:
            # §3.3: a list of lower priority counts only if no earlier list has a price.
            if best is not None and price_list.priority > best[0]:
                break
            entry = price_list.entry(line.variant_id, line.product_id, quantities[line.variant_id])
            if entry is not None and (best is None or entry.price < best[1].price):
                best = (price_list.priority, entry, price_list)
        if best is not None:
            _, entry, price_list = best
            compare_at = entry.compare_at
            prices[line.id] = UnitPrice(
                Money(entry.price, basket.currency),
                None if compare_at is None else Money(compare_at, basket.currency),
                price_list.id,
            )
        elif line.unit_price.currency == basket.currency:
            prices[line.id] = UnitPrice(line.unit_price, line.compare_at, None)
        else:
            problems.append(
                Problem(
                    "no_price_in_currency",
                    f"{line.sku} must have a price in {basket.currency}.",
                    f"$.lines[{place}].unit_price",
                )
            )
    if problems:
        raise InvalidRequest(problems[0].detail, code=problems[0].code, problems=problems)
    return prices


def has_price(basket: Basket, lists: tuple[PriceList, ...], at: datetime) -> bool:
    """Return whether the only line of a basket has a price in its currency (§1.1)."""
    (line,) = basket.lines
    return line.unit_price.currency == basket.currency or any(
        price_list.applies_to(basket, at)
        and price_list.entry(line.variant_id, line.product_id, line.quantity) is not None
        for price_list in lists
    )
