"""Tax rates as dated data: class of goods × destination × day."""

from dataclasses import field
from datetime import date
from functools import cached_property

from shop.kernel.errors import InvalidRequest, Problem
from shop.kernel.frozen import frozen
from shop.places.model.destination import Destination
from shop.tax.model.vat_rates import VAT

MILLION = 1_000_000
STANDARD, SHIPPING = "standard", "shipping"
"""The tax classes of most goods and of the shipping: not said of each."""


@frozen
class TaxRate:
    """One rate: ``rate`` parts per million of the price before tax, in force on days ``since`` <=
    day < ``until``.

    Without a region it holds for the whole country; a rate of the region goes before it.
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


@frozen(slots=False)
class TaxTable:
    """Rates to look up. ``union`` are the countries between which businesses reverse the charge.

    A class that the destination has no rate for is taxed as ``standard``; "zero" is never taxed; a
    destination that the table does not know is not taxed. Raises :class:`Invalid` where two rates
    of one class, country and region hold on one day.
    """

    rates: tuple[TaxRate, ...] = ()
    union: frozenset[str] = frozenset()
    _by_key: dict[tuple[str, str | None, str], list[TaxRate]] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        problems = []
        for place, rate in enumerate(self.rates):
            path = f"$.rates[{place}]"
            if not 0 <= rate.rate <= MILLION:
                problems.append(Problem("rate_invalid", "a rate is 0 to 100 %", f"{path}.rate"))
            if rate.since is not None and rate.until is not None and rate.until <= rate.since:
                problems.append(
                    Problem("ends_before_start", "until is after since", f"{path}.until")
                )
            others = self._by_key.setdefault((rate.country, rate.region, rate.tax_class), [])
            if any(_meet(rate, other) for other in others):
                problems.append(
                    Problem(
                        "rates_overlap",
                        f"two rates hold at once for {rate.tax_class} in {rate.country}",
                        path,
                    )
                )
            others.append(rate)
        if problems:
            raise InvalidRequest(problems[0].detail, code=problems[0].code, problems=problems)

    @cached_property
    def _found(self) -> dict[tuple[str, str | None, str, date], TaxRate | None]:
        return {}

    def rate(self, tax_class: str, destination: Destination, day: date) -> TaxRate | None:
        """The rate for this class there on that day; ``None`` where nothing is taxed."""
        if tax_class == "zero":
            return None
        key = (destination.country, destination.region, tax_class, day)
        found = self._found
        if key not in found:
            if len(found) > 10_000:
                found.clear()
            found[key] = self._look_up(tax_class, destination, day)
        return found[key]

    def _look_up(self, tax_class: str, destination: Destination, day: date) -> TaxRate | None:
        for wanted in (tax_class, STANDARD):
            for region in (destination.region, None):
                for rate in self._by_key.get((destination.country, region, wanted), ()):
                    if rate.applies_on(day):
                        return rate
        return None

    def is_reverse_charge(
        self, vat_id: str | None, destination: Destination | None, home: str | None
    ) -> bool:
        """Whether the customer, a business of another member state, owes the tax itself.

        The goods leave the seller's state (``home``) for another of the union, and the number was
        given by a state other than the seller's. Source: Directive 2006/112/EC, Art. 138 and 196.
        """
        if not vat_id or destination is None or home is None:
            return False
        prefix = vat_id[:2]
        given_by = "GR" if prefix == "EL" else prefix
        return (
            home in self.union
            and destination.country in self.union
            and destination.country != home
            and given_by in self.union
            and given_by != home
        )


def _meet(one: TaxRate, other: TaxRate) -> bool:
    return (one.until is None or other.since is None or other.since < one.until) and (
        other.until is None or one.since is None or one.since < other.until
    )


def _europe() -> list[TaxRate]:
    rates: list[TaxRate] = []
    for country, (_, name, standard, reduced, lowest) in VAT.items():
        lower = [rate for rate in reduced if rate >= 50_000]
        now = {STANDARD: standard}
        if lower:
            now["reduced"] = lower[-1]
        if lowest or lower:
            now["super_reduced"] = lowest or lower[-1]
        for tax_class, rate in now.items():
            since = None
            for before, until in _BEFORE.get((country, tax_class), ()):
                rates.append(TaxRate(country, before, tax_class, None, name, since, until))
                since = until
            rates.append(TaxRate(country, rate, tax_class, None, name, since))
    return rates


_BEFORE: dict[tuple[str, str], tuple[tuple[int, date], ...]] = {
    # What held before the rates of today, and up to when: goods of then may still be returned.
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

_AMERICA = [
    # A sample of state rates without local taxes: enough to try, not to file; a real shop plugs
    # a provider in.
    TaxRate("US", 72_500, region="CA", name="CA sales tax"),
    TaxRate("US", 40_000, region="NY", name="NY sales tax"),
    TaxRate("US", 62_500, region="TX", name="TX sales tax"),
    TaxRate("US", 65_000, region="WA", name="WA sales tax"),
    TaxRate("US", 60_000, region="FL", name="FL sales tax"),
]

_CHINA = [
    TaxRate("CN", 130_000, name="增值税"),
    TaxRate("CN", 90_000, "reduced", name="增值税"),
    TaxRate("CN", 60_000, SHIPPING, name="增值税"),
]

BUNDLED_TAX_TABLE = TaxTable(
    rates=(*_europe(), *_AMERICA, *_CHINA),
    union=frozenset(country for country, row in VAT.items() if row[0]),
)
"""Europe (standard, "reduced": the lowest of at least 5 %, "super_reduced"), a sample of the US,
and China.

"Reduced" follows Directive 2006/112/EC, Art. 98: a reduced rate is at least 5 %, a super-reduced
one below.
"""
