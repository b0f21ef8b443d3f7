"""The tax rates of one country as staff keep them: dated, and what held is never rewritten."""

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from shop.kernel.errors import InvalidRequest, Problem
from shop.kernel.frozen import frozen
from shop.kernel.text_validation import MARKUP_MESSAGE, TAG
from shop.places.model.countries import is_region
from shop.serialization import from_json, to_json
from shop.tax.model.rates import BUNDLED_TAX_TABLE, TaxRate, TaxTable

TAX_CLASS = re.compile(r"[a-z][a-z0-9_]{0,31}")
MAX_RATES = 2_000
BUNDLED_AT = datetime(2026, 9, 29, tzinfo=UTC)


@frozen(slots=False)
class CountryRates:
    """All rates of a country, past ones and those to come. Version 0 are the bundled ones."""

    country: str
    rates: tuple[TaxRate, ...] = ()
    version: int = 0
    at: datetime = BUNDLED_AT
    actor: str = ""
    reason: str = ""

    @classmethod
    def bundled(cls, country: str) -> "CountryRates":
        """What the shop comes with; no rates for a country that it does not know."""
        return cls(
            country, tuple(rate for rate in BUNDLED_TAX_TABLE.rates if rate.country == country)
        )

    @classmethod
    def read(cls, country: str, raw: object) -> tuple[TaxRate, ...]:
        """Rates from JSON values, which need not name the country again. Raises Invalid."""
        problems: list[Problem] = []
        rates: list[TaxRate] = []
        if not isinstance(raw, list):
            raise InvalidRequest("a list of rates", code="wrong_type", path="$.rates")
        if len(raw) > MAX_RATES:
            raise InvalidRequest(f"{MAX_RATES} at most", code="too_many", path="$.rates")
        for n, one in enumerate(raw):
            path = f"$.rates[{n}]"
            detail = {"country": country, **one} if isinstance(one, dict) else one
            rate = from_json(TaxRate, detail, path, problems)
            if rate is not None:
                problems += _problems_of(rate, country, path)
                rates.append(rate)
        if problems:
            raise InvalidRequest(problems[0].detail, code=problems[0].code, problems=problems[:100])
        TaxTable(tuple(rates))  # refuses two rates at once, with the place of the second
        gaps = list(_gaps(rates))
        if gaps:
            raise InvalidRequest(gaps[0].detail, code=gaps[0].code, problems=gaps)
        return tuple(rates)

    def to_list(self) -> list[dict[str, Any]]:
        """JSON values, without the country that all of them have."""
        payload: list[dict[str, Any]] = [to_json(rate) for rate in self.rates]
        for rate in payload:
            del rate["country"]
        return payload

    def update(
        self, rates: tuple[TaxRate, ...], today: date, *, at: datetime, actor: str, reason: str
    ) -> "CountryRates":
        """The next version: what is to hold from today on.

        Raises Invalid (``rate_past``) where what held before today would be told differently: goods
        of then were taxed by it, and may still be returned.
        """
        after = replace(
            self, rates=rates, version=self.version + 1, at=at, actor=actor, reason=reason
        )
        was, payload = _held_before(self.rates, today), _held_before(rates, today)
        for key in {**was, **payload}:
            if was.get(key) != payload.get(key):
                region, tax_class = key
                path = f"{tax_class} in {region}" if region else tax_class
                raise InvalidRequest(
                    f"what held before {today} stays as it was ({path}): end it with until, and"
                    " give the new rate its since, today or later",
                    code="rate_past",
                    path=_place(rates, region, tax_class),
                )
        return after


def tax_table_with(changed: Iterable[CountryRates]) -> TaxTable:
    """The bundled table with the countries that staff keep themselves in its place."""
    stored = {rates.country: rates for rates in changed}
    if not stored:
        return BUNDLED_TAX_TABLE
    own = [rate for rates in stored.values() for rate in rates.rates]
    others = [rate for rate in BUNDLED_TAX_TABLE.rates if rate.country not in stored]
    return TaxTable((*others, *own), BUNDLED_TAX_TABLE.union)


def _problems_of(rate: TaxRate, country: str, path: str) -> Iterable[Problem]:
    if rate.country != country:
        yield Problem("country_other", f"these are the rates of {country}", f"{path}.country")
    if not TAX_CLASS.fullmatch(rate.tax_class) or rate.tax_class == "zero":
        detail = "a tax class is a name such as standard or reduced; zero is never taxed"
        yield Problem("tax_class_invalid", detail, f"{path}.tax_class")
    if rate.region is not None and not is_region(country, rate.region):
        detail = f"{rate.region!r} is no region of {country}"
        yield Problem("region_unknown", detail, f"{path}.region")
    if len(rate.name) > 60 or not rate.name.isprintable():
        yield Problem("text_invalid", "one line of at most 60 characters", f"{path}.name")
    elif TAG.search(rate.name):
        yield Problem("markup_not_allowed", MARKUP_MESSAGE, f"{path}.name")


def _gaps(rates: list[TaxRate]) -> Iterable[Problem]:
    """A day between two rates on which none holds: nobody means that."""
    for n, rate in enumerate(rates):
        if rate.until is None:
            continue
        sinces = [other.since for other in rates if other.since and _key(other) == _key(rate)]
        later = [since for since in sinces if since >= rate.until]
        if later and min(later) > rate.until:
            detail = f"from {rate.until} until {min(later)} no rate holds"
            yield Problem("rates_gap", detail, f"$.rates[{n}].until")


def _key(rate: TaxRate) -> tuple[str | None, str]:
    return (rate.region, rate.tax_class)


def _held_before(
    rates: Iterable[TaxRate], today: date
) -> dict[tuple[str | None, str], list[tuple[date | None, date, int]]]:
    """Per region and class what held on the days before today, cut there, equal neighbours one."""
    found: dict[tuple[str | None, str], list[tuple[date | None, date, int]]] = {}
    for rate in sorted(rates, key=lambda rate: rate.since or date.min):
        if rate.since is not None and rate.since >= today:
            continue
        held = found.setdefault(_key(rate), [])
        until = today if rate.until is None else min(rate.until, today)
        if held and held[-1][1] == rate.since and held[-1][2] == rate.rate:
            held[-1] = (held[-1][0], until, rate.rate)
        else:
            held.append((rate.since, until, rate.rate))
    return found


def _place(rates: tuple[TaxRate, ...], region: str | None, tax_class: str) -> str:
    for n, rate in enumerate(rates):
        if _key(rate) == (region, tax_class):
            return f"$.rates[{n}]"
    return "$.rates"
