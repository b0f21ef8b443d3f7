"""Request and response types of tax rates."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shop.kernel.errors import InvalidRequest
from shop.kernel.pagination import decode_name_cursor, to_cursor
from shop.kernel.text_validation import CONTROL_CHARACTERS, MARKUP_MESSAGE, TAG
from shop.tax.model.country_rates import CountryRates, RatesChange
from shop.tax.model.local_rates import LocalRate, StateRates
from shop.tax.model.rates import BUNDLED_TAX_TABLE, TaxRate, UntaxedDecision

if TYPE_CHECKING:
    from shop.tax.model.us_states import StateTax

UntaxedReason = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)
]
"""Reason to sell without tax, without the blanks around it."""
ReadOnly = Any
"""Field that only the shop sets. A request may send it back; its value is ignored."""


class UntaxedDecisionBody(BaseModel):
    """A decision to sell to a country, or to one of its regions, without tax."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    region: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = None
    """Region by code or name; absent for the whole country.
    Example: IL"""
    reason: UntaxedReason
    """Reason, 500 characters at most.
    Example: Below the threshold of registration"""

    actor: ReadOnly = None
    at: ReadOnly = None


_RATE: Any = {
    "x-model": "shop.tax.model.rates:TaxRate",
    "x-omit": ["rate"],
    "properties": {
        "country": {"type": "string", "description": "The country of the path; it may be omitted."},
        "rate_ppm": {
            "type": "integer",
            "description": "Rate in parts per million; 190000 is 19 %.",
        },
    },
    "required": ["rate_ppm"],
}
"""Schema of a rate for the OpenAPI document; the domain model parses it."""


class TaxRatesBody(BaseModel):
    """All tax rates of a country, as docs/rules/pricing.md (§10) describes them.

    The domain model validates them; each problem has the path of its field.
    """

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    rates: list[Annotated[Any, Field(json_schema_extra=_RATE)]]
    """All rates of the country; they replace the former rates.
    Example: [{"rate_ppm": 190000, "tax_class": "standard", "name": "USt."}]"""
    untaxed: Annotated[list[UntaxedDecisionBody], Field(max_length=100)] | None = None
    """Places without a rate to which the shop sells without tax on purpose. They replace the former
    decisions; without this field, those stay.
    Example: [{"region": "IL", "reason": "Below the threshold of registration"}]"""
    version: Annotated[int, Field(ge=0, le=10**9)] | None = None
    """Version that was read, 0 for the bundled rates; ``If-Match`` may give it instead.
    Example: 2"""
    reason: Annotated[str, StringConstraints(max_length=500)] = ""
    """Reason for the change, 500 characters at most.
    Example: Reduced rate from January"""

    country: ReadOnly = None
    at: ReadOnly = None
    actor: ReadOnly = None
    warnings: ReadOnly = None
    states: ReadOnly = None

    def parse(self, country: str) -> RatesChange:
        """Return the change. Raises InvalidRequest with the path of every problem."""
        if CONTROL_CHARACTERS.search(self.reason) or TAG.search(self.reason):
            raise InvalidRequest(MARKUP_MESSAGE, code="markup_not_allowed", path="$.reason")
        with _named_by_unit():
            rates = CountryRates.parse(country, _without_unit(self.rates))
        if self.untaxed is None:
            return RatesChange(rates, reason=self.reason)
        stated = [(one.region, one.reason) for one in self.untaxed]
        return RatesChange(rates, CountryRates.parse_untaxed(country, stated), self.reason)


def _without_unit(rates: list[Any]) -> list[Any]:
    """Return rates with the names of the model, which has one unit only."""
    renamed = []
    for position, rate in enumerate(rates):
        if isinstance(rate, dict):
            if "rate" in rate:
                detail = "Send the rate as rate_ppm, in parts per million: 190000 is 19 %."
                raise InvalidRequest(detail, code="unknown_field", path=f"$.rates[{position}].rate")
            names = {name: "rate" if name == "rate_ppm" else name for name in rate}
            renamed.append({names[name]: value for name, value in rate.items()})
        else:
            renamed.append(rate)
    return renamed


@contextmanager
def _named_by_unit() -> Iterator[None]:
    """Name the request's field in the paths of problems."""
    try:
        yield
    except InvalidRequest as error:
        problems = [
            replace(problem, path=problem.path and re.sub(r"\.rate$", ".rate_ppm", problem.path))
            for problem in error.problems
        ]
        raise InvalidRequest(str(error), code=error.code, problems=problems) from None


class TaxRateView(BaseModel):
    """A tax rate."""

    rate_ppm: int
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

    @classmethod
    def of(cls, rate: TaxRate) -> "TaxRateView":
        return cls(
            rate_ppm=rate.rate,
            tax_class=rate.tax_class,
            region=rate.region,
            name=rate.name,
            since=rate.since,
            until=rate.until,
        )


class StateTaxView(BaseModel):
    """The sales tax of a state of the US, for staff who register there. It applies to nothing by
    itself."""

    state: str
    """Code of the state."""
    rate_ppm: int
    """Rate of the state today, in parts per million; 72500 is 7.25 %."""
    rates: list[TaxRateView]
    """Rates that staff add to the rates of the US to tax the state: today's, and enacted changes.
    None if the state has a rate already, or no sales tax."""
    has_local_taxes: bool
    """Whether places within the state add taxes, which an import of rates by ZIP code has."""
    shipping: str
    """Tax on a delivery charge shown separately: follows_goods, taxed, not_taxed_if_separate or
    no_state_tax."""
    shipping_basis: str
    """Legal basis of the tax on delivery."""
    shipping_confidence: str
    """Confidence in it: high, medium or low. Check low and medium ones with the state."""
    note: str
    """What else a seller should know."""

    @classmethod
    def of(cls, tax: "StateTax") -> "StateTaxView":
        return cls(
            state=tax.state,
            rate_ppm=tax.rate,
            rates=[TaxRateView.of(rate) for rate in tax.rates],
            has_local_taxes=tax.has_local_taxes,
            shipping=tax.shipping,
            shipping_basis=tax.basis,
            shipping_confidence=tax.confidence,
            note=tax.note,
        )


class UntaxedDecisionView(BaseModel):
    """A decision to sell to a country, or to one of its regions, without tax."""

    region: str | None = None
    """Code of the region; absent for the whole country."""
    reason: str
    """Reason for the decision."""
    actor: str
    """Staff user who decided."""
    at: datetime
    """Instant of the decision."""

    @classmethod
    def of(cls, decision: UntaxedDecision) -> "UntaxedDecisionView":
        return cls(
            region=decision.region,
            reason=decision.reason,
            actor=decision.actor,
            at=decision.at,
        )


class TaxWarningView(BaseModel):
    """A place to which the shop sells without tax and without a decision to do so."""

    code: str
    """Kind of the warning: untaxed_undecided."""
    content: str
    """Warning in words."""
    country: str
    """Country as an ISO 3166-1 alpha-2 code."""
    market: str
    """Id of the country's market."""


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
    untaxed: list[UntaxedDecisionView]
    """Decisions to sell without tax where no rate applies."""
    warnings: list[TaxWarningView]
    """Sales without tax that nobody decided."""
    states: list[StateTaxView] | None = None
    """Sales taxes of all states of the US, with the current rates of the US only. A state is taxed
    when staff add its rate to the list of rates."""

    @classmethod
    def of(
        cls,
        rates: CountryRates,
        warnings: list[TaxWarningView],
        states: "Sequence[StateTax] | None" = None,
    ) -> "TaxRatesView":
        return cls(
            states=None if states is None else [StateTaxView.of(one) for one in states],
            untaxed=[UntaxedDecisionView.of(decision) for decision in rates.untaxed],
            warnings=warnings,
            country=rates.country,
            version=rates.version,
            at=rates.at,
            actor=rates.actor,
            reason=rates.reason,
            rates=[TaxRateView.of(rate) for rate in rates.rates],
        )


class LocalTaxRateView(BaseModel):
    """The sales tax of a ZIP code, from the state down."""

    name: str
    """Name of the tax region."""
    combined_ppm: int
    """Sum of the rates in parts per million; 88750 is 8.875 %."""
    state_ppm: int
    """Rate of the state in parts per million."""
    county_ppm: int
    """Rate of the county in parts per million."""
    city_ppm: int
    """Rate of the city in parts per million."""
    special_ppm: int
    """Rates of special districts in parts per million."""


class LocalTaxEditionView(BaseModel):
    """The rates of a state from a day on, until the next edition."""

    since: date
    """First day on which the rates apply."""
    zip_codes: int
    """Number of ZIP codes."""
    state_ppm: int
    """Rate of the state in parts per million."""


class LocalTaxRatesView(BaseModel):
    """The sales tax below a state of the US, by ZIP code."""

    state: str
    """Code of the state."""
    version: int
    """Version of the rates; 0 before the first import."""
    at: datetime | None = None
    """Instant of the import; absent before the first one."""
    actor: str
    """Staff user who imported this version."""
    editions: list[LocalTaxEditionView]
    """Editions, oldest first."""
    rate: LocalTaxRateView | None = None
    """Rate of the requested ZIP code today; absent if none is requested or known."""

    @classmethod
    def of(cls, rates: StateRates, rate: LocalRate | None = None) -> "LocalTaxRatesView":
        return cls(
            state=rates.state,
            version=rates.version,
            at=rates.at,
            actor=rates.actor,
            editions=[
                LocalTaxEditionView(
                    since=edition.since,
                    zip_codes=len(edition.entries),
                    state_ppm=edition.state_rate,
                )
                for edition in rates.editions
            ],
            rate=(
                None
                if rate is None
                else LocalTaxRateView(
                    name=rate.name,
                    combined_ppm=rate.combined,
                    state_ppm=rate.state,
                    county_ppm=rate.county,
                    city_ppm=rate.city,
                    special_ppm=rate.special,
                )
            ),
        )


def first_day_from_query(query: Mapping[str, str]) -> date | None:
    """Return ``?since=`` as a date, ``None`` if absent. Raises InvalidRequest."""
    text = query.get("since")
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        detail = "Since must be a day, such as 2026-12-31."
        raise InvalidRequest(detail, code="time_invalid", path="since") from None


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
