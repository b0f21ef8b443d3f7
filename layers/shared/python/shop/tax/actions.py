"""Use cases of tax: read and change the rates of a country."""

from datetime import date, datetime

from shop.kernel.errors import NotFound
from shop.kernel.events import Event
from shop.kernel.optimistic_locking import check_version
from shop.places.model.countries import Unmatched, find_country
from shop.tax.model.country_rates import CountryRates, RatesChange
from shop.tax.ports import TaxRateRepository


def get_tax_rates(country: str, *, repository: TaxRateRepository) -> CountryRates:
    """Return the rates of a country, by code or name. Raises NotFound (``country_unknown``)."""
    code = find_country(country)
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
