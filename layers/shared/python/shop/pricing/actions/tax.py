"""What is done with tax: change the rates."""

from datetime import datetime
from typing import TYPE_CHECKING

from shop.kernel.errors import NotFound

if TYPE_CHECKING:  # what is spoken of here, a door loads where it uses it
    from shop.pricing.model.tax import TaxRate
    from shop.pricing.model.tax_rates import CountryRates
    from shop.pricing.ports import TaxRates


def rates_of(country: str, *, book: "TaxRates") -> "CountryRates":
    """The rates of a country. Raises NotFound for what is none."""
    from shop.kernel.places import COUNTRIES

    if country not in COUNTRIES:
        raise NotFound(f"{country!r} is no country of ISO 3166-1")
    return book.of(country)


def change_rates(
    country: str,
    rates: "tuple[TaxRate, ...]",
    *,
    expected_version: int,
    who: str,
    why: str,
    book: "TaxRates",
    at: datetime,
) -> "CountryRates":
    """Say what a country's rates are from today on, as the clock of its market has it.

    Raises NotFound, Stale where somebody else was quicker, and Invalid (``rate_past``) where what
    held before today would be told differently.
    """
    from shop.kernel.events import Event
    from shop.kernel.versions import as_read
    from shop.pricing.model.rules import MARKETS, market_of

    before = rates_of(country, book=book)
    as_read(f"the tax rates of {country}", before.version, expected_version)
    market = next(found for found in MARKETS if found.id == market_of(country))
    after = before.changed(rates, market.day(at), at=at, who=who, why=why)
    event = Event(
        id=f"tax:{country}:{after.version}",
        type="TaxRatesChanged",
        subject=country,
        at=at,
        data={"version": after.version, "rates": len(after.rates)},
    )
    return book.save(after, [event])
