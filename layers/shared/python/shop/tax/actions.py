"""What is done with tax: change the rates."""

from datetime import date, datetime
from typing import TYPE_CHECKING

from shop.kernel.errors import NotFound

if TYPE_CHECKING:  # what is spoken of here, a door loads where it uses it
    from shop.tax.model.country_rates import CountryRates
    from shop.tax.model.rates import TaxRate
    from shop.tax.ports import TaxRateRepository


def get_tax_rates(country: str, *, repository: "TaxRateRepository") -> "CountryRates":
    """The rates of a country. Raises NotFound for what is none."""
    from shop.places.model.countries import COUNTRIES

    if country not in COUNTRIES:
        raise NotFound(f"{country!r} is no country of ISO 3166-1")
    return repository.get(country)


def set_tax_rates(
    country: str,
    rates: "tuple[TaxRate, ...]",
    *,
    expected_version: int,
    actor: str,
    reason: str,
    repository: "TaxRateRepository",
    today: date,
    at: datetime,
) -> "CountryRates":
    """Say what a country's rates are from ``today`` on, the day of its market.

    Raises NotFound, Stale where somebody else was quicker, and Invalid (``rate_past``) where what
    held before today would be told differently.
    """
    from shop.kernel.events import Event
    from shop.kernel.optimistic_locking import check_version

    before = get_tax_rates(country, repository=repository)
    check_version(f"the tax rates of {country}", before.version, expected_version)
    after = before.update(rates, today, at=at, actor=actor, reason=reason)
    event = Event(
        id=f"tax:{country}:{after.version}",
        type="TaxRatesChanged",
        subject=country,
        at=at,
        data={"version": after.version, "rates": len(after.rates)},
    )
    return repository.save(after, [event])
