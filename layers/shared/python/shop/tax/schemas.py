"""Tax rates as staff write and read them."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shop.kernel.errors import InvalidRequest
from shop.kernel.pagination import decode_name_cursor, to_cursor
from shop.kernel.text_validation import CONTROL_CHARACTERS, MARKUP_MESSAGE, TAG
from shop.tax.model.country_rates import CountryRates
from shop.tax.model.rates import TaxRate


class TaxRatesBody(BaseModel):
    """All rates of a country, as docs/rules/pricing.md (§10) describes them: ``rate`` in parts per
    million, ``tax_class`` (standard), ``region``, ``name``, ``since`` and ``until`` (days; without
    them always). The model checks them: each problem comes back with its path.

    ``version`` is the one that was read, 0 for the bundled rates; it may come as ``If-Match``.
    """

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    rates: list[Any]
    version: Annotated[int, Field(ge=0, le=10**9)] | None = None
    reason: Annotated[str, StringConstraints(max_length=500)] = ""

    country: Any = None
    at: Any = None
    actor: Any = None
    """What was read may be sent back; the shop knows these itself."""

    def read(self, country: str) -> tuple[TaxRate, ...]:
        """Raises Invalid with field and reason of every contradiction."""
        if CONTROL_CHARACTERS.search(self.reason) or TAG.search(self.reason):
            raise InvalidRequest(MARKUP_MESSAGE, code="markup_not_allowed", path="$.reason")
        return CountryRates.read(country, self.rates)


class TaxRateView(BaseModel):
    """One rate, as it is written."""

    rate: int
    tax_class: str
    region: str | None = None
    name: str = ""
    since: date | None = None
    until: date | None = None


class TaxRatesView(BaseModel):
    """The rates of a country: those that held, those that hold, those to come."""

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
    """A country with rates: the version in force, 0 where they are the bundled ones."""

    country: str
    version: int
    rates: int


class TaxCountriesView(BaseModel):
    """The countries that the shop has rates of, by code."""

    countries: list[TaxCountryView] = Field(default_factory=list)
    cursor: str | None = None


def tax_countries_view(
    bundled: Iterable[TaxRate],
    changed: Iterable[CountryRates],
    *,
    limit: int,
    cursor: str | None,
) -> TaxCountriesView:
    """A page of them."""
    after = decode_name_cursor(cursor)
    count: dict[str, tuple[int, int]] = {}
    for rate in bundled:
        count[rate.country] = (0, count.get(rate.country, (0, 0))[1] + 1)
    count |= {one.country: (one.version, len(one.rates)) for one in changed}
    rest = [code for code in sorted(count) if after is None or code > after]
    return TaxCountriesView(
        countries=[
            TaxCountryView(country=code, version=count[code][0], rates=count[code][1])
            for code in rest[:limit]
        ],
        cursor=to_cursor({"after": rest[limit - 1]}) if len(rest) > limit else None,
    )
