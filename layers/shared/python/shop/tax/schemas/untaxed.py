"""Request and response types of a decision to sell to several countries without tax."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shop.kernel.errors import InvalidRequest
from shop.kernel.text_validation import CONTROL_CHARACTERS, MARKUP_MESSAGE, TAG
from shop.tax.actions import MAX_DECISIONS, StatedCountry, UntaxedRecord
from shop.tax.model.country_rates import CountryRates
from shop.tax.schemas import TaxWarningView, UntaxedReason

REST = "*"
"""Stands for all countries without a rate that no market names, in warnings."""
_CLOSED = ConfigDict(extra="forbid", strict=True, defer_build=True)


class UntaxedCountryBody(BaseModel):
    """A country to which the decision applies."""

    model_config = _CLOSED

    country: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    """Country by code or name, or XI for Northern Ireland.
    Example: CH"""
    version: Annotated[int, Field(ge=0, le=10**9)] | None = None
    """Version of the country's rates that was read, 0 for the bundled ones; without it, the current
    one.
    Example: 0"""


class UntaxedDecisionsBody(BaseModel):
    """One decision to sell to several countries without tax."""

    model_config = _CLOSED

    reason: UntaxedReason
    """Reason of the decision, 500 characters at most.
    Example: Not registered here"""
    countries: (
        Annotated[list[UntaxedCountryBody], Field(min_length=1, max_length=MAX_DECISIONS)] | None
    ) = None
    """Countries, each as a whole; absent for every country without a decision, as the warnings of
    the markets list them.
    Example: [{"country": "CH"}, {"country": "NO", "version": 2}]"""

    def parse(self) -> tuple[StatedCountry, ...] | None:
        """Return the countries. Raises InvalidRequest for a reason with markup."""
        if TAG.search(self.reason) or CONTROL_CHARACTERS.search(self.reason):
            raise InvalidRequest(MARKUP_MESSAGE, code="markup_not_allowed", path="$.reason")
        if self.countries is None:
            return None
        return tuple(StatedCountry(one.country, one.version) for one in self.countries)


class UntaxedCountryView(BaseModel):
    """A country with the decision."""

    country: str
    """Country as an ISO 3166-1 alpha-2 code, or XI for Northern Ireland."""
    version: int
    """Version of the country's rates."""


class UntaxedDecisionsView(BaseModel):
    """One decision to sell to several countries without tax."""

    reason: str
    """Reason of the decision."""
    actor: str
    """Staff user who sent the request."""
    at: datetime
    """Instant of the request."""
    summary: str
    """What the request changed, and what is left to decide, in words."""
    recorded: list[UntaxedCountryView]
    """Countries to which this request applied the decision."""
    unchanged: list[UntaxedCountryView]
    """Countries that had the same decision before; their author and time stay."""
    warnings: list[TaxWarningView]
    """Sales without tax that are not decided yet."""

    @classmethod
    def of(
        cls,
        record: UntaxedRecord,
        warnings: list[TaxWarningView],
        *,
        reason: str,
        actor: str,
        at: datetime,
    ) -> "UntaxedDecisionsView":
        return cls(
            reason=reason,
            actor=actor,
            at=at,
            summary=_summary(record, warnings),
            recorded=_countries(record.recorded),
            unchanged=_countries(record.unchanged),
            warnings=warnings,
        )


def _summary(record: UntaxedRecord, warnings: Sequence[TaxWarningView]) -> str:
    """Return sentences about the countries of a decision, and those that are left."""
    sentences = [f"Recorded for {_codes(record.recorded)}."]
    if record.unchanged:
        sentences.append(f"Recorded with this reason before: {_codes(record.unchanged)}.")
    named = ", ".join(one.country for one in warnings if one.country != REST)
    if named:
        sentences.append(f"Still without a decision: {named}.")
    sentences += [one.content for one in warnings if one.country == REST]
    if not warnings:
        sentences.append("No sale without tax is left to decide.")
    return " ".join(sentences)


def _codes(rates: Sequence[CountryRates]) -> str:
    return ", ".join(one.country for one in rates) or "no country"


def _countries(rates: Sequence[CountryRates]) -> list[UntaxedCountryView]:
    return [UntaxedCountryView(country=one.country, version=one.version) for one in rates]
