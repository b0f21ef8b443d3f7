"""Request and response types of tax rates."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shop.kernel.errors import InvalidRequest
from shop.kernel.pagination import decode_name_cursor, to_cursor
from shop.kernel.text_validation import CONTROL_CHARACTERS, MARKUP_MESSAGE, TAG
from shop.tax.model.country_rates import CountryRates
from shop.tax.model.rates import BUNDLED_TAX_TABLE, TaxRate

ReadOnly = Any
"""Field that only the shop sets. A request may send it back; its value is ignored."""


_RATE: Any = {
    "x-model": "shop.tax.model.rates:TaxRate",
    "properties": {
        "country": {"type": "string", "description": "The country of the path; it may be omitted."}
    },
}
"""Schema of a rate for the OpenAPI document; the domain model parses it."""


class TaxRatesBody(BaseModel):
    """All tax rates of a country, as docs/rules/pricing.md (§10) describes them.

    The domain model validates them; each problem has the path of its field.
    """

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    rates: list[Annotated[Any, Field(json_schema_extra=_RATE)]]
    """All rates of the country; they replace the former rates.
    Example: [{"rate": 190000, "tax_class": "standard", "name": "USt."}]"""
    version: Annotated[int, Field(ge=0, le=10**9)] | None = None
    """Version that was read, 0 for the bundled rates; ``If-Match`` may give it instead.
    Example: 2"""
    reason: Annotated[str, StringConstraints(max_length=500)] = ""
    """Reason for the change, 500 characters at most.
    Example: Reduced rate from January"""

    country: ReadOnly = None
    at: ReadOnly = None
    actor: ReadOnly = None

    def parse(self, country: str) -> tuple[TaxRate, ...]:
        """Return the rates. Raises InvalidRequest with the path of every problem."""
        if CONTROL_CHARACTERS.search(self.reason) or TAG.search(self.reason):
            raise InvalidRequest(MARKUP_MESSAGE, code="markup_not_allowed", path="$.reason")
        return CountryRates.parse(country, self.rates)


class TaxRateView(BaseModel):
    """A tax rate."""

    rate: int
    """Rate in parts per million; 190000 is 19 %."""
    tax_class: str
    """Tax class of the goods, such as standard, reduced or shipping."""
    region: str | None = None
    """Region to which the rate is limited; absent for the whole country."""
    name: str = ""
    """Name of the tax, as receipts show it."""
    since: date | None = None
    """First day on which the rate applies; absent for no start."""
    until: date | None = None
    """First day on which the rate no longer applies; absent for no end."""


class TaxRatesView(BaseModel):
    """The past, present and future tax rates of a country."""

    country: str
    """Country as an ISO 3166-1 alpha-2 code."""
    version: int
    """Version of the rates; 0 for the bundled rates."""
    at: datetime
    """Instant from which this version applies."""
    actor: str
    """Staff user who wrote this version."""
    reason: str
    """Reason for the change."""
    rates: list[TaxRateView]
    """Rates of the country."""

    @classmethod
    def of(cls, rates: CountryRates) -> "TaxRatesView":
        return cls(
            country=rates.country,
            version=rates.version,
            at=rates.at,
            actor=rates.actor,
            reason=rates.reason,
            rates=[
                TaxRateView(
                    rate=rate.rate,
                    tax_class=rate.tax_class,
                    region=rate.region,
                    name=rate.name,
                    since=rate.since,
                    until=rate.until,
                )
                for rate in rates.rates
            ],
        )


class TaxCountryView(BaseModel):
    """A country with tax rates."""

    country: str
    """Country as an ISO 3166-1 alpha-2 code."""
    version: int
    """Version of the rates; 0 for the bundled rates."""
    rates: int
    """Number of rates."""


class TaxCountriesView(BaseModel):
    """A page of the countries with tax rates."""

    countries: list[TaxCountryView] = Field(default_factory=list)
    """Countries, sorted by code."""
    cursor: str | None = None
    """Cursor of the next page; absent on the last page."""


def tax_countries_view(
    customized: Iterable[CountryRates], *, limit: int, cursor: str | None
) -> TaxCountriesView:
    """Return a page of the countries with bundled or customized rates."""
    after = decode_name_cursor(cursor)
    by_country: dict[str, TaxCountryView] = {}
    for rate in BUNDLED_TAX_TABLE.rates:
        country = by_country.setdefault(
            rate.country, TaxCountryView(country=rate.country, version=0, rates=0)
        )
        country.rates += 1
    for rates in customized:
        by_country[rates.country] = TaxCountryView(
            country=rates.country, version=rates.version, rates=len(rates.rates)
        )
    codes = [code for code in sorted(by_country) if after is None or code > after]
    return TaxCountriesView(
        countries=[by_country[code] for code in codes[:limit]],
        cursor=to_cursor({"after": codes[limit - 1]}) if len(codes) > limit else None,
    )
