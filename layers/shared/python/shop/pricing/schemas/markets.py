"""Request and response types of markets (docs/rules/pricing.md §10.5a)."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from shop.kernel.errors import InvalidRequest
from shop.kernel.text_validation import CONTROL_CHARACTERS, MARKUP_MESSAGE, TAG
from shop.places.model.destination import Destination, StatedPlace, checked_destination
from shop.pricing.model.markets import BUNDLED_AT, MAX_MARKETS, MarketSettings, UndecidedSale
from shop.pricing.model.rule_set import Market
from shop.pricing.schemas.base import ReadOnly
from shop.tax.model.areas import validate_tax_area
from shop.tax.model.rates import UntaxedDecision

_CLOSED = ConfigDict(extra="forbid", strict=True, defer_build=True)
Reason = Annotated[str, StringConstraints(max_length=500)]
TaxAreaCode = Annotated[str, AfterValidator(validate_tax_area)]
"""Country as an ISO 3166-1 alpha-2 code, or XI for Northern Ireland; a name is converted."""


class MarketHomeBody(BaseModel):
    """The seller's place in a market."""

    model_config = _CLOSED

    # Its text is read with the region: Northern Ireland is a region of GB.
    country: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    """Country by code or name.
    Example: DE"""
    region: Annotated[str, StringConstraints(max_length=100)] | None = None
    """Region by code or name, where the country's rates depend on it.
    Example: BE"""
    postal_code: Annotated[str, StringConstraints(max_length=20)] | None = None
    """Postal code, where a tax area depends on it.
    Example: "10115"
    """

    def destination(self, path: str) -> Destination:
        place = StatedPlace(self.country, self.region, None, self.postal_code)
        found = checked_destination(place, (f"{path}.country", f"{path}.region"))
        # A region that follows from the postal code is stored only where addresses need one.
        written = place.with_codes().region
        return found if found.region == written else replace(found, region=None)


class MarketBody(BaseModel):
    """A market: a group of countries with one way to include or add tax, and one time zone."""

    model_config = _CLOSED

    id: str
    """Id of the market: a capital letter and up to 31 capitals, digits, hyphens or underscores.
    Example: GB"""
    countries: Annotated[list[TaxAreaCode], Field(max_length=300)]
    """Countries of the market by code or name, with XI for Northern Ireland; empty for the one
    market of all other countries.
    Example: ["GB", "IM"]"""
    tax: Literal["included", "added", "none"]
    """Whether prices include tax, tax is added to them, or none is charged.
    Example: included"""
    home: MarketHomeBody | None = None
    """The seller's place: prices include its tax until a destination is known. Required for
    included."""
    zone: str = "UTC"
    """IANA time zone that decides the day of a dated rate.
    Example: Europe/London"""
    currency: str | None = None
    """Currency of prices for clients that request none, as an ISO 4217 code; absent for the
    currency of the goods.
    Example: GBP"""
    untaxed_reason: (
        Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
        | None
    ) = None
    """Reason to sell without tax, if tax is none. It holds for countries without tax rates.
    Example: Exports are exempt"""

    untaxed: ReadOnly = None

    def market(self, path: str) -> Market:
        text = self.untaxed_reason
        if text and (TAG.search(text) or CONTROL_CHARACTERS.search(text)):
            raise InvalidRequest(
                MARKUP_MESSAGE, code="markup_not_allowed", path=f"{path}.untaxed_reason"
            )
        return Market(
            self.id,
            self.tax,
            None if self.home is None else self.home.destination(f"{path}.home"),
            self.zone,
            tuple(self.countries),
            self.currency,
            # Author and time are set where the decision is stored.
            None if text is None else UntaxedDecision(text, "", BUNDLED_AT),
        )


class MarketsBody(BaseModel):
    """All markets of the shop, which replace the former ones."""

    model_config = _CLOSED

    markets: Annotated[list[MarketBody], Field(min_length=1, max_length=MAX_MARKETS)]
    """Markets. The first is that of shoppers whose country is unknown."""
    reason: Reason = ""
    """Reason for the change, 500 characters at most.
    Example: Registered in the United Kingdom"""
    version: Annotated[int, Field(ge=0, le=10**9)] | None = None
    """Version that was read, 0 for the bundled markets; ``If-Match`` may give it instead.
    Example: 2"""

    at: ReadOnly = None
    actor: ReadOnly = None
    warnings: ReadOnly = None

    def parse(self) -> tuple[Market, ...]:
        """Return the markets. Raises InvalidRequest with the path of the first invalid text."""
        if TAG.search(self.reason) or CONTROL_CHARACTERS.search(self.reason):
            raise InvalidRequest(MARKUP_MESSAGE, code="markup_not_allowed", path="$.reason")
        return tuple(
            market.market(f"$.markets[{place}]") for place, market in enumerate(self.markets)
        )


class MarketHomeView(BaseModel):
    """The seller's place in a market."""

    country: str
    """Country as an ISO 3166-1 alpha-2 code."""
    region: str | None = None
    """Region, as the second part of its ISO 3166-2 code."""
    postal_code: str | None = None
    """Postal code."""


class MarketDecisionView(BaseModel):
    """A decision to sell without tax."""

    reason: str
    """Reason for the decision."""
    actor: str
    """Staff user who decided."""
    at: datetime
    """Instant of the decision."""


class MarketView(BaseModel):
    """A market: a group of countries with one way to include or add tax, and one time zone."""

    id: str
    """Id of the market, to which price lists and promotions refer."""
    countries: list[str]
    """Countries as ISO 3166-1 alpha-2 codes, and XI for Northern Ireland; empty for the market of
    all other countries."""
    tax: str
    """Whether prices include tax, tax is added to them, or none is charged: included, added or
    none."""
    home: MarketHomeView | None = None
    """The seller's place; absent without one."""
    zone: str
    """IANA time zone that decides the day of a dated rate."""
    currency: str | None = None
    """Currency of prices for clients that request none; absent for the currency of the goods."""
    untaxed_reason: str | None = None
    """Reason to sell without tax; absent without a decision."""
    untaxed: MarketDecisionView | None = None
    """The decision to sell without tax; absent without one."""

    @classmethod
    def of(cls, market: Market) -> "MarketView":
        home, untaxed = market.home, market.untaxed
        return cls(
            id=market.id,
            countries=list(market.countries),
            tax=market.tax,
            home=(
                None
                if home is None
                else MarketHomeView(
                    country=home.country, region=home.region, postal_code=home.postal_code
                )
            ),
            zone=market.zone,
            currency=market.currency,
            untaxed_reason=untaxed.reason if untaxed else None,
            untaxed=(
                None
                if untaxed is None
                else MarketDecisionView(reason=untaxed.reason, actor=untaxed.actor, at=untaxed.at)
            ),
        )


class UndecidedSaleView(BaseModel):
    """Sales without tax that nobody decided."""

    code: str = "untaxed_undecided"
    """Kind of the warning: untaxed_undecided."""
    content: str
    """Warning in words."""
    country: str
    """Country as an ISO 3166-1 alpha-2 code, XI for Northern Ireland, or * for all countries
    without a rate."""
    market: str
    """Id of the market."""

    @classmethod
    def of(cls, sale: UndecidedSale) -> "UndecidedSaleView":
        return cls(content=sale.detail, country=sale.country, market=sale.market)


class MarketsView(BaseModel):
    """The markets of the shop."""

    markets: list[MarketView]
    """Markets. The first is that of shoppers whose country is unknown."""
    version: int
    """Version of the markets; 0 for the bundled ones."""
    at: datetime
    """Instant from which this version applies."""
    actor: str
    """Staff user who wrote this version."""
    reason: str
    """Reason for the change."""
    warnings: list[UndecidedSaleView]
    """Countries to which the shop sells without tax although nobody decided so."""

    @classmethod
    def of(cls, settings: MarketSettings, sales: list[UndecidedSale]) -> "MarketsView":
        return cls(
            markets=[MarketView.of(market) for market in settings.markets],
            version=settings.version,
            at=settings.at,
            actor=settings.actor,
            reason=settings.reason,
            warnings=[UndecidedSaleView.of(sale) for sale in sales],
        )
