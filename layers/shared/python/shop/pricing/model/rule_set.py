"""The rule set: markets, price lists, promotions and taxes of a shop."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from shop.kernel.errors import InvalidRequest
from shop.kernel.frozen import frozen
from shop.kernel.time_bounds import time_zone
from shop.places.model.destination import Destination
from shop.pricing.model.basket import Basket
from shop.pricing.model.effects import FreeGift
from shop.pricing.model.policy import PolicyRevision
from shop.pricing.model.price_lists import PriceList
from shop.pricing.model.promotion_index import PromotionIndex
from shop.pricing.model.promotions import Promotion, StackingGroup
from shop.pricing.model.rounding import DEFAULT_ROUNDING, RoundingPolicy
from shop.tax.model.rates import (
    BUNDLED_TAX_TABLE,
    NORTHERN_IRELAND,
    TaxTable,
    UntaxedDecision,
    tax_area,
)

if TYPE_CHECKING:
    from shop.pricing.model.price_history import PriceHistory


@frozen(slots=False)
class Market:
    """A market of the shop.

    ``tax`` is ``"included"`` in its prices, ``"added"`` to them, or ``"none"``. ``home`` is the
    seller's place: prices include its tax until a destination is known. ``zone`` is the time zone
    that decides the day of a dated tax rate. A market without ``countries`` has all countries that
    no other market has. ``currency`` is the one of prices for a client that requests none.
    ``untaxed`` is the decision to sell to it without tax, where no country has a rate.
    """

    id: str
    tax: str = "none"
    home: Destination | None = None
    zone: str = "UTC"
    countries: tuple[str, ...] = ()
    currency: str | None = None
    untaxed: UntaxedDecision | None = None

    def day(self, at: datetime) -> date:
        if self.zone == "UTC":
            return at.astimezone(UTC).date()
        return at.astimezone(time_zone(self.zone)).date()


_EU = tuple(
    """AT BE BG CY CZ DE DK EE ES FI FR GR HR HU
    IE IT LT LU LV MC MT NL PL PT RO SE SI SK XI""".split()
)
"""The members of the Union; Monaco, which counts as France (Directive 2006/112/EC, Art. 7); and
Northern Ireland, which counts as a member for goods (Windsor Framework, Art. 8)."""

MARKETS = (
    Market("US", tax="added", zone="America/New_York", countries=("US",)),
    Market("EU", "included", Destination("DE"), zone="Europe/Berlin", countries=_EU),
    Market("CN", "included", Destination("CN"), zone="Asia/Shanghai", countries=("CN",)),
    Market("WORLD", tax="none"),
)
"""The bundled markets. The first one is that of shoppers whose country is unknown."""


CHANNELS = ("web", "app", "agent")
"""Sales channels: the shop's pages, its app, and platforms that buy for a customer. The client
states its channel, and nothing proves it (docs/adr/sales-channels.md)."""


def restricts_channel(channels: Sequence[str]) -> bool:
    """Return whether prices with this list of channels are not for every channel (§4.1a)."""
    return bool(channels) and not set(CHANNELS) <= set(channels)


PriceHistoryCache = dict[object, "tuple[datetime, datetime, PriceHistory]"]
"""Replayed price histories, each with the period in which no price changes."""


@frozen(slots=False)
class RuleSet:
    """All rules that decide a price. Basket, instant and usage limits come from the request.

    ``version`` changes with every change of a rule; caches compare it. Derived values are computed
    on first use and cached with the rule set. ``ended_promotions`` and ``policy_revisions`` (oldest
    first) price nothing: they are stored for the replay of past prices (§11.4), and the former for
    the answers to their codes (§4.2).
    """

    version: str = "0"
    markets: tuple[Market, ...] = MARKETS
    tax: TaxTable = BUNDLED_TAX_TABLE
    rounding: RoundingPolicy = DEFAULT_ROUNDING
    price_lists: tuple[PriceList, ...] = ()
    promotions: tuple[Promotion, ...] = ()
    groups: tuple[StackingGroup, ...] = ()
    ended_promotions: tuple[Promotion, ...] = ()
    policy_revisions: tuple[PolicyRevision, ...] = ()

    @cached_property
    def _markets(self) -> dict[str, Market]:
        return {market.id: market for market in self.markets}

    def market(self, market_id: str) -> Market:
        """Return the market of this id.

        Raises :class:`InvalidRequest` (``market_unknown``).
        """
        market = self._markets.get(market_id)
        if market is None:
            raise InvalidRequest(
                f"Market {market_id!r} must be one of: {', '.join(sorted(self._markets))}.",
                code="market_unknown",
                path="$.market",
            )
        return market

    @cached_property
    def _market_by_country(self) -> dict[str, Market]:
        return {country: market for market in self.markets for country in market.countries}

    def market_of(self, country: str | None) -> Market:
        """Return the market of a country, or of Northern Ireland (``XI``).

        While the country is unknown, it is the first one.
        """
        if country is None:
            return self.markets[0]
        # A shop that does not name Northern Ireland sells to it as to the rest of the country.
        within = "GB" if country == NORTHERN_IRELAND else ""
        by_country = self._market_by_country
        market = by_country.get(country) or by_country.get(within)
        return market or next(market for market in self.markets if not market.countries)

    def market_for(self, destination: Destination | None) -> Market:
        """Return the market of a destination; the first one before a country is known.

        Northern Ireland may have another market than the rest of its country.
        """
        if destination is None:
            return self.market_of(None)
        named = self._market_by_country.get(NORTHERN_IRELAND)
        if named is not None and tax_area(destination).place.country == NORTHERN_IRELAND:
            return named
        return self.market_of(destination.country)

    def untaxed_decision(self, market: Market, destination: Destination) -> UntaxedDecision | None:
        """Return the decision to sell to a destination without tax (§10.5b).

        That of the market holds only for countries without rates: a country with rates needs one
        of its own.
        """
        decision = self.tax.untaxed_decision(destination)
        if decision is None and not self.tax.has_rates(tax_area(destination).place.country):
            return market.untaxed
        return decision

    @cached_property
    def promotion_index(self) -> PromotionIndex:
        """The promotions in evaluation order, indexed by the goods that they target."""
        return PromotionIndex(self.promotions, self.groups)

    @cached_property
    def ended_promotion_ids(self) -> frozenset[str]:
        """The ids of the ended promotions that are still stored."""
        return frozenset(promotion.id for promotion in self.ended_promotions)

    @cached_property
    def price_lists_by_priority(self) -> tuple[PriceList, ...]:
        """The price lists in the order of §3.3."""
        return tuple(sorted(self.price_lists, key=lambda listed: (listed.priority, listed.id)))

    @cached_property
    def publicly_listed_articles(self) -> frozenset[str]:
        """The variants and products with a price in a list for all customer groups."""
        public_lists = (listed for listed in self.price_lists if not listed.groups)
        return frozenset(article for listed in public_lists for article in listed.articles)

    @cached_property
    def products_with_variant_rules(self) -> frozenset[str]:
        """The products of which a public list or a promotion names a single variant."""
        promoted = (
            variant
            for candidate in self.promotion_index.candidates
            for goods in candidate.goods
            for variant in goods.variants
        )
        variants = (*self.publicly_listed_articles, *promoted)
        return frozenset(variant.rpartition(".")[0] for variant in variants) - {""}

    @cached_property
    def uses_customer_groups(self) -> bool:
        """Whether any rule depends on customer groups or segments."""
        return any(listed.groups for listed in self.price_lists) or any(
            p.conditions.groups or p.conditions.segments for p in self.promotions
        )

    @cached_property
    def has_first_order_promotion(self) -> bool:
        """Whether any promotion requires a first order."""
        return any(p.conditions.first_order for p in self.promotions)

    @cached_property
    def price_history_cache(self) -> PriceHistoryCache:
        """Price histories replayed under these rules; dropped with them."""
        return {}

    def gives_same_quote(self, version: str, then: datetime, at: datetime) -> bool:
        """Return whether a quote of ``then`` under that version still holds at ``at``.

        It holds if no rule has changed, begun or ended in between. That includes a tax rate, on the
        day of any market. Facts outside the rules, such as catalog prices and remaining limits, are
        not checked.
        """
        if version != self.version or self._tax_changes(then, at):
            return False
        return all(
            bool(promotion.reason_not_running(then)) == bool(promotion.reason_not_running(at))
            for promotion in self.promotions
        ) and all(
            bool(listed.window.reason_closed(then)) == bool(listed.window.reason_closed(at))
            for listed in self.price_lists
        )

    def _tax_changes(self, then: datetime, at: datetime) -> bool:
        """Whether a rate begins or ends between two instants, on the day of any market."""
        first, last = sorted((then, at))
        # No market is further than 14 hours from UTC, so most pairs of instants need no time zone.
        earliest, latest = (first - timedelta(days=1)).date(), (last + timedelta(days=1)).date()
        return self.tax.changes_after(earliest, latest) and any(
            self.tax.changes_after(market.day(first), market.day(last)) for market in self.markets
        )

    def with_policy_at(self, at: datetime) -> "RuleSet":
        """Return the rules under the policy in force at an instant (§11.4)."""
        revision = next((r for r in self.policy_revisions if at < r.until), None)
        if revision is None:
            return self
        return replace(self, groups=revision.groups, rounding=revision.rounding)

    def with_policy(self, groups: tuple[StackingGroup, ...], rounding: RoundingPolicy) -> "RuleSet":
        """Return the rules under another policy, for a simulation."""
        return replace(self, groups=groups, rounding=rounding, version=f"{self.version}+policy")

    def with_promotion(self, promotion: Promotion) -> "RuleSet":
        """Return the rules with one promotion added or replaced, for a simulation."""
        others = tuple(other for other in self.promotions if other.id != promotion.id)
        return replace(
            self, promotions=(*others, promotion), version=f"{self.version}+{promotion.id}"
        )


def possible_gifts(basket: Basket, rules: RuleSet, at: datetime) -> tuple[str, ...]:
    """Return the SKUs that promotions in force could add to this basket as gifts."""
    return tuple(
        dict.fromkeys(
            candidate.effect.sku
            for candidate, _ in (
                rules.promotion_index.candidates_for(basket.lines) if rules.promotions else ()
            )
            if isinstance(candidate.effect, FreeGift)
            and not candidate.promotion.reason_not_running(at)
        )
    )


def needs_first_order_check(basket: Basket, rules: RuleSet) -> bool:
    """Return whether a first-order promotion targets a line of the basket.

    Only then does its price depend on earlier orders. Most baskets need no lookup of orders.
    """
    return rules.has_first_order_promotion and any(
        candidate.promotion.conditions.first_order and (basket.codes or not candidate.code_required)
        for candidate, _ in rules.promotion_index.candidates_for(basket.lines)
    )
