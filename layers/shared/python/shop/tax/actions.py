"""Use cases of tax: read and change the rates of a country, or below the states of the US."""

from datetime import date, datetime

from shop.kernel.errors import NotFound
from shop.kernel.events import Event
from shop.kernel.optimistic_locking import check_version
from shop.places.model.countries import Unmatched, find_region
from shop.tax.model.areas import find_tax_area
from shop.tax.model.country_rates import CountryRates, RatesChange
from shop.tax.model.local_import import parse_local_rates, update_state
from shop.tax.model.local_rates import StateRates
from shop.tax.ports import LocalRateRepository, TaxRateRepository


def get_tax_rates(country: str, *, repository: TaxRateRepository) -> CountryRates:
    """Return the rates of a country or of Northern Ireland (``XI``), by code or name.

    Raises NotFound (``country_unknown``).
    """
    code = find_tax_area(country)
    if isinstance(code, Unmatched):
        raise NotFound(
            f"Country {country!r} is unknown. Use an ISO 3166-1 code such as DE.",
            code="country_unknown",
            path="country",
        )
    return repository.get(code)


def set_tax_rates(
    country: str,
    change: RatesChange,
    *,
    expected_version: int,
    actor: str,
    repository: TaxRateRepository,
    today: date,
    at: datetime,
) -> CountryRates:
    """Change a country's rates from ``today`` on, and the decisions to sell without tax.

    ``today`` is the current day in the time zone of the country's market.

    Raises NotFound (``country_unknown``), VersionConflict, and InvalidRequest (``rate_past``) if
    the rates of an earlier day differ.
    """
    before = get_tax_rates(country, repository=repository)
    country = before.country
    check_version(f"the tax rates of {country}", before.version, expected_version)
    after = before.update(change, today, at=at, actor=actor)
    event = Event(
        id=f"tax:{country}:{after.version}",
        type="TaxRatesChanged",
        subject=country,
        at=at,
        data={"version": after.version, "rates": len(after.rates)},
    )
    return repository.save(after, [event])


def get_local_rates(state: str, *, repository: LocalRateRepository) -> StateRates:
    """Return the local rates of a state, by code or name. Raises NotFound (``region_unknown``)."""
    code = find_region("US", state)
    if isinstance(code, Unmatched):
        raise NotFound(
            f"State {state!r} is unknown. Use a code such as CA.",
            code="region_unknown",
            path="state",
        )
    return repository.get(code)


def import_local_rates(
    state: str,
    text: str,
    since: date | None,
    *,
    expected_version: int,
    actor: str,
    repository: LocalRateRepository,
    today: date,
    at: datetime,
) -> StateRates:
    """Put the rates of a CSV file in force from a day on; without a day, from today.

    ``today`` is the current day in the time zone of the market of the US.

    Raises NotFound (``region_unknown``), VersionConflict, and InvalidRequest with line and column
    of every problem of the file, or ``rate_past`` for a day in the past.
    """
    before = get_local_rates(state, repository=repository)
    check_version(f"the local rates of {before.state}", before.version, expected_version)
    edition = parse_local_rates(text, before.state, since or today)
    after = update_state(before, edition, today, at=at, actor=actor)
    event = Event(
        id=f"tax:US-{after.state}:{after.version}",
        type="LocalTaxRatesChanged",
        subject=f"US-{after.state}",
        at=at,
        data={"version": after.version, "zip_codes": len(edition.entries)},
    )
    return repository.save(after, [event])
