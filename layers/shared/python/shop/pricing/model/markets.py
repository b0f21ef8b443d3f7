"""The markets that staff define: validation, versions, and sales without tax that nobody decided.

Business rules: docs/rules/pricing.md §10.5a and §10.5b.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from shop.kernel.errors import Conflict, InvalidRequest, Problem
from shop.kernel.frozen import frozen
from shop.kernel.money import CURRENCIES
from shop.kernel.time_bounds import time_zone
from shop.places.model.destination import Destination
from shop.pricing.model.price_lists import PriceList
from shop.pricing.model.promotions import Promotion, PromotionStatus
from shop.pricing.model.rule_set import MARKETS, Market, RuleSet
from shop.tax.model.rates import STANDARD, UntaxedDecision, taxed_from

MAX_MARKETS = 100
REST = "*"
"""Stands for all countries without a rate that no market names."""
MARKET_ID = re.compile(r"[A-Z][A-Z0-9_-]{0,31}")
BUNDLED_AT = datetime(2026, 9, 29, tzinfo=UTC)


@frozen
class MarketSettings:
    """All markets of the shop. Version 0 has the bundled ones."""

    markets: tuple[Market, ...] = MARKETS
    version: int = 0
    at: datetime = BUNDLED_AT
    actor: str = ""
    reason: str = ""

    def update(
        self, markets: tuple[Market, ...], *, at: datetime, actor: str, reason: str
    ) -> "MarketSettings":
        """Return the next version, in force from ``at`` on.

        A decision to sell without tax gets author and time, unless it is the former one.

        Raises :class:`InvalidRequest` with the path of every problem.
        """
        problems = list(_problems(markets))
        if problems:
            raise InvalidRequest(problems[0].detail, code=problems[0].code, problems=problems)
        former = {market.id: market.untaxed for market in self.markets}
        return MarketSettings(
            tuple(_with_author(market, former.get(market.id), at, actor) for market in markets),
            self.version + 1,
            at,
            actor,
            reason,
        )

    def check_in_use(
        self,
        markets: Iterable[Market],
        promotions: Iterable[Promotion],
        price_lists: Iterable[PriceList],
        at: datetime,
    ) -> None:
        """Raise :class:`Conflict` (``market_in_use``) if a removed market is still needed.

        A market is needed by a scheduled or running promotion and by a price list that has not
        ended. ``markets`` are those of the next version.
        """
        removed = {market.id for market in self.markets} - {market.id for market in markets}
        needed = [
            (f"Promotion {promotion.id}", promotion.conditions.markets)
            for promotion in promotions
            if promotion.status(at) in (PromotionStatus.SCHEDULED, PromotionStatus.RUNNING)
        ]
        needed += [
            (f"Price list {listed.id}", listed.markets)
            for listed in price_lists
            if listed.window.ends is None or listed.window.ends > at
        ]
        for name, ids in needed:
            if used := removed.intersection(ids):
                raise Conflict(
                    f"{name} names the market {min(used)}. End it first, or keep the market.",
                    code="market_in_use",
                    path="$.markets",
                )


def _with_author(
    market: Market, former: UntaxedDecision | None, at: datetime, actor: str
) -> Market:
    decision = market.untaxed
    if decision is None:
        return market
    if former is not None and former.reason == decision.reason:
        return replace(market, untaxed=former)
    return replace(market, untaxed=UntaxedDecision(decision.reason, actor, at))


def _problems(markets: tuple[Market, ...]) -> Iterator[Problem]:
    ids: set[str] = set()
    countries: dict[str, str] = {}
    for place, market in enumerate(markets):
        path = f"$.markets[{place}]"
        if market.id in ids:
            detail = f"The id {market.id} is used twice. Use each id once."
            yield Problem("duplicate", detail, f"{path}.id")
        ids.add(market.id)
        yield from _problems_of(market, path)
        for position, country in enumerate(market.countries):
            if country in countries:
                detail = f"{country} is already in market {countries[country]}. Name it once."
                yield Problem("duplicate", detail, f"{path}.countries[{position}]")
            countries.setdefault(country, market.id)
    if sum(not market.countries for market in markets) != 1:
        detail = "Exactly one market must have no countries: that of all other countries."
        yield Problem("market_of_the_rest", detail, "$.markets")


def _problems_of(market: Market, path: str) -> Iterator[Problem]:
    if not MARKET_ID.fullmatch(market.id):
        detail = "A market id is a capital letter and up to 31 capitals, digits, hyphens or _."
        yield Problem("id_invalid", detail, f"{path}.id")
    if market.tax == "included" and market.home is None:
        detail = "Prices with tax need the seller's place, whose tax they include at first."
        yield Problem("missing", detail, f"{path}.home")
    if market.untaxed is not None and market.tax != "none":
        detail = "A market with tax has decisions by country (tax rates). Omit this field."
        yield Problem("value_contradiction", detail, f"{path}.untaxed_reason")
    if market.currency is not None and market.currency not in CURRENCIES:
        detail = "Currency must be an ISO 4217 code such as USD."
        yield Problem("currency_unknown", detail, f"{path}.currency")
    try:
        time_zone(market.zone)
    except ValueError:
        detail = "The time zone must be an IANA name, such as Europe/Berlin."
        yield Problem("time_zone_unknown", detail, f"{path}.zone")


@frozen
class UndecidedSale:
    """A country to which the shop sells without tax although nobody decided so."""

    market: str
    country: str
    detail: str


def undecided_sales(rules: RuleSet, at: datetime) -> list[UndecidedSale]:
    """Return the countries with a rate or a market of their own that are sold to without tax.

    Countries that only the market of the rest has, and that have no rate, share its one decision
    and one entry, with the country ``*``.
    """
    found = []
    countries = {rate.country for rate in rules.tax.rates}
    countries |= {country for market in rules.markets for country in market.countries}
    for country in sorted(countries):
        sale = undecided_sale(rules, country, at)
        if sale is not None:
            found.append(sale)
    rest = next(market for market in rules.markets if not market.countries)
    if rest.untaxed is None:
        detail = (
            "All countries that no market names and that have no rate are sold to without tax."
            f" Decide it with untaxed_reason of the market {rest.id}."
        )
        found.append(UndecidedSale(rest.id, REST, detail))
    return found


def undecided_sale(rules: RuleSet, country: str, at: datetime) -> UndecidedSale | None:
    """Return whether the whole of a country, or a part, is sold to without tax undecided."""
    market = rules.market_of(country)
    place = taxed_from(market.home, Destination(country))
    if rules.untaxed_decision(market, place) is not None:
        return None
    day = market.day(at)
    if market.tax == "none":
        if not rules.tax.has_rates(country):
            detail = f"Market {market.id} charges no tax in {country}."
        else:
            detail = f"{country} has tax rates, and its market {market.id} charges no tax."
    elif rules.tax.rate(STANDARD, place, day) is not None:
        return None
    elif rules.tax.regions_named(country):
        detail = f"Regions of {country} without a rate or a decision are sold to without tax"
        if country == "US":
            states = _undecided_states(rules, market, at)
            if not states:
                return None
            detail += f": {', '.join(states)}"
        detail += ". Decide it for them or for the whole country."
    else:
        detail = f"{country} has no standard tax rate today."
    return UndecidedSale(market.id, country, detail)


def _undecided_states(rules: RuleSet, market: Market, at: datetime) -> list[str]:
    """Return the states of the US without a rate today and without a decision."""
    from shop.tax.model.us_states import US_STATE_RATES  # lazy: staff handlers

    day = market.day(at)
    places = [Destination("US", state) for state in sorted(US_STATE_RATES)]
    return [
        place.region or ""
        for place in places
        if rules.tax.rate(STANDARD, place, day) is None
        and rules.untaxed_decision(market, place) is None
    ]


def market_to_dict(market: Market) -> dict[str, Any]:
    """Return JSON values for the store; :func:`shop.pricing.store.rule_set_rows.markets_from`
    reads them."""
    home, untaxed = market.home, market.untaxed
    return {
        "id": market.id,
        "tax": market.tax,
        "home": None if home is None else [home.country, home.region, home.postal_code],
        "zone": market.zone,
        "countries": list(market.countries),
        "currency": market.currency,
        "untaxed": (
            None if untaxed is None else [untaxed.reason, untaxed.actor, untaxed.at.isoformat()]
        ),
    }
