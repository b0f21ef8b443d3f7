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


class TaxRatesBody(BaseModel):
    """All rates of a country. docs/rules/pricing.md (§10) describes their fields.

    ``rate`` is in parts per million. ``since`` (inclusive) and ``until`` (exclusive) are days;
    without them a rate has no start or no end. ``version`` is the one that was read, 0 for the
    bundled rates; ``If-Match`` may send it instead.
    """

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    rates: list[Any]
    version: Annotated[int, Field(ge=0, le=10**9)] | None = None
    reason: Annotated[str, StringConstraints(max_length=500)] = ""

    country: Any = None
    at: Any = None
    actor: Any = None
    """Fields of the response, so that it may be sent back; their values are ignored."""

    def parse(self, country: str) -> tuple[TaxRate, ...]:
        """Return the rates. Raises InvalidRequest with the path of every problem."""
        if CONTROL_CHARACTERS.search(self.reason) or TAG.search(self.reason):
            raise InvalidRequest(MARKUP_MESSAGE, code="markup_not_allowed", path="$.reason")
        return CountryRates.parse(country, self.rates)


class TaxRateView(BaseModel):
    """One rate, with the fields of the request."""

    rate: int
    tax_class: str
    region: str | None = None
    name: str = ""
    since: date | None = None
    until: date | None = None


class TaxRatesView(BaseModel):
    """The rates of a country: past, present and future."""

    country: str
    version: int
    at: datetime
    actor: str
    reason: str
    rates: list[TaxRateView]

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
    """A country with the version and the number of its rates; version 0 are the bundled ones."""

    country: str
    version: int
    rates: int


class TaxCountriesView(BaseModel):
    """The countries with rates, sorted by code."""

    countries: list[TaxCountryView] = Field(default_factory=list)
    cursor: str | None = None


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
