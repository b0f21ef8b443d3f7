"""Price lists: what a unit costs in a market, to a group, on a channel, from a quantity on, for a
time.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shop.kernel.data import read, written
from shop.kernel.errors import Invalid, Problem
from shop.kernel.money import CURRENCIES, Money
from shop.pricing.model.basket import Basket
from shop.pricing.model.choice import ALWAYS, Window


@dataclass(frozen=True, slots=True)
class PriceEntry:
    """The price of one article (a variant's id, or a product's for all its variants), in minor
    units.

    It holds from ``min_quantity`` units of that variant in the basket on. ``compare_at`` is the
    price it is set against ("was").
    """

    article: str
    price: int
    min_quantity: int = 1
    compare_at: int | None = None


@dataclass(frozen=True)
class PriceList:
    """Prices in one currency for whom the list is made: no markets, channels or groups means for
    all.

    Lower priority numbers come first; among lists of one priority the customer gets the lowest
    price.
    """

    id: str
    currency: str
    entries: tuple[PriceEntry, ...]
    markets: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    priority: int = 100
    window: Window = ALWAYS
    _tiers: dict[str, list[PriceEntry]] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        for entry in sorted(self.entries, key=lambda e: -e.min_quantity):
            self._tiers.setdefault(entry.article, []).append(entry)

    def is_for(self, basket: Basket, at: datetime) -> bool:
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
            and not self.window.why_not(at)
        )

    def entry(self, variant_id: str, product_id: str, quantity: int) -> PriceEntry | None:
        """The entry for so many of the variant: its own entries first, the highest tier reached."""
        for article in (variant_id, product_id):
            for entry in self._tiers.get(article, ()):
                if entry.min_quantity <= quantity:
                    return entry
        return None

    def to_dict(self) -> dict[str, Any]:
        told: dict[str, Any] = written(self)
        told.pop("_tiers", None)
        return told

    @classmethod
    def from_dict(cls, told: object) -> "PriceList":
        """Read and check a list. Raises :class:`Invalid` with field and reason of every problem."""
        problems: list[Problem] = []
        found = read(cls, told, "$", problems)
        if found is not None:
            problems = found.problems()
        if problems or found is None:
            raise Invalid(problems[0].detail, code=problems[0].code, problems=problems)
        return found

    def problems(self) -> list[Problem]:
        """What is wrong with this list, every field of it."""
        found = []
        if self.currency not in CURRENCIES:
            found.append(
                Problem("currency_unknown", f"{self.currency!r} is no currency", "$.currency")
            )
        window = self.window
        if window.starts and window.ends and window.ends <= window.starts:
            found.append(
                Problem("ends_before_start", "the end is after the start", "$.window.ends")
            )
        seen = set()
        for place, entry in enumerate(self.entries):
            path = f"$.entries[{place}]"
            if entry.price < 0:
                found.append(Problem("price_invalid", "a price is not negative", f"{path}.price"))
            if entry.min_quantity < 1:
                found.append(
                    Problem("quantity_invalid", "a tier begins at 1", f"{path}.min_quantity")
                )
            if entry.compare_at is not None and entry.compare_at <= entry.price:
                found.append(
                    Problem(
                        "compare_at_invalid",
                        "a price to compare with is above the price",
                        f"{path}.compare_at",
                    )
                )
            if (entry.article, entry.min_quantity) in seen:
                found.append(
                    Problem(
                        "price_repeated",
                        f"{entry.article} has two prices from {entry.min_quantity} on",
                        path,
                    )
                )
            seen.add((entry.article, entry.min_quantity))
        return found


@dataclass(frozen=True, slots=True)
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
    mine = [price_list for price_list in lists if price_list.is_for(basket, at)]
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
        raise Invalid(problems[0].detail, code=problems[0].code, problems=problems)
    return found
