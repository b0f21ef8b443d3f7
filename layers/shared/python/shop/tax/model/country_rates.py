"""The tax rates of one country, as staff maintain them. Rates of past days never change."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from shop.kernel.errors import InvalidRequest, Problem
from shop.kernel.frozen import frozen
from shop.kernel.text_validation import CONTROL_CHARACTERS, MARKUP_MESSAGE, TAG
from shop.places.model.countries import Unmatched, is_region
from shop.places.model.destination import region_unknown
from shop.serialization import from_json, to_json
from shop.tax.model.bundled_rates import AREA_REGIONS
from shop.tax.model.rates import (
    BUNDLED_TAX_TABLE,
    ZERO,
    TaxRate,
    TaxTable,
    UntaxedDecision,
)

if TYPE_CHECKING:  # most shops have no rates below a state
    from shop.tax.model.local_rates import StateRates

TAX_CLASS_PATTERN = re.compile(r"[a-z][a-z0-9_]{0,31}")
MAX_RATES = 2_000
MAX_NAME_LENGTH = 60
MAX_PROBLEMS = 100
BUNDLED_AT = datetime(2026, 9, 29, tzinfo=UTC)
"""The day of the data from which the bundled rates were derived."""

RateKey = tuple[str | None, str]
"""Region and tax class."""
Period = tuple[date | None, date, int]
"""First day, last day plus one, and rate."""


@frozen
class RatesChange:
    """A change of a country's rates.

    ``untaxed`` are the reasons to sell without tax, by region. They replace the former ones;
    ``None`` keeps those.
    """

    rates: tuple[TaxRate, ...]
    untaxed: Mapping[str | None, str] | None = None
    reason: str = ""


@frozen(slots=False)
class CountryRates:
    """All rates of a country, past and future. Version 0 has the bundled rates."""

    country: str
    rates: tuple[TaxRate, ...] = ()
    untaxed: tuple[UntaxedDecision, ...] = ()
    version: int = 0
    at: datetime = BUNDLED_AT
    actor: str = ""
    reason: str = ""

    @classmethod
    def bundled(cls, country: str) -> "CountryRates":
        """Return the bundled rates of a country; none for a country outside the bundled table."""
        return cls(
            country, tuple(rate for rate in BUNDLED_TAX_TABLE.rates if rate.country == country)
        )

    @classmethod
    def parse(cls, country: str, raw: object) -> tuple[TaxRate, ...]:
        """Return rates from JSON values, which may omit the country and name their regions.

        Raises :class:`InvalidRequest` with the path of every problem.
        """
        if not isinstance(raw, list):
            raise InvalidRequest("Rates must be a list.", code="wrong_type", path="$.rates")
        if len(raw) > MAX_RATES:
            raise InvalidRequest(
                f"Send {MAX_RATES} rates or fewer.", code="too_many", path="$.rates"
            )
        problems: list[Problem] = []
        rates: list[TaxRate] = []
        for position, item in enumerate(raw):
            path = f"$.rates[{position}]"
            value = _with_place_codes(item, country) if isinstance(item, dict) else item
            rate = from_json(TaxRate, value, path, problems)
            if rate is not None:
                problems += _problems_of(rate, country, path)
                rates.append(rate)
        # Overlaps are checked last: between invalid rates they would be misleading.
        _raise_if_any(problems)
        TaxTable(tuple(rates))  # raises for overlapping rates
        return tuple(rates)

    def to_list(self) -> list[dict[str, Any]]:
        """Return JSON values without the country, which is the same in all of them."""
        values: list[dict[str, Any]] = [to_json(rate) for rate in self.rates]
        for value in values:
            del value["country"]
        return values

    def update(
        self, change: "RatesChange", today: date, *, at: datetime, actor: str
    ) -> "CountryRates":
        """Return the next version, with the rates from ``today`` on.

        An unchanged decision to sell without tax keeps its author and time.

        The first rate of a class and region begins today unless it names a day: there is no earlier
        rate that it could contradict.

        Raises :class:`InvalidRequest`: ``rate_past`` if the rates of an earlier day differ, because
        they taxed goods that may still be returned; ``rates_gap`` for days without a rate between
        two rates, unless the first one ended before today.
        """
        known = {_key(rate) for rate in self.rates}
        rates = tuple(
            replace(rate, since=today) if _begins_today(rate, known, today) else rate
            for rate in change.rates
        )
        old, new = _past_periods(self.rates, today), _past_periods(rates, today)
        for key in {**old, **new}:
            if old.get(key) != new.get(key):
                region, tax_class = key
                name = f"{tax_class} in {region}" if region else tax_class
                raise InvalidRequest(
                    f"The rate of {name} before {today} cannot change. End it with until, and"
                    " begin the new rate today or later.",
                    code="rate_past",
                    path=_path_of(rates, key),
                )
        _raise_if_any(list(_gaps(rates, today)))
        decisions = self.untaxed
        if change.untaxed is not None:
            stated = {(one.region, one.reason): one for one in self.untaxed}
            decisions = tuple(
                stated.get((region, text)) or UntaxedDecision(text, actor, at, region)
                for region, text in change.untaxed.items()
            )
        return replace(
            self,
            rates=rates,
            untaxed=decisions,
            version=self.version + 1,
            at=at,
            actor=actor,
            reason=change.reason,
        )

    def decide(self, reason: str, *, at: datetime, actor: str) -> "CountryRates":
        """Return the next version, with the decision to sell to the whole country without tax.

        Decisions for regions stay. If the decision is the same, the version is, too.
        """
        stated = [one for one in self.untaxed if one.region is None]
        if stated and stated[0].reason == reason:
            return self
        others = tuple(one for one in self.untaxed if one.region is not None)
        return replace(
            self,
            untaxed=(*others, UntaxedDecision(reason, actor, at)),
            version=self.version + 1,
            at=at,
            actor=actor,
            reason=reason,
        )

    @classmethod
    def parse_untaxed(
        cls, country: str, decisions: Iterable[tuple[str | None, str]]
    ) -> dict[str | None, str]:
        """Return reasons by region code from regions as staff write them.

        Raises :class:`InvalidRequest` with the path of every problem.
        """
        from shop.places.model.stated_areas import region_code  # lazy: staff handlers

        problems: list[Problem] = []
        reasons: dict[str | None, str] = {}
        for position, (text, reason) in enumerate(decisions):
            path = f"$.untaxed[{position}]"
            region = None if text is None else region_code(country, text)
            if region is not None and not is_region(country, region):
                detail = region_unknown(country)
                problems.append(Problem("region_unknown", detail, f"{path}.region"))
            elif region in reasons:
                detail = "Must be different: a place has two decisions. Send one."
                problems.append(Problem("duplicate", detail, f"{path}.region"))
            if TAG.search(reason) or CONTROL_CHARACTERS.search(reason):
                problems.append(Problem("markup_not_allowed", MARKUP_MESSAGE, f"{path}.reason"))
            reasons[region] = reason
        _raise_if_any(problems)
        return reasons


def _begins_today(rate: TaxRate, known: set[RateKey], today: date) -> bool:
    """Whether a rate without a first day is the first of its class and region."""
    ends_later = rate.until is None or rate.until > today
    return rate.since is None and ends_later and _key(rate) not in known


def tax_table_with(
    customized: Iterable[CountryRates], local: Mapping[str, "StateRates"] | None = None
) -> TaxTable:
    """Return the bundled table, with the rates of customized countries replaced.

    ``local`` are the rates below the states of the US.
    """
    by_country = {rates.country: rates for rates in customized}
    if not by_country and not local:
        return BUNDLED_TAX_TABLE
    own = [rate for rates in by_country.values() for rate in rates.rates]
    others = [rate for rate in BUNDLED_TAX_TABLE.rates if rate.country not in by_country]
    untaxed = {rates.country: rates.untaxed for rates in by_country.values() if rates.untaxed}
    return TaxTable((*others, *own), BUNDLED_TAX_TABLE.union, untaxed, local or {})


def _with_place_codes(item: dict[str, Any], country: str) -> dict[str, Any]:
    """Return the JSON object of a rate with codes for country and region, where they have one."""
    from shop.places.model.stated_areas import region_code  # lazy: staff handlers
    from shop.tax.model.areas import find_tax_area  # lazy: staff handlers

    value = {"country": country, **item}
    if isinstance(text := value["country"], str):
        code = find_tax_area(text)
        value["country"] = text if isinstance(code, Unmatched) else code
    if "region" in value:
        value["region"] = region_code(country, value["region"])
    return value


def _raise_if_any(problems: list[Problem]) -> None:
    if problems:
        raise InvalidRequest(
            problems[0].detail, code=problems[0].code, problems=problems[:MAX_PROBLEMS]
        )


def _problems_of(rate: TaxRate, country: str, path: str) -> Iterator[Problem]:
    if rate.country != country:
        yield Problem("country_other", f"Country must be {country}.", f"{path}.country")
    if not TAX_CLASS_PATTERN.fullmatch(rate.tax_class) or rate.tax_class == ZERO:
        detail = (
            "Tax class must be 1 to 32 lower-case letters, digits or underscores, begin with a"
            f" letter, and differ from {ZERO}, which is never taxed."
        )
        yield Problem("tax_class_invalid", detail, f"{path}.tax_class")
    if rate.region is not None and not _is_region_or_area(country, rate.region):
        detail = region_unknown(country)
        yield Problem("region_unknown", detail, f"{path}.region")
    if len(rate.name) > MAX_NAME_LENGTH or not rate.name.isprintable():
        detail = f"Name must be one line of at most {MAX_NAME_LENGTH} characters."
        yield Problem("text_invalid", detail, f"{path}.name")
    elif TAG.search(rate.name):
        yield Problem("markup_not_allowed", MARKUP_MESSAGE, f"{path}.name")


def _is_region_or_area(country: str, region: str) -> bool:
    return (country, region) in AREA_REGIONS or is_region(country, region)


def _gaps(rates: Sequence[TaxRate], today: date) -> Iterator[Problem]:
    """Yield a problem for each period without a rate between two rates of one key.

    Such a gap is a mistake: a class that becomes untaxed gets a rate of 0. After a rate that ended
    before today it is not: the seller may have ended a registration, and now registers again.
    """
    for position, rate in enumerate(rates):
        if rate.until is None or rate.until < today:
            continue
        starts = [other.since for other in rates if other.since and _key(other) == _key(rate)]
        next_start = min((since for since in starts if since >= rate.until), default=rate.until)
        if next_start > rate.until:
            detail = f"The days from {rate.until} until {next_start} have no rate. Close the gap."
            yield Problem("rates_gap", detail, f"$.rates[{position}].until")


def _key(rate: TaxRate) -> RateKey:
    return (rate.region, rate.tax_class)


def _past_periods(rates: Iterable[TaxRate], today: date) -> dict[RateKey, list[Period]]:
    """Return the periods before today by key, to compare two versions.

    Adjacent periods of equal rate are merged, because their division changes no tax.
    """
    by_key: dict[RateKey, list[Period]] = {}
    for rate in sorted(rates, key=lambda rate: rate.since or date.min):
        if rate.since is not None and rate.since >= today:
            continue
        periods = by_key.setdefault(_key(rate), [])
        until = today if rate.until is None else min(rate.until, today)
        if periods and periods[-1][1] == rate.since and periods[-1][2] == rate.rate:
            periods[-1] = (periods[-1][0], until, rate.rate)
        else:
            periods.append((rate.since, until, rate.rate))
    return by_key


def _path_of(rates: tuple[TaxRate, ...], key: RateKey) -> str:
    for position, rate in enumerate(rates):
        if _key(rate) == key:
            return f"$.rates[{position}]"
    return "$.rates"
