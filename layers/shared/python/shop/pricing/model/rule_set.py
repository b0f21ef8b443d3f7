"""The rules of a shop at one version: markets, price lists, promotions, tax."""

from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any

from shop.kernel.errors import InvalidRequest
from shop.kernel.frozen import frozen
from shop.places.model.destination import Destination
from shop.pricing.model.basket import Basket
from shop.pricing.model.effects import GiftWith
from shop.pricing.model.policy import PastPolicy
from shop.pricing.model.price_lists import PriceList
from shop.pricing.model.promotion_index import PromotionIndex
from shop.pricing.model.promotions import Promotion, StackingGroup
from shop.pricing.model.rounding import RoundingPolicy
from shop.pricing.model.targeting import zone
from shop.tax.model.rates import BUNDLED_TAX_TABLE, TaxTable


@frozen(slots=False)
class Market:
    """Where the shop sells, and how prices are told there.

    ``tax`` is ``"included"`` in prices, ``"added"`` to them, or ``"none"``. ``home`` is where the
    seller is: until a destination is known, prices include the tax of there. ``zone`` decides which
    day it is for a dated rate.
    """

    id: str
    tax: str = "none"
    home: Destination | None = None
    zone: str = "UTC"

    def day(self, at: datetime) -> date:
        if self.zone == "UTC":
            return at.astimezone(UTC).date()
        return at.astimezone(zone(self.zone)).date()


MARKETS = (
    Market("US", tax="added", zone="America/New_York"),
    Market("EU", tax="included", home=Destination("DE"), zone="Europe/Berlin"),
    Market("CN", tax="included", home=Destination("CN"), zone="Asia/Shanghai"),
    Market("WORLD", tax="none"),
)


CHANNELS = ("web", "app", "agent")
"""Where the shop sells: its pages, its app, and platforms that buy for somebody."""

_EU = frozenset(
    """AT BE BG CY CZ DE DK EE ES FI FR GR HR HU
    IE IT LT LU LV MT NL PL PT RO SE SI SK""".split()
)


def market_of(country: str | None) -> str:
    """The market that a country belongs to; before one is known, the shop's home market."""
    if country is None or country == "US":
        return "US"
    if country in _EU:
        return "EU"
    return "CN" if country == "CN" else "WORLD"


HALF_EVEN = RoundingPolicy()


@frozen(slots=False)
class RuleSet:
    """Everything that decides a price beside the basket and the instant.

    ``version`` changes with every change of any of it; whoever keeps rules in memory compares it.
    What is asked again and again is worked out at the first quote and kept with the rules.
    ``past`` are promotions that ended, ``policies`` how they stacked and halves were decided
    before, the oldest first: they price nothing, and tell what things did cost.
    """

    version: str = "0"
    markets: tuple[Market, ...] = MARKETS
    tax: TaxTable = BUNDLED_TAX_TABLE
    rounding: RoundingPolicy = HALF_EVEN
    price_lists: tuple[PriceList, ...] = ()
    promotions: tuple[Promotion, ...] = ()
    groups: tuple[StackingGroup, ...] = ()
    past: tuple[Promotion, ...] = ()
    policies: tuple[PastPolicy, ...] = ()

    @cached_property
    def _markets(self) -> dict[str, Market]:
        return {market.id: market for market in self.markets}

    def market(self, market_id: str) -> Market:
        """The market of that id. Raises :class:`Invalid` for one the shop does not sell in."""
        market = self._markets.get(market_id)
        if market is None:
            raise InvalidRequest(
                f"{market_id!r} is not a market of this shop",
                code="market_unknown",
                path="$.market",
            )
        return market

    @cached_property
    def plan(self) -> PromotionIndex:
        """The promotions in order, indexed by what they touch."""
        return PromotionIndex(self.promotions, self.groups)

    @cached_property
    def lists_in_order(self) -> tuple[PriceList, ...]:
        """The price lists, those that go first first."""
        return tuple(sorted(self.price_lists, key=lambda found: (found.priority, found.id)))

    @cached_property
    def listed_for_all(self) -> frozenset[str]:
        """Every variant and product with a price in a list that is for all customer groups."""
        lists = (found for found in self.price_lists if not found.groups)
        return frozenset(article for found in lists for article in found.articles)

    @cached_property
    def products_by_variant(self) -> frozenset[str]:
        """The products of which such a list or a promotion names a variant."""
        promoted = (v for c in self.plan.candidates for goods in c.goods for v in goods.variants)
        named = (*self.listed_for_all, *promoted)
        return frozenset(variant.rpartition(".")[0] for variant in named) - {""}

    @cached_property
    def asks_for_groups(self) -> bool:
        """Whether any rule is for some customer groups or segments."""
        return any(found.groups for found in self.price_lists) or any(
            p.conditions.groups or p.conditions.segments for p in self.promotions
        )

    @cached_property
    def asks_for_first_order(self) -> bool:
        """Whether any promotion is for a first order."""
        return any(p.conditions.first_order for p in self.promotions)

    @cached_property
    def histories(self) -> dict[Any, Any]:
        """What was played back of the past under these rules, kept with them."""
        return {}

    def gives_same_quote(self, version: str, then: datetime, at: datetime) -> bool:
        """Whether what was quoted ``then`` under that version would be quoted alike: since then
        nothing was changed, has begun or has ended.

        What the rules do not hold (the catalogue's prices, what is left of limited things) may
        have changed all the same.
        """
        if version != self.version:
            return False
        return all(
            bool(promotion.reason_not_running(then)) == bool(promotion.reason_not_running(at))
            for promotion in self.promotions
        ) and all(
            bool(found.window.reason_closed(then)) == bool(found.window.reason_closed(at))
            for found in self.price_lists
        )

    def as_of_policy(self, at: datetime) -> "RuleSet":
        """These rules with the groups and the rounding that held at an instant."""
        then = next((one for one in self.policies if at < one.until), None)
        return self if then is None else replace(self, groups=then.groups, rounding=then.rounding)

    def with_policy(self, groups: tuple[StackingGroup, ...], rounding: RoundingPolicy) -> "RuleSet":
        """These rules under another policy: to ask "what if"."""
        return replace(self, groups=groups, rounding=rounding, version=f"{self.version}+policy")

    def with_promotion(self, promotion: Promotion) -> "RuleSet":
        """These rules with one promotion more, or another in its place: to ask "what if"."""
        others = tuple(other for other in self.promotions if other.id != promotion.id)
        return replace(
            self, promotions=(*others, promotion), version=f"{self.version}+{promotion.id}"
        )


def possible_gifts(basket: Basket, rules: RuleSet, at: datetime) -> tuple[str, ...]:
    """The SKUs that promotions in force may give along with this basket."""
    return tuple(
        dict.fromkeys(
            candidate.effect.sku
            for candidate, _ in (
                rules.plan.candidates_for(basket.lines) if rules.promotions else ()
            )
            if isinstance(candidate.effect, GiftWith)
            and not candidate.promotion.reason_not_running(at)
        )
    )


def needs_first_order_check(basket: Basket, rules: RuleSet) -> bool:
    """Whether a promotion for a first order may be about this basket: only then does it matter
    what its customer bought before.
    """
    return rules.asks_for_first_order and any(
        candidate.promotion.conditions.first_order and (basket.codes or not candidate.code_required)
        for candidate, _ in rules.plan.candidates_for(basket.lines)
    )
