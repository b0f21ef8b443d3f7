"""Tax rates with their dates, and the table in which a rate is looked up."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import field
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from shop.kernel.errors import InvalidRequest, Problem
from shop.kernel.frozen import frozen
from shop.places.model.destination import Destination
from shop.tax.model.bundled_rates import AREA_RATES, AREA_REGIONS, US_UNTAXED_CARRIAGE, VAT

if TYPE_CHECKING:  # most shops have no rates below a state
    from shop.tax.model.local_rates import LocalEdition, LocalRate, StateRates

MILLION = 1_000_000
"""Rates are parts per million: 72,500 means 7.25 %."""
STANDARD, SHIPPING = "standard", "shipping"
"""The tax class of most goods, and the tax class of shipping."""
ZERO = "zero"
"""The tax class that is never taxed."""
NORTHERN_IRELAND = "XI"
"""Tax area of Northern Ireland, which follows the Union's rules for goods. Its addresses have the
country ``GB``; its VAT numbers for goods have this prefix. Source: Windsor Framework, Art. 8."""
COUNTRIES_WITH_AREAS = frozenset("AT AU CH CN DE DK ES FI FR GB GR IM IT MC NL NO PT".split())
"""Countries with places in which other rates apply, or which count as another country."""
MAX_CACHED_RATES = 10_000


@frozen
class TaxRate:
    """A rate in parts per million of the net price, in force on days ``since`` <= day < ``until``.

    A rate without a region applies to the whole country. A rate of the region takes precedence.
    """

    country: str
    rate: int
    tax_class: str = STANDARD
    region: str | None = None
    name: str = ""
    since: date | None = None
    until: date | None = None

    def applies_on(self, day: date) -> bool:
        return (self.since is None or self.since <= day) and (
            self.until is None or day < self.until
        )

    def overlaps(self, other: "TaxRate") -> bool:
        """Whether both are in force on some day."""
        return (self.until is None or other.since is None or other.since < self.until) and (
            other.until is None or self.since is None or self.since < other.until
        )


@frozen
class UntaxedDecision:
    """A decision of staff to sell without tax, such as "not registered here".

    It changes no price: it states why a place without a rate is untaxed. Without a region it holds
    for the whole country.
    """

    reason: str
    actor: str
    at: datetime
    region: str | None = None


@frozen
class TaxArea:
    """The place whose rates apply to a destination.

    ``is_outside`` is whether the rates of the whole country do not apply there; rates of its region
    do. ``name`` is that of the territory, if the destination is in one.
    """

    place: Destination
    is_outside: bool = False
    name: str = ""

    @property
    def member(self) -> str | None:
        """Return the prefix of VAT numbers for goods in this area; ``None`` outside tax areas."""
        return None if self.is_outside else self.place.country


def tax_area(destination: Destination) -> TaxArea:
    """Return the tax area of a destination."""
    if destination.country not in COUNTRIES_WITH_AREAS:
        return TaxArea(destination)
    from shop.tax.model.areas import area_in  # lazy: most countries have one tax area

    return area_in(destination)


def taxed_from(home: Destination | None, destination: Destination) -> Destination:
    """Return the place whose rates a seller charges for goods to a destination.

    Northern Ireland is the United Kingdom for a seller in Great Britain.
    """
    if destination.country not in ("GB", NORTHERN_IRELAND) or home is None:
        return destination
    if tax_area(home).member == "GB" and tax_area(destination).member == NORTHERN_IRELAND:
        return Destination("GB")
    return destination


@frozen(slots=False)
class TaxTable:
    """All tax rates, indexed for lookup.

    ``union`` are the countries between which the reverse charge applies. Raises
    :class:`InvalidRequest` if two rates of one class, country and region overlap.
    """

    rates: tuple[TaxRate, ...] = ()
    union: frozenset[str] = frozenset()
    untaxed: Mapping[str, tuple[UntaxedDecision, ...]] = field(default_factory=dict)
    """Decisions by country."""
    local: Mapping[str, "StateRates"] = field(default_factory=dict)
    """Rates below the states of the US, by state."""
    _by_key: dict[tuple[str, str | None, str], list[TaxRate]] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        problems: list[Problem] = []
        for position, rate in enumerate(self.rates):
            same_key = self._by_key.setdefault((rate.country, rate.region, rate.tax_class), [])
            problems += _problems_of(rate, same_key, f"$.rates[{position}]")
            same_key.append(rate)
        if problems:
            raise InvalidRequest(problems[0].detail, code=problems[0].code, problems=problems)

    @cached_property
    def _cached_rates(
        self,
    ) -> dict[tuple[str, str | None, str | None, bool, str, date], TaxRate | None]:
        return {}

    @cached_property
    def _regions_by_country(self) -> dict[str, frozenset[str]]:
        named: dict[str, set[str]] = {}
        for rate in self.rates:
            # The postal code finds an area; an address needs no region for it.
            if rate.region is not None and (rate.country, rate.region) not in AREA_REGIONS:
                named.setdefault(rate.country, set()).add(rate.region)
        return {country: frozenset(regions) for country, regions in named.items()}

    @property
    def classes(self) -> frozenset[str]:
        """The classes that goods may have: those with rates, and the one of untaxed goods."""
        return frozenset(r.tax_class for r in self.rates if r.tax_class != SHIPPING) | {ZERO}

    def regions_named(self, country: str) -> frozenset[str]:
        """Return the regions of a country that have rates of their own."""
        return self._regions_by_country.get(country, frozenset())

    @cached_property
    def _first_days(self) -> tuple[date, ...]:
        """The days on which a rate or an edition of rates below a state begins, or a rate ends."""
        days = {day for rate in self.rates for day in (rate.since, rate.until)}
        days |= {edition.since for state in self.local.values() for edition in state.editions}
        return tuple(sorted(day for day in days if day is not None))

    def changes_after(self, day: date, until: date) -> bool:
        """Whether any rate begins or ends after one day, up to and including another."""
        return bisect_right(self._first_days, day) < bisect_right(self._first_days, until)

    def has_rates(self, country: str) -> bool:
        """Whether any rate, past or future, is stated for a country or one of its regions."""
        return country in self._countries

    @cached_property
    def _countries(self) -> frozenset[str]:
        return frozenset(rate.country for rate in self.rates)

    def untaxed_decision(self, destination: Destination) -> UntaxedDecision | None:
        """Return the decision to sell to a destination without tax, the region's first."""
        place = tax_area(destination).place
        decisions = {decision.region: decision for decision in self.untaxed.get(place.country, ())}
        for region in (*place.regions, None):
            if region in decisions:
                return decisions[region]
        return None

    def rate(self, tax_class: str, destination: Destination, day: date) -> TaxRate | None:
        """Return the rate of a class at a destination on a day, or ``None`` if it is untaxed.

        A class without a rate at the destination is taxed as ``standard``. The class ``zero``,
        destinations outside the table and territories outside tax areas are untaxed.
        """
        if tax_class == ZERO:
            return None
        area = tax_area(destination)
        # The rates below a state depend on the ZIP code.
        code = area.place.postal_code if self._edition(area.place, day) else None
        key = (area.place.country, area.place.region, code, area.is_outside, tax_class, day)
        cache = self._cached_rates
        if key not in cache:
            # Regions come from clients, so the number of keys is unlimited.
            if len(cache) > MAX_CACHED_RATES:
                cache.clear()
            cache[key] = self._look_up(tax_class, area, day)
        return cache[key]

    def _look_up(self, tax_class: str, area: TaxArea, day: date) -> TaxRate | None:
        # Outside the country's tax area, only rates that staff gave its regions apply.
        regions = area.place.regions if area.is_outside else (*area.place.regions, None)
        # The class before the region: a national rate of the class precedes a regional standard.
        for one_class in (tax_class, STANDARD):
            # A rate below the state includes that of the state, so it precedes it.
            local = self.local_rate(area.place, day) if one_class == STANDARD else None
            if local is not None:
                name = f"{local.name} sales tax"
                return TaxRate("US", local.combined, region=area.place.region, name=name)
            for region in regions:
                for rate in self._by_key.get((area.place.country, region, one_class), ()):
                    if rate.applies_on(day):
                        return rate
        edition = self._edition(area.place, day)
        if edition is not None:
            region = area.place.region
            return TaxRate("US", edition.state_rate, region=region, name=f"{region} sales tax")
        return None

    def _edition(self, place: Destination, day: date) -> "LocalEdition | None":
        """Return the rates below the state that are in force at a destination."""
        if not self.local or place.country != "US":
            return None
        state = self.local.get(place.region or "")
        return state.on(day) if state is not None else None

    def local_rate(self, place: Destination, day: date) -> "LocalRate | None":
        """Return the rate below the state of a destination's ZIP code, if it is known."""
        edition = self._edition(place, day)
        return edition.find(place.postal_code) if edition is not None else None

    def is_zip_unknown(self, place: Destination, day: date) -> bool:
        """Whether the state has rates by ZIP code, and none for this one."""
        edition = self._edition(place, day)
        return edition is not None and edition.find(place.postal_code) is None

    def is_reverse_charge(
        self, vat_id: str | None, destination: Destination | None, home: Destination | None
    ) -> bool:
        """Whether the customer owes the tax, as a business of another member state.

        The goods leave the seller's state (``home``) for another one of the union, both within its
        tax area. The VAT number is of a state other than the seller's. Northern Ireland counts as
        a state of its own for goods. Source: Directive 2006/112/EC, Art. 138 and 196.
        """
        if not vat_id or destination is None or home is None:
            return False
        prefix = vat_id[:2]
        # VAT numbers of Greece begin with EL, its ISO 3166-1 code is GR.
        issuer = "GR" if prefix == "EL" else prefix
        origin, target = tax_area(home).member, tax_area(destination).member
        members = {*self.union, NORTHERN_IRELAND}
        return {origin, target, issuer} <= members and origin not in (target, issuer)


def _problems_of(rate: TaxRate, others: list[TaxRate], path: str) -> Iterator[Problem]:
    if not 0 <= rate.rate <= MILLION:
        yield Problem("rate_invalid", "Rate must be from 0 to 1000000 (100 %).", f"{path}.rate")
    if rate.since is not None and rate.until is not None and rate.until <= rate.since:
        yield Problem("ends_before_start", "Until must be after since.", f"{path}.until")
    if any(rate.overlaps(other) for other in others):
        yield Problem(
            "rates_overlap",
            f"Two rates of {rate.tax_class} in {rate.country} overlap. End one before the other.",
            path,
        )


def _european_rates() -> list[TaxRate]:
    rates: list[TaxRate] = []
    for country, (_, name, standard, reduced, super_reduced) in VAT.items():
        # Directive 2006/112/EC, Art. 98: a reduced rate is 5 % or more, a super-reduced one less.
        at_least_5_percent = [rate for rate in reduced if rate >= 50_000]
        current = {STANDARD: standard}
        if at_least_5_percent:
            current["reduced"] = at_least_5_percent[-1]
        if super_reduced or at_least_5_percent:
            current["super_reduced"] = super_reduced or at_least_5_percent[-1]
        for tax_class, rate in current.items():
            since = None
            for former, until in _FORMER_RATES.get((country, tax_class), ()):
                rates.append(TaxRate(country, former, tax_class, None, name, since, until))
                since = until
            rates.append(TaxRate(country, rate, tax_class, None, name, since))
    return rates


_FORMER_RATES: dict[tuple[str, str], tuple[tuple[int, date], ...]] = {
    # Each rate with its last day plus one. Goods that it taxed may still be returned.
    ("CZ", "reduced"): ((100_000, date(2024, 1, 1)),),
    ("DE", STANDARD): ((190_000, date(2020, 7, 1)), (160_000, date(2021, 1, 1))),
    ("DE", "reduced"): ((70_000, date(2020, 7, 1)), (50_000, date(2021, 1, 1))),
    ("EE", STANDARD): ((200_000, date(2024, 1, 1)), (220_000, date(2025, 7, 1))),
    ("FI", STANDARD): ((240_000, date(2024, 9, 1)),),
    ("LU", STANDARD): ((170_000, date(2023, 1, 1)), (160_000, date(2024, 1, 1))),
    ("LU", "reduced"): ((80_000, date(2023, 1, 1)), (70_000, date(2024, 1, 1))),
    ("RO", STANDARD): ((190_000, date(2025, 8, 1)),),
    ("RO", "reduced"): ((50_000, date(2025, 8, 1)),),
    ("SK", STANDARD): ((200_000, date(2025, 1, 1)),),
}

_AREA_RATES = [
    TaxRate(country, rate, tax_class, region, name, since, until)
    for country, region, name, tax_class, rate, since, until in AREA_RATES
]

_US_RATES = [
    # A sample of state rates without local taxes, for trials only. A real shop uses a provider.
    TaxRate("US", 72_500, region="CA", name="CA sales tax"),
    TaxRate("US", 40_000, region="NY", name="NY sales tax"),
    TaxRate("US", 62_500, region="TX", name="TX sales tax"),
    TaxRate("US", 65_000, region="WA", name="WA sales tax"),
    TaxRate("US", 60_000, region="FL", name="FL sales tax"),
    # §10.3a: a rate of 0 keeps shipping from following the goods.
    *(
        TaxRate("US", 0, SHIPPING, state, f"{state} carriage, {basis}")
        for state, (basis, _) in US_UNTAXED_CARRIAGE.items()
    ),
]

_CHINESE_RATES = [
    TaxRate("CN", 130_000, name="增值税"),
    TaxRate("CN", 90_000, "reduced", name="增值税"),
    TaxRate("CN", 60_000, SHIPPING, name="增值税"),
]

BUNDLED_TAX_TABLE = TaxTable(
    rates=(*_european_rates(), *_AREA_RATES, *_US_RATES, *_CHINESE_RATES),
    union=frozenset(country for country, row in VAT.items() if row[0]),
)
"""Europe (classes ``standard``, ``reduced`` and ``super_reduced``), a sample of the US, and China.

``reduced`` is the lowest rate of at least 5 %. ``super_reduced`` is the rate below 5 %, or the
``reduced`` rate in countries without one.
"""
